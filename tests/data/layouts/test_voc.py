import time
from pathlib import Path

import pytest

from refine.data.layouts import PascalVoc
from refine.data.layouts.voc import (
    NAMES,
    voc_table,
)
from refine.data.open_layout import choose_layout, recognized
from refine.errors import InputError
from refine.labels import Annotation
from tests.data.layouts.contract import Change, LayoutContract, cropped, gone, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.coco import put_image
from tests.data.layouts.examples.voc import TRAIN, put_mask, put_xml, write_voc, write_voc_beside


def masked(person: int, train: int) -> Change:
    return lambda root: put_mask(root / "SegmentationClass/2008_000008.png", person, train)


class TestContract(LayoutContract):
    layout, write = PascalVoc, staticmethod(write_voc)
    keys = tuple(f"JPEGImages/{name}.jpg" for name in ("2007_000027", "2008_000008", "2008_000015"))
    faults = (
        (
            removed("Annotations/2007_000027.xml"),
            r"/JPEGImages/2007_000027\.jpg: an image without a label in Ann",
        ),
        (removed("JPEGImages/2007_000027.jpg"), r"/Annotations/2007_000027\.xml: a label without an image"),
    )
    errors = (
        (cropped("SegmentationClass/2008_000008.png", 24, 30), r"SegmentationClass/2008_000008\.png: 24x30 .*24x32"),
        (cropped("SegmentationObject/2008_000008.png", 24, 30), r"SegmentationObject/2008_000008\.png: 24x30 .*24x32"),
        (masked(person=15, train=21), r"SegmentationClass/2008_000008\.png: id 21 in 135 pixels"),
    )
    refused = ((gone("Annotations"), "no folder JPEGImages beside Annotations"),)


class TestBeside(LayoutContract):
    layout, write = PascalVoc, staticmethod(write_voc_beside)
    why = r"test/frame-2_jpg\.rf\.0a1b2\.xml beside an image of its name"
    keys = tuple(f"{folder}/frame-{at}_jpg.rf.0a1b{at}.jpg" for at, folder in ((2, "test"), (0, "train"), (1, "valid")))
    faults = ((removed("train/frame-0_jpg.rf.0a1b0.xml"), r"0a1b0\.jpg: an image without an XML file of its name"),)


def test_xml_files_beside_their_images_are_read(tmp_path: Path) -> None:
    layout = PascalVoc(write_voc_beside(tmp_path))
    assert layout.records()[1].label_files == (tmp_path / "train/frame-0_jpg.rf.0a1b0.xml",)
    assert layout.label_space.names == ("person", "tram")
    found = there(annotation(layout, 1).objects)
    assert found.boxes.tolist() == [[14.5, 9, 32, 20], [4, 0, 12, 24]]
    assert found.classes.tolist() == [1, 0]
    assert len(PascalVoc(tmp_path, split="valid").records()) == 1
    with pytest.raises(InputError, match="no folder val; the folders at the top are test, train, valid"):
        PascalVoc(tmp_path, split="val")


BOXES = "Annotations/2008_000008.xml"


def annotation(layout: PascalVoc, number: int = 1) -> Annotation:
    return layout.annotation(layout.records()[number])


