from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts.voc_xml import (
    HEAD_BYTES,
    VocFile,
    VocObject,
    begins_as_voc,
    class_names,
    read_voc_objects,
    read_voc_xml,
)
from refine.errors import InputError
from refine.files import SIZE_VARIABLE
from refine.labels import Objects

BOX = "<bndbox><ymin>2</ymin><xmin>1.5</xmin><xmax>3</xmax><ymax>4</ymax></bndbox>"


PART = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"


def xml(root: Path, content: str) -> Path:
    (root / "a.xml").write_text(content)
    return root / "a.xml"


def test_size_and_objects_are_read_and_parts_are_not(tmp_path: Path) -> None:
    size = "<size><width>6</width><height>4</height><depth>3</depth></size>"
    path = xml(tmp_path, f"<annotation>{size}<object>{PART}<name> dog </name>{BOX}</object></annotation>")
    assert read_voc_xml(path) == VocFile((4, 6), (VocObject(f"{path}, object 1 (dog)", "dog", (1.5, 2, 3, 4)),))
    assert read_voc_xml(xml(tmp_path, "<annotation/>")) == VocFile(None, ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<object><name>dog</name></object>", r"object 1 \(dog\): expected a name and a bndbox"),
        (f"<object>{BOX}</object>", r"object 1 \(without a name\): expected a name and a bndbox"),
        (f"<object><name>dog</name>{BOX.replace('3', 'nan')}</object>", r"object 1 \(dog\): .*found 'nan'"),
        ("<object><name>dog</name><bndbox/></object>", r"object 1 \(dog\): expected a finite number, found ''"),
        ("<size><width>6</width></size>", r"a\.xml, size: expected a finite number, found ''"),
    ],
)
def test_what_an_object_or_the_size_lacks_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_voc_xml(xml(tmp_path, f"<annotation>{content}</annotation>"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation>", "no element found"),
        ("<!DOCTYPE annotation [<!ENTITY a 'b'>]><annotation>&a;</annotation>", "has a DOCTYPE"),
        ("<?xml version='1.0' encoding='none-such'?><annotation/>", "unknown encoding"),
        ("<annotations><image/></annotations>", "its first tag is 'annotations' and not 'annotation'"),
        (f"<annotation>{' ' * (1 << 20)}</annotation>", "it has more than 1 MiB; .* raise --max-file-size"),
    ],
)
def test_what_is_no_xml_of_voc_is_named_and_has_no_classes(
    tmp_path: Path, content: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "1")
    path = xml(tmp_path, content)
    with pytest.raises(InputError, match=rf"a\.xml: cannot be read as XML of VOC \({message}.*\); replace it"):
        read_voc_xml(path)
    assert class_names(path) == set()


def test_class_names_need_no_box(tmp_path: Path) -> None:
    rows = ("<name>dog</name>", "<name> car</name>", "<name>dog</name>", "<name> </name>", "", PART)
    assert class_names(
        xml(tmp_path, f"<annotation>{''.join(f'<object>{row}</object>' for row in rows)}</annotation>")
    ) == {"dog", "car"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<annotation>", True),
        ('<?xml version="1.0"?>\n<annotation verified="yes">', True),
        ("<annotations>", False),
        (" " * HEAD_BYTES + "<annotation>", False),
    ],
)
def test_a_file_begins_as_labeling_tools_write_it(tmp_path: Path, content: str, expected: bool) -> None:
    assert begins_as_voc(xml(tmp_path, content)) is expected
    assert not begins_as_voc(tmp_path / "nowhere.xml")


CLASSES = {"car": 0, "dog": 1}


SIZE = "<size><width>6</width><height>4</height></size>"


def read(
    root: Path,
    *objects: tuple[str, int, int, int, int],
    first_pixel: int = 1,
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
    return read_voc_objects(root / "a.xml", root / "a.png", CLASSES, first_pixel, None)


def test_a_box_from_pixel_1_to_the_last_is_the_whole_image(tmp_path: Path) -> None:
    found = read(tmp_path, ("dog", 1, 1, 6, 4), ("car", 2, 2, 3, 4))
    assert found.boxes.tolist() == [[0, 0, 6, 4], [1, 1, 3, 4]]
    assert found.classes.tolist() == [1, 0]
    assert found.masks is None
    assert read(tmp_path, ("dog", 0, 1, 6, 4), first_pixel=0).boxes.tolist() == [[0, 1, 6, 4]]
    assert read(tmp_path, size="").boxes.shape == (0, 4)
    with pytest.raises(InputError, match=r"a\.xml: says 6x4 .* but .*a\.png is 4x6"):
        read(tmp_path, size="<size><width>4</width><height>6</height></size>")
    with pytest.raises(InputError, match=r"count from 0; correct them$"):  # and no way out that was taken
        read(tmp_path, ("car", 1, 1, 7, 2), first_pixel=0)


@pytest.mark.parametrize("box", [(0, 1, 2, 2), (1, 0, 2, 2), (1, 1, 8, 2), (1, 1, 2, 6), (4, 1, 2, 2), (1, 4, 2, 2)])
def test_a_box_outside_or_inside_out_is_named(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match=r"object 1 \(car\): xmin, .* outside of an image of 6x4 .*`first_pixel: 0`$"):
        read(tmp_path, ("car", *box))
