import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.inspect.options import InspectOptions
from refine.inspect.read import read_dataset
from refine.inspect.result import DatasetSummary
from refine.inspect.run import files_by_kind, inspect, summarize
from tests.inspect.datasets import class_folders, noise, save


def test_alone_there_is_no_gap_and_nothing_is_written(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "set", 4)
    result = inspect(InspectOptions(folder=root))
    assert (result["real"], result["gap"], result["faults"], result["suspicious"]) == (None, None, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert json.loads(json.dumps(result)) == result


def test_the_files_hold_what_is_returned(tmp_path: Path) -> None:
    result = inspect(InspectOptions(folder=class_folders(tmp_path / "set", 2), output=tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["inspect.html", "inspect.json", "montage.png"]
    assert json.loads((tmp_path / "out/inspect.json").read_text()) == result


def test_files_of_both_sides_are_counted_and_shared_pictures_stand_in_their_place(tmp_path: Path) -> None:
    here, real = class_folders(tmp_path / "here", 3), class_folders(tmp_path / "real", 3, start=100)
    for number, root in enumerate((here, real)):
        (root / f"a/broken{number}.png").write_bytes(b"")
    (here / "b/other.png").write_bytes((real / "a/000.png").read_bytes())
    (here / "b/again.png").write_bytes((real / "a/000.png").read_bytes())
    (here / "a/gray.pgm").write_bytes(b"P5 2 2 255\n\x00\x00\x00\x00")
    result = inspect(InspectOptions(folder=here, real=real))
    assert [each["kind"] for each in result["dataset"]["findings"]] == ["unreadable", "duplicate", "leak", "constant"]
    (leak,) = [each for each in result["dataset"]["findings"] if each["kind"] == "leak"]
    assert leak["files"] == [
        {"file": "b/again.png", "detail": "is a/000.png of the real images"},
        {"file": "b/other.png", "detail": "is a/000.png of the real images"},
    ]
    assert (result["faults"], result["suspicious"]) == (2, 4)


def test_how_the_layout_was_chosen_is_told(tmp_path: Path) -> None:
    root = class_folders(tmp_path, 2)
    assert inspect(InspectOptions(folder=root, layout="images"))["dataset"]["why"] == "as asked for"
    assert inspect(InspectOptions(folder=root))["dataset"]["why"] != "as asked for"
    result = inspect(InspectOptions(folder=root, real=root, real_layout="images"))
    assert result["real"] is not None
    assert (result["dataset"]["layout"], result["real"]["layout"]) == ("class-folders", "images")


@pytest.mark.parametrize("inside", ["here", "here/deep/out", "real/out", "link/out"])
def test_an_output_in_a_dataset_is_refused_before_anything_is_read(tmp_path: Path, inside: str) -> None:
    here, real = class_folders(tmp_path / "here", 2), class_folders(tmp_path / "real", 2)
    (tmp_path / "link").symlink_to(here)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="lies in the dataset"):
        inspect(InspectOptions(folder=here, real=real, output=tmp_path / inside))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_whose_name_begins_like_the_dataset_is_no_part_of_it(tmp_path: Path) -> None:
    inspect(InspectOptions(folder=class_folders(tmp_path / "set", 2), output=tmp_path / "set-out"))
    assert (tmp_path / "set-out/inspect.json").is_file()


def counted(root: Path, mapping: str | None = None) -> DatasetSummary:
    dataset = read_dataset(open_layout("auto", root, mapping=mapping))
    return summarize(dataset, files_by_kind(dataset))


def test_sizes_come_by_how_often_they_occur_then_by_name_and_broken_images_are_in_none(tmp_path: Path) -> None:
    for number, size in enumerate([(8, 9), (8, 8), (10, 8), (8, 9), (8, 8)]):
        save(tmp_path / f"{number}.png", noise(number, size))
    (tmp_path / "5.png").write_bytes(b"broken")
    found = counted(tmp_path)
    assert list(found["sizes"].items()) == [("8x8", 2), ("8x9", 2), ("10x8", 1)]
    assert found["images"] == 6
    assert found["modes"] == {"RGB": 5}
    assert found["formats"] == {"png": 5}
    assert (found["layout"], found["why"], found["path"]) == ("images", "6 images", str(tmp_path))


def black_and_white(root: Path, middle: int = 255) -> Path:
    for number in range(2):
        save(root / "images" / f"{number}.png", noise(number))
        mask = np.zeros((36, 48), np.uint8)
        mask[:, 24:] = 255
        mask[:, 20:24] = middle if number else 255
        save(root / "masks" / f"{number}.png", mask)
    (root / "classes.txt").write_text("ground\nthing\n")
    return root


def kinds(found: DatasetSummary) -> list[str]:
    return [each["kind"] for each in found["findings"]]


def test_other_findings_stay_beside_it_in_their_order(tmp_path: Path) -> None:
    root = black_and_white(tmp_path)
    (root / "masks/1.png").write_bytes(b"broken")
    save(root / "images/2.png", noise(0))
    save(root / "masks/2.png", np.array(Image.open(root / "masks/0.png")))
    assert kinds(counted(root)) == ["label", "duplicate", "binary"]
