from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, Mask

from refine.data.label_table import load_table
from refine.data.layouts import Layout, MaskFolders
from refine.data.mapping import Mapped, Mapping, load_mapping
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation, LabelSpace, Objects
from refine.labels.annotation import same
from tests.data.layouts.examples.gta5 import write_gta5

NAMES = ("lane", "tram", "cat")
SHEET = Mapping("m", ("road", "car"), ((1, 1, 1), (2, 2, 2)), {"lane": "road", "tram": "car", "cat": None})


class Toy(Layout):
    """One record with this label."""

    name = "toy"

    def __init__(self, label: Annotation, kind: str = "mask", names: tuple[str, ...] = NAMES) -> None:
        self.root, self.faults, self.found = Path("toy"), ["toy/a.png: broken"], label
        self.label_space = LabelSpace(kind, names, colors=((9, 9, 9),) * len(names), keypoints=("nose",))

    def records(self) -> list[Record]:
        return [Record("a.png", Path("toy/a.png"))]

    def annotation(self, record: Record) -> Annotation:
        return self.found

    def image(self, record: Record, channels: int) -> Tensor:
        return torch.full((channels, 2, 3), 7)

    def size(self, record: Record) -> tuple[int, int]:
        return 2, 3

    def in_color(self, record: Record) -> bool:
        return True


def mask(*rows: list[int]) -> Annotation:
    return Annotation(mask=Mask(torch.tensor(rows)), instances=Mask(torch.tensor(rows) + 500))


def objects(*classes: int) -> Objects:
    """Objects whose boxes differ."""
    boxes = torch.arange(4.0 * len(classes)).reshape(-1, 4)
    return Objects(
        boxes=BoundingBoxes(boxes, format="XYXY", canvas_size=(20, 30)),
        classes=torch.tensor(classes, dtype=torch.int64),
    )


def own(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_pixels_take_the_other_classes_and_what_has_none_is_255_never_0() -> None:
    layout = Mapped(Toy(mask([0, 1, 2], [255, 2, 0])), SHEET)
    found = layout.annotation(layout.records()[0])
    assert found.mask is not None
    assert isinstance(found.mask, Mask)
    assert found.mask.tolist() == [[0, 1, 255], [255, 255, 0]]
    assert same(found.instances, mask([0, 1, 2], [255, 2, 0]).instances)
    assert layout.label(layout.records()[0]).dtype == torch.int64


def test_the_label_space_is_the_mappings() -> None:
    space = Mapped(Toy(mask([0])), SHEET).label_space
    assert space == LabelSpace("mask", ("road", "car"), ((1, 1, 1), (2, 2, 2)), keypoints=("nose",))


def test_unmapped_pixels_are_counted_by_class_over_all_that_was_read() -> None:
    layout = Mapped(Toy(mask([0, 1, 2], [255, 2, 0])), SHEET)
    assert layout.summary() == "m: 0.0 % of pixels have no class there"
    for _ in range(2):
        layout.annotation(layout.records()[0])
    assert layout.unmapped == {"cat": 4}  # void is no class that was lost
    assert layout.read == 12
    assert layout.summary() == "m: 33.3 % of pixels have no class there (cat)"


def test_a_class_that_the_mapping_does_not_name_is_unmapped_too() -> None:
    layout = Mapped(Toy(mask([0, 1, 2])), SHEET._replace(classes={"lane": "road"}))
    assert layout.label(layout.records()[0]).tolist() == [[0, 255, 255]]
    assert layout.unmapped == {"tram": 1, "cat": 1}


def test_objects_without_a_class_are_dropped_and_counted() -> None:
    layout = Mapped(Toy(Annotation(objects=objects(2, 1, 2, 0)), kind="objects"), SHEET)
    found = layout.annotation(layout.records()[0]).objects
    expected = replace(objects(2, 1, 2, 0), classes=torch.tensor([9, 1, 9, 0]))
    assert same(found, expected.where(torch.tensor([False, True, False, True])))
    assert layout.unmapped == {"cat": 2}
    assert layout.read == 4
    assert layout.summary() == "m: 50.0 % of objects have no class there (cat)"


def test_objects_beside_a_mask_are_mapped_and_only_pixels_counted() -> None:
    both = Annotation(mask=Mask(torch.tensor([[0, 1]])), objects=objects(2, 1))
    layout = Mapped(Toy(both), SHEET)
    found = layout.annotation(layout.records()[0]).objects
    assert found is not None
    assert found.classes.tolist() == [1]
    assert layout.read == 2
    assert not layout.unmapped


def test_objects_may_have_more_classes_than_a_mask_holds() -> None:
    names = tuple(f"n{number}" for number in range(1200))
    sheet = SHEET._replace(classes={"n255": "car", "n1199": "road"})
    layout = Mapped(Toy(Annotation(objects=objects(1199, 255, 3)), kind="objects", names=names), sheet)
    found = layout.annotation(layout.records()[0]).objects
    assert found is not None
    assert found.classes.tolist() == [0, 1]


def test_everything_else_is_the_datasets() -> None:
    toy = Toy(mask([0]))
    layout = Mapped(toy, SHEET)
    (record,) = layout.records()
    assert (layout.root, layout.faults) == (toy.root, toy.faults)
    assert layout.image(record, 3).shape == (3, 2, 3)
    assert layout.size(record) == (2, 3)
    assert layout.in_color(record)
    assert Mapped(Toy(Annotation()), SHEET).annotation(record) == Annotation()


def test_a_mapping_from_classes_that_the_dataset_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match=r"mapping m: maps from lnae, but the classes of toy are lane, tram, cat"):
        Mapped(Toy(mask([0])), SHEET._replace(classes={"lnae": "road", "tram": "car"}))
    Mapped(Toy(mask([0])), SHEET._replace(classes={"lane": "road", "void": None}))  # says nothing that is not so


