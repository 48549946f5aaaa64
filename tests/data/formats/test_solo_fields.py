import pytest

from refine.data.formats.solo_fields import Field, field, said


def test_a_field_is_given_whatever_it_holds() -> None:
    assert field({"id": None}, "id", "frame 3") is None


def test_a_missing_one_is_told_in_words_with_its_entry() -> None:
    with pytest.raises(Field) as error:
        field({}, "id", "frame 3")
    assert str(error.value) == "frame 3 lacks the field id"
    assert said(error.value) == "frame 3 lacks the field id"


def test_a_bare_key_and_other_errors_are_told_as_well() -> None:
    assert said(KeyError("captures")) == "an entry lacks the field captures"
    assert said(TypeError("no list")) == "TypeError('no list')"
