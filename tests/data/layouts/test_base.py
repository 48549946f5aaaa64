from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from refine.data.layouts.base import Layout, in_yaml
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation, LabelSpace


class One(Layout):
    """One image, of class 3."""

    name = "one"

    def __init__(self, root: Path, *faults: str) -> None:
        self.root, self.faults = root, list(faults)
        self.label_space = LabelSpace("class", tuple("abcd"))
        self._records = [Record("0.png", root / "0.png")]

    def annotation(self, record: Record) -> Annotation:
        return Annotation(class_id=torch.tensor(3), targets=torch.ones(2))


def test_a_layout_must_say_its_annotations_and_is_recognized_only_where_it_says_how(tmp_path: Path) -> None:
    assert One.recognize(Listing(tmp_path)) is None
    with pytest.raises(TypeError, match="annotation"):
        Layout(tmp_path)  # type: ignore[abstract]  # that is what is tested


def test_the_label_is_the_part_that_the_label_space_names(tmp_path: Path) -> None:
    layout = One(tmp_path)
    (record,) = layout.records()
    assert int(layout.label(record)) == 3
    layout.label_space = LabelSpace("targets", ("x", "y"))
    assert layout.label(record).tolist() == [1, 1]
    layout.label_space = LabelSpace("none")
    assert layout.label(record).numel() == 0


@pytest.mark.parametrize(("mode", "color"), [("RGB", True), ("P", True), ("L", False), ("I;16", False)])
def test_the_image_is_read_from_its_file(tmp_path: Path, mode: str, color: bool) -> None:
    Image.new(mode, (7, 5)).save(tmp_path / "0.png")
    layout = One(tmp_path)
    (record,) = layout.records()
    assert layout.size(record) == (5, 7)
    assert layout.in_color(record) == color
    assert layout.image(record, 3).shape == (3, 5, 7)
    if not color:
        assert layout.image(record, 1).shape == (1, 5, 7)
    else:
        with pytest.raises(InputError, match="expected a gray image"):
            layout.image(record, 1)


def test_an_unreadable_image_is_named_whatever_is_asked_of_it(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"broken")
    layout = One(tmp_path)
    (record,) = layout.records()
    for ask in (layout.size, layout.in_color, lambda each: layout.image(each, 3)):
        with pytest.raises(InputError, match=r"0\.png: cannot be read as an image"):
            ask(record)


def test_the_first_fault_is_raised_and_the_others_are_counted(tmp_path: Path) -> None:
    One(tmp_path).require_whole()
    with pytest.raises(InputError, match=r"^a\.png: no label; remove it$"):
        One(tmp_path, "a.png: no label; remove it").require_whole()
    with pytest.raises(InputError, match=r"^a\.png: no label \(and 2 more: `refine inspect` lists them\)$"):
        One(tmp_path, "a.png: no label", "b", "c").require_whole()


def test_the_way_out_is_yaml_that_names_the_layout_and_the_option() -> None:
    hint = in_yaml("voc", "classes: [car, truck]")
    assert hint == "in a YAML file for --layout: `layout: voc`, `classes: [car, truck]`"
    assert yaml.safe_load("\n".join(hint.split("`")[1::2])) == {"layout": "voc", "classes": ["car", "truck"]}