@pytest.mark.parametrize("kind", ["class", "targets", "none"])
def test_labels_without_classes_of_pixels_or_objects_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=f"toy: has {kind} labels; a mapping is for"):
        Mapped(Toy(Annotation(), kind=kind), SHEET)


def test_a_users_mapping_may_name_its_classes_in_place(tmp_path: Path) -> None:
    mapping = load_mapping(own(tmp_path, "to: [road, car]\nclasses: {lane: road, tram: car, cat: null}"))
    assert mapping == Mapping("own", ("road", "car"), (), dict(SHEET.classes))


def test_a_users_mapping_may_lead_to_a_table_that_ships(tmp_path: Path) -> None:
    mapping = load_mapping(own(tmp_path, "to: camvid11\nclasses: {lane: road}"))
    assert mapping.names == load_table("camvid11").space().names
    assert mapping.colors == load_table("camvid11").space().colors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("to: [road]\nclasses: {lane: raod, tram: car}", "maps to car, raod, but the classes are road"),
        ("to: camvid11\nclasses: {lane: void}", "maps to void, but the classes are sky, building"),
        (
            "from: gta5\nto: camvid11\nclasses: {raod: road}",
            "maps from raod, but the classes of gta5 are unlabeled",
        ),
        ("from: gta5\nto: camvid11\nclasses: {raod: null}", "maps from raod"),
        ("from: gta6\nto: camvid11\nclasses: {road: road}", "label table gta6: none of those that ship"),
        ("to: camvid12\nclasses: {lane: road}", "label table camvid12: none of those that ship"),
        ("to: [road, road]\nclasses: {lane: road}", "expected 1 to 255 different classes"),
        ("to: []\nclasses: {}", "expected 1 to 255 different classes"),
        ("classes: {lane: road}", "expected `to`"),
        ("to: camvid11", "expected `to`"),
        ("to: camvid11\nclasses: [road]", "expected `to`"),
        ("from: [a]\nto: camvid11\nclasses: {lane: road}", "expected `to`"),
        ("[", "cannot be read as YAML"),
    ],
)
def test_a_users_mapping_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_mapping(own(tmp_path, text))


def test_a_mapping_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mapping carla-to-mars: none of those that ship \(camvid32-to-camvid11, "):
        load_mapping("carla-to-mars")
    with pytest.raises(InputError, match=r"mapping gta5: none of those that ship"):
        load_mapping("gta5")
    with pytest.raises(InputError, match=r"own\.yaml: no such file"):
        load_mapping(str(tmp_path / "own.yaml"))


def test_a_dataset_opens_in_another_ones_classes(tmp_path: Path) -> None:
    layout = open_layout("auto", write_gta5(tmp_path), mapping="gta5-to-cityscapes19")
    assert layout.label_space == load_table("cityscapes19").space()
    assert set(layout.label(layout.records()[0]).flatten().tolist()) == {0, 2, 10, 11, 13, 255}


def test_masks_in_folders_map_by_a_users_file(tmp_path: Path) -> None:
    write_gta5(tmp_path)
    (tmp_path / "labels").rename(tmp_path / "masks")
    names = tuple(f"id{number}" for number in range(35))
    path = own(tmp_path, "to: [street]\nclasses: {id7: street}")
    layout = Mapped(MaskFolders(tmp_path, names), load_mapping(path))
    assert set(layout.label(layout.records()[0]).flatten().tolist()) == {0, 255}
    assert set(layout.unmapped) == {"id11", "id23", "id24", "id26", "id34"}


@pytest.mark.parametrize("name", [1.5, ["a"], {"to": "b"}])
def test_an_option_that_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(InputError, match="expected a name or a YAML file"):
        load_mapping(name)  # type: ignore[arg-type]  # as a file of options may have it
