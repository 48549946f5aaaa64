from pathlib import Path

import pytest

from refine.data.formats import yaml_file
from refine.data.formats.yaml_file import read_yaml
from refine.errors import InputError


def test_a_mapping_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("names: [car, 2]\n")
    assert read_yaml(tmp_path / "a.yaml") == {"names": ["car", 2]}


@pytest.mark.parametrize("text", ["a: &a [x]\nb: *a\n", "a: &a {x: 1}\nb: {<<: [*a, *a]}\n"])
def test_values_that_stand_for_others_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=r"a\.yaml: cannot be read as YAML \(it has an alias"):
        read_yaml(tmp_path / "a.yaml")


def test_a_file_of_many_megabytes_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    monkeypatch.setattr(yaml_file, "MOST_BYTES", 4)
    with pytest.raises(InputError, match=r"a\.yaml: cannot be read as YAML \(more than"):
        read_yaml(tmp_path / "a.yaml")