def change(path: Path, before: str, after: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    return path


def test_boxes_that_count_from_1_become_areas_with_their_classes_and_masks(tmp_path: Path) -> None:
    layout = PascalVoc(write_voc(tmp_path))
    found = there(annotation(layout).objects)
    assert found.boxes.tolist() == [[4, 0, 12, 24], [14.5, 9, 32, 20]]
    assert layout.label_space.kind == "objects"
    assert len(layout.label_space.names) == 20
    assert [layout.label_space.names[index] for index in found.classes.tolist()] == ["person", "train"]
    assert found.masks is not None
    assert found.masks[0].nonzero().amin(0).tolist() == [0, 4]
    assert found.masks[0].nonzero().amax(0).tolist() == [23, 11]
    assert int(found.masks[1].sum()) == 9 * 15


def test_masks_come_along_with_the_same_numbers_and_without_border_and_background(tmp_path: Path) -> None:
    layout = PascalVoc(write_voc(tmp_path))
    found = annotation(layout)
    assert found.mask is not None
    names = layout.label_space.names
    assert sorted(set(found.mask.flatten().tolist())) == [names.index("person"), names.index("train"), 255]
    assert found.mask[12, 5] == names.index("person")
    assert (found.mask[9, 14], found.mask[0, 0]) == (255, 255)
    assert sorted(set(there(found.instances).flatten().tolist())) == [0, 1, 2]


def test_objects_of_other_numbers_have_no_masks(tmp_path: Path) -> None:
    put_mask(write_voc(tmp_path) / "SegmentationObject/2008_000008.png", person=7, train=2)
    found = annotation(PascalVoc(tmp_path))
    assert there(found.objects).masks is None
    assert found.instances is not None


def test_as_masks_the_background_is_a_class_and_images_are_those_of_the_sets(tmp_path: Path) -> None:
    layout = PascalVoc(write_voc(tmp_path), labels="mask")
    assert layout.label_space.kind == "mask"
    assert layout.label_space.names[:2] == ("background", "aeroplane")
    (record,) = layout.records()
    assert [path.parent.name for path in record.label_files] == [
        "SegmentationClass",
        "Annotations",
        "SegmentationObject",
    ]
    assert sorted(set(layout.label(record).flatten().tolist())) == [0, 15, 19, 255]
    found = there(layout.annotation(record).objects)
    assert found.classes.tolist() == [15, 19]


def test_label_files_are_the_parsed_one_and_all_of_the_images_name(tmp_path: Path) -> None:
    put_mask(write_voc(tmp_path) / "SegmentationClassAug/2008_000008.png", 1, 2)
    names = [path.parent.name for path in PascalVoc(tmp_path).records()[1].label_files]
    assert names == ["Annotations", "SegmentationClass", "SegmentationClassAug", "SegmentationObject"]


def test_a_set_chooses_images_and_names_what_it_lacks(tmp_path: Path) -> None:
    write_voc(tmp_path)
    assert [record.key[-8:] for record in PascalVoc(tmp_path, split="train").records()] == ["0027.jpg", "0008.jpg"]
    assert PascalVoc(tmp_path, split="train").faults == []
    with pytest.raises(InputError, match=r"no ImageSets/Main/test\.txt; the sets are train, val"):
        PascalVoc(tmp_path, split="test")
    (tmp_path / "ImageSets/Main/val.txt").write_text("2008_000015  1\n2007_000027 -1\n../2008_000016\na 9\n")
    layout = PascalVoc(tmp_path, split="val")
    assert len(layout.records()) == 2
    assert [fault.rpartition("/")[2].partition(":")[0] for fault in layout.faults] == ["2008_000016", "a 9"]


def test_sets_of_classes_name_them(tmp_path: Path) -> None:
    sets = write_voc(tmp_path) / "ImageSets/Main"
    for name in ("train_train", "person_train"):
        (sets / f"{name}.txt").write_text("2007_000027  1\n2008_000008 -1\n")
    (sets / "my_train.txt").write_text("2007_000027\n")
    layout = PascalVoc(tmp_path)
    assert layout.label_space.names == ("person", "train")
    assert len(PascalVoc(tmp_path, split="person_train").records()) == 2


def test_several_years_may_stand_side_by_side(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOC2007")
    write_voc(tmp_path / "VOC2012")
    layout = PascalVoc(tmp_path, split="val")
    assert [record.key for record in layout.records()] == [
        "VOC2007/JPEGImages/2008_000015.jpg",
        "VOC2012/JPEGImages/2008_000015.jpg",
    ]
    assert layout.faults == []


def test_an_unknown_class_is_named_with_its_object(tmp_path: Path) -> None:
    change(write_voc(tmp_path) / "Annotations/2007_000027.xml", "<name>train<", "<name>tram<")
    with pytest.raises(
        InputError,
        match=r"0027\.xml, object 1 \(tram\): no class of this name among person, train; name all of them "
        r"in a YAML file for --layout: `layout: voc`, `classes: \[car, truck\]`",
    ):
        annotation(PascalVoc(tmp_path, classes=("person", "train")), 0)
    assert annotation(PascalVoc(tmp_path, classes=("person", "tram", *"abcdefghijklmnopqrs")), 0).objects is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_entities_are_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = change(write_voc(tmp_path) / BOXES, "<name>person<", "<name>&p;<")
    doctype = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY p "person">]>'
    path.write_bytes((doctype + path.read_text()).encode(encoding))
    with pytest.raises(InputError, match="has a DOCTYPE"):
        annotation(PascalVoc(tmp_path))


def test_files_of_labeling_tools_beside_the_labels_are_not_read_in_their_place(tmp_path: Path) -> None:
    write_voc(tmp_path)
    for folder in ("Annotations", "SegmentationClass"):
        for path in sorted((tmp_path / folder).iterdir()):
            path.with_suffix(".json").write_text("{}")  # before .png and .xml in the order of names
    layout = PascalVoc(tmp_path)
    assert layout.faults == []
    for record in layout.records():
        assert layout.annotation(record).objects is not None


def own_classes(root: Path) -> Path:
    """A whole dataset, but for classes that are none of VOC's."""
    write_voc(root)
    for path in (root / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<name>train<", "<name>tram<"))
    return root


def test_one_flat_folder_of_both_is_enough_and_what_lacks_the_other_is_a_fault(tmp_path: Path) -> None:
    write_voc_beside(tmp_path, ("",))
    put_image(tmp_path / "alone.jpg")
    put_image(tmp_path / "frame-0_jpg.rf.0a1b0.png")
    put_xml(tmp_path / "lost.xml", "lost", TRAIN)
    assert choose_layout(tmp_path).layout is PascalVoc
    layout = PascalVoc(tmp_path)
    assert len(layout.records()) == 3
    assert len(layout.faults) == 3
    told = "\n".join(layout.faults)
    assert f"{tmp_path}/alone.jpg: an image without an XML file of its name" in told
    assert f"{tmp_path}/frame-0_jpg.rf.0a1b0.png: an image without an XML file of its name" in told  # the JPEG has it
    assert f"{tmp_path}/lost.xml: a label without an image" in told


def test_other_files_of_an_images_name_are_labels_that_are_not_read(tmp_path: Path) -> None:
    path = write_voc_beside(tmp_path, ("",)) / "frame-0_jpg.rf.0a1b0.json"
    path.write_text("{}")
    assert PascalVoc(tmp_path).records()[0].label_files == (path.with_suffix(".xml"), path)


@pytest.mark.parametrize("text", ["<annotations></annotations>", "", "<svg/>"])
def test_xml_of_another_tool_beside_an_image_is_not_vocs(tmp_path: Path, text: str) -> None:
    put_image(tmp_path / "a.jpg")
    (tmp_path / "a.xml").write_text(text)
    assert PascalVoc not in [choice.layout for choice in recognized(tmp_path)]


def test_classes_that_are_not_vocs_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = PascalVoc(own_classes(tmp_path))
    assert layout.label_space.names == ("person", "tram")  # and no head: it is a part
    found = there(annotation(layout, 0).objects)
    assert found.classes.tolist() == [1]
    monkeypatch.setattr("refine.data.layouts.voc.class_names", lambda path: pytest.fail(f"{path} was opened"))
    assert len(PascalVoc(tmp_path).records()) == 3
    assert PascalVoc(tmp_path, classes=("tram", "person")).label_space.names == ("tram", "person")


def test_a_damaged_file_does_not_hide_the_classes_of_the_others(tmp_path: Path) -> None:
    (own_classes(tmp_path) / "Annotations/2008_000015.xml").write_text("<annotation>")
    layout = PascalVoc(tmp_path)
    assert layout.label_space.names == ("person", "tram")
    with pytest.raises(InputError, match="cannot be read as XML"):
        annotation(layout, 2)


def test_masks_of_classes_that_are_not_vocs_are_refused_until_their_order_is_said(tmp_path: Path) -> None:
    layout = PascalVoc(own_classes(tmp_path))
    message = (
        r"the classes \(person, tram\) are not VOC's 20, and nothing says which id in the masks is which: name the "
        r"class of each id from 1 on in a YAML file for --layout: `layout: voc`, `classes:"
    )
    with pytest.raises(InputError, match=rf"SegmentationClass/2008_000008\.png: {message}"):
        annotation(layout)
    with pytest.raises(InputError, match=message):
        PascalVoc(tmp_path, labels="mask").label_space  # noqa: B018  # read for its error
    with pytest.raises(
        InputError, match=r"id 15, 19 in .* none of the dataset's .*Masks may keep the ids of VOC's 20 classes: name"
    ):
        annotation(PascalVoc(tmp_path, classes=("person", "tram")))
    put_mask(tmp_path / "SegmentationClass/2008_000008.png", person=2, train=1)
    mask = there(annotation(PascalVoc(tmp_path, classes=("tram", "person"))).mask)
    assert sorted(set(mask.flatten().tolist())) == [0, 1, 255]


def test_many_classes_take_time_in_proportion(tmp_path: Path) -> None:
    names = (*(f"c{number}" for number in range(40_000)), "person", "train")
    layout = PascalVoc(write_voc(tmp_path), labels="objects", classes=names)
    began = time.process_time()
    objects = there(annotation(layout).objects)
    assert set(objects.classes.tolist()) <= {40_000, 40_001}
    assert time.process_time() - began < 3  # half a second; each against all takes ten


def test_the_palette_is_vocs() -> None:
    colors = {entry.name: entry.color for entry in voc_table(NAMES, background=True).entries}
    # http://host.robots.ox.ac.uk/pascal/VOC/voc2012/segexamples/ shows them
    assert colors["background"] == (0, 0, 0)
    assert colors["aeroplane"] == (128, 0, 0)
    assert colors["bottle"] == (128, 0, 128)
    assert colors["cat"] == (64, 0, 0)
    assert colors["person"] == (192, 128, 128)
    assert colors["tvmonitor"] == (0, 64, 128)
    assert colors["border"] == (224, 224, 192)
