import json
from pathlib import Path
from typing import Any

import pytest

from refine.errors import InputError
from refine.simulators.digits_parameters import DigitsParameters
from refine.simulators.ranges import read_parameters


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rotation": (5.0, -5.0)}, r"rotation: expected two numbers, lowest first.*found \(5, -5\)"),
        ({"rotation": (0.0, 180.0)}, r"within \(-45, 45\), found \(0, 180\)"),
        ({"noise": (0.0, float("nan"))}, "noise: expected"),
        ({"noise": (0.0, float("inf"))}, "noise: expected"),
        ({"stroke": 1.0}, "stroke: expected two numbers.*found 1.0"),
        ({"stroke": (0.0, 0.5, 1.0)}, "stroke: expected two numbers"),
        ({"stroke": ("0", "1")}, "stroke: expected two numbers"),
        ({"stroke": (False, True)}, "stroke: expected two numbers"),
        ({"fonts": ()}, "fonts: expected one or more"),
        ({"fonts": "cmr10.ttf"}, "fonts: expected one or more"),
        ({"fonts": ("cmsy10.ttf",)}, "fonts: 'cmsy10.ttf' is none of .*DejaVuSans.ttf"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_the_name_of_its_field(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        DigitsParameters(**given)


@pytest.mark.parametrize("name", ["horizontal", "vertical"])
@pytest.mark.parametrize("offset", [(0.0, 4.0), (-4.0, 0.0)])
def test_a_digit_may_not_leave_the_canvas(name: str, offset: tuple[float, float]) -> None:
    fixed: dict[str, Any] = {"size": (20.0, 20.0), "stroke": (0.0, 0.0), name: offset}
    DigitsParameters(**fixed)
    with pytest.raises(InputError, match=f"{name}.*reaches 14.5 pixels"):
        DigitsParameters(**fixed | {"stroke": (0.0, 1.0)})
    with pytest.raises(InputError, match=f"{name}.*reaches 14.5 pixels"):
        DigitsParameters(**fixed | {"size": (20.0, 21.0)})


def test_digits_must_stand_out_whichever_of_ink_and_ground_is_brighter() -> None:
    DigitsParameters(foreground=(0.0, 50.0), background=(82.0, 255.0))
    DigitsParameters(foreground=(82.0, 255.0), background=(0.0, 50.0))
    with pytest.raises(InputError, match="at least 32 levels between the two ranges, found 31"):
        DigitsParameters(foreground=(0.0, 50.0), background=(81.0, 255.0))


def test_equal_ranges_are_equal_however_they_were_written() -> None:
    listed: Any = {"fonts": ["cmr10.ttf"], "noise": [0, 1]}
    plain = DigitsParameters(fonts=("cmr10.ttf",), noise=(0.0, 1.0))
    assert DigitsParameters(**listed) == plain
    assert repr(DigitsParameters(**listed)) == repr(plain)  # 0 and 0.0 would give two hashes


@pytest.mark.parametrize("text", ["rotation: [-3, 3]\n", json.dumps({"rotation": [-3, 3]})])
def test_a_file_replaces_what_it_names_and_keeps_the_other_defaults(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ranges"
    file.write_text(text)
    assert read_parameters(file, DigitsParameters) == DigitsParameters(rotation=(-3.0, 3.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rotations: [0, 1]", "no parameter 'rotations'; there are: fonts, size, rotation"),
        ("rotation: [0, 90]", "rotation: expected two numbers"),
        ("- 1", "expected ranges by name.*found list"),
        ("{", "cannot be read as YAML or JSON"),
        (None, "cannot be read as YAML or JSON"),
    ],
)
def test_a_file_that_says_something_else_is_refused_by_its_name(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "ranges.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=f"ranges.yaml: {says}"):
        read_parameters(file, DigitsParameters)
