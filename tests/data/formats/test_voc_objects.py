from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import Mask

from refine.data.annotation import Objects
from refine.data.formats.voc_objects import read_voc_objects
from refine.errors import InputError

CLASSES = {"car": 0, "dog": 1}
SIZE = "<size><width>6</width><height>4</height></size>"


def read(
    root: Path,
    *objects: tuple[str, int, int, int, int],
    first_pixel: int = 1,
    instances: list[list[int]] | None = None,
    size: str = SIZE,
) -> Objects:
    sides = ("xmin", "ymin", "xmax", "ymax")
    rows = (
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{side}>{value}</{side}>" for side, value in zip(sides, box, strict=True))
        + "</bndbox></object>"
        for name, *box in objects
    )
    (root / "a.xml").write_text(f"<annotation>{size}{''.join(rows)}</annotation>")
    Image.new("L", (6, 4)).save(root / "a.png")
    mask = None if instances is None else Mask(torch.tensor(instances))
    return read_voc_objects(root / "a.xml", root / "a.png", CLASSES, first_pixel, mask)


def test_a_box_from_pixel_1_to_the_last_is_the_whole_image(tmp_path: Path) -> None:
    found = read(tmp_path, ("dog", 1, 1, 6, 4), ("car", 2, 2, 3, 4))
    assert found.boxes.tolist() == [[0, 0, 6, 4], [1, 1, 3, 4]]
    assert found.classes.tolist() == [1, 0]
    assert found.masks is None


def test_boxes_may_count_from_0(tmp_path: Path) -> None:
    assert read(tmp_path, ("dog", 0, 1, 6, 4), first_pixel=0).boxes.tolist() == [[0, 1, 6, 4]]


def test_a_file_without_objects_or_size_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, size="")
    assert found.boxes.shape == (0, 4)
    assert found.boxes.canvas_size == (4, 6)


def test_instances_are_masks_in_the_order_of_the_file_unless_there_are_more(tmp_path: Path) -> None:
    boxes = ("car", 1, 1, 1, 1), ("dog", 1, 1, 6, 4)
    rows = [[1, 2, 2, 0, 0, 0]] * 4
    masks = read(tmp_path, *boxes, instances=rows).masks
    assert masks is not None
    assert masks[:, 0].tolist() == [[number == value for value in rows[0]] for number in (1, 2)]
    assert read(tmp_path, boxes[0], instances=rows).masks is None


def test_an_unknown_class_and_another_size_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.xml, object 1 \(cow\): no class of this name among car, dog; name all"):
        read(tmp_path, ("cow", 1, 1, 2, 2))
    with pytest.raises(InputError, match=r"a\.xml: says 6x4 .* but .*a\.png is 4x6"):
        read(tmp_path, size="<size><width>4</width><height>6</height></size>")


@pytest.mark.parametrize("box", [(0, 1, 2, 2), (1, 0, 2, 2), (1, 1, 8, 2), (1, 1, 2, 6), (4, 1, 2, 2), (1, 4, 2, 2)])
def test_a_box_outside_or_inside_out_is_named(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match=r"object 1 \(car\): xmin, .* outside of an image of 6x4 .*`first_pixel: 0`$"):
        read(tmp_path, ("car", *box))


def test_the_way_out_is_not_told_to_who_took_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"count from 0; correct them$"):
        read(tmp_path, ("car", 1, 1, 7, 2), first_pixel=0)
