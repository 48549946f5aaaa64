from pathlib import Path

import pytest

from refine.data.formats.voc_xml import (
    PEEK,
    VocFile,
    VocObject,
    begins_as_voc,
    class_names,
    read_voc_xml,
)
from refine.errors import InputError
from refine.files import SIZE_VARIABLE

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


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.xml: cannot be read as XML of VOC"):
        read_voc_xml(tmp_path / "a.xml")
    assert not begins_as_voc(tmp_path / "a.xml")


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
        (" " * PEEK + "<annotation>", False),
    ],
)
def test_a_file_begins_as_labeling_tools_write_it(tmp_path: Path, content: str, expected: bool) -> None:
    assert begins_as_voc(xml(tmp_path, content)) is expected
