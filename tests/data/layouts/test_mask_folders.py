from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import Mask

from refine.data.layouts import MaskFolders
from refine.errors import InputError

NAMES = ("road", "car", "sky")


def write(root: Path, key: str, ids: list[list[int]], suffix: str = ".png") -> Path:
    """An image and its mask of the same size."""
    pixels = np.array(ids, dtype=np.uint8)
    for folder, end in (("images", suffix), ("masks", ".png")):
        (root / folder / key).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / folder / f"{key}{end}")
    return root / "masks" / f"{key}.png"


def names(root: Path, lines: str = "road\ncar\nsky\n") -> Path:
    (root / "classes.txt").write_text(lines, encoding="utf-8")
    return root


def test_a_mask_has_its_images_path_and_its_pixels_are_the_ids(tmp_path: Path) -> None:
    write(tmp_path, "town/b", [[0, 1], [2, 255]], suffix=".jpg")
    write(tmp_path, "a", [[1, 1, 1]])
    layout = MaskFolders(names(tmp_path))
    assert layout.label_space.kind == "mask"
    assert layout.label_space.names == NAMES
    first, second = layout.records()
    assert [first.key, second.key] == ["images/a.png", "images/town/b.jpg"]
    assert second.label_files == (tmp_path / "masks/town/b.png",)
    label = layout.label(second)
    assert isinstance(label, Mask)
    assert label.dtype == torch.int64
    assert label.tolist() == [[0, 1], [2, 255]]


def test_a_palette_image_gives_its_indices_and_not_its_colors(tmp_path: Path) -> None:
    path = write(tmp_path, "a", [[0, 1, 2]])
    image = Image.fromarray(np.array([[2, 0, 1]], dtype=np.uint8), "P")
    image.putpalette([9, 9, 9, 90, 0, 0, 0, 90, 0])
    image.save(path)
    layout = MaskFolders(names(tmp_path))
    assert layout.label(layout.records()[0]).tolist() == [[2, 0, 1]]


def test_names_come_from_the_argument_where_there_is_no_file(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    assert MaskFolders(tmp_path, NAMES).label_space.names == NAMES


def test_only_labels_ask_for_names(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    layout = MaskFolders(tmp_path)
    (record,) = layout.records()
    assert record.key == "images/a.png"
    unnamed = r"classes\.txt: no such file.* a name a line, or name them in a YAML file for --layout"
    with pytest.raises(InputError, match=unnamed) as error:
        layout.label_space  # noqa: B018  # read for its error
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=unnamed):
        layout.label(record)


def test_blank_lines_and_spaces_around_names_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    assert MaskFolders(names(tmp_path, "\ufeffroad \r\n\n car\nsky")).label_space.names == NAMES


def test_names_that_contradict_the_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    assert MaskFolders(names(tmp_path), NAMES).label_space.names == NAMES
    with pytest.raises(InputError, match=r"classes\.txt: names road, car, sky, not car, road; "):
        MaskFolders(tmp_path, ("car", "road"))


@pytest.mark.parametrize("lines", ["", "road\nroad\n"])
def test_names_must_be_there_and_differ(tmp_path: Path, lines: str) -> None:
    write(tmp_path, "a", [[0]])
    with pytest.raises(InputError, match=r"classes\.txt: expected 1 to 255 different class names"):
        MaskFolders(names(tmp_path, lines))


def test_an_image_without_a_mask_is_named_and_stays(tmp_path: Path) -> None:
    write(tmp_path, "b", [[0]])
    missing = write(tmp_path, "a", [[0]])
    missing.unlink()
    layout = MaskFolders(names(tmp_path))
    assert layout.faults == [f"{tmp_path}/images/a.png: an image without a mask; add {missing}"]
    record = layout.records()[0]
    assert (record.key, record.label_files) == ("images/a.png", ())
    assert layout.annotation(record).mask is None


def test_a_mask_without_an_image_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    mask = write(tmp_path, "b", [[0]])
    (tmp_path / "images/b.png").unlink()
    (fault,) = MaskFolders(names(tmp_path)).faults
    assert fault.startswith(f"{mask}: a label without an image")


def test_a_mask_of_another_suffix_is_no_images(tmp_path: Path) -> None:
    write(tmp_path, "b", [[0]])
    mask = write(tmp_path, "a", [[0]])
    mask.rename(mask.with_suffix(".bmp"))
    layout = MaskFolders(names(tmp_path))
    assert [fault.split(":")[0] for fault in layout.faults] == [
        str(tmp_path / "images/a.png"),
        str(tmp_path / "masks/a.bmp"),
    ]
    assert layout.records()[0].label_files == ()


def test_two_images_of_one_mask_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0]])
    mask = write(tmp_path, "a", [[0]], suffix=".jpg")
    layout = MaskFolders(names(tmp_path))
    (fault,) = layout.faults
    assert fault.startswith(f"{tmp_path}/images/a.png: shares its mask {mask} with images/a.jpg; ")
    assert [(record.key, len(record.label_files)) for record in layout.records()] == [
        ("images/a.jpg", 1),
        ("images/a.png", 0),
    ]


def test_a_mask_of_another_size_is_named_with_both(tmp_path: Path) -> None:
    path = write(tmp_path, "a", [[0, 0]])
    Image.new("L", (1, 3)).save(path)
    layout = MaskFolders(names(tmp_path))
    with pytest.raises(InputError, match=r"masks/a\.png: 3x1 \(height x width\), but .*images/a\.png is 1x2"):
        layout.annotation(layout.records()[0])


def test_an_id_outside_the_classes_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a", [[0, 3, 255]])
    layout = MaskFolders(names(tmp_path))
    with pytest.raises(
        InputError, match=r"masks/a\.png: id 3, but the 3 classes are numbered 0 to 2 \(road, car, sky\)"
    ):
        layout.label(layout.records()[0])


def test_a_mask_in_color_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a", [[0, 0]])
    Image.new("RGB", (2, 1)).save(path)
    layout = MaskFolders(names(tmp_path))
    with pytest.raises(InputError, match=r"masks/a\.png: mode RGB is no index mask"):
        layout.label(layout.records()[0])
