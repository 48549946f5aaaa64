import shutil
from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import LAYOUTS, ClassFolders, ImageFolder, MaskFolders, Table
from refine.data.mapping import Mapped
from refine.data.open_layout import choose_layout, layout_names, open_labeled, open_layout, recognized, told
from refine.errors import InputError
from tests.conftest import WriteImages
from tests.data.layouts.examples.gta5 import write_gta5
from tests.data.layouts.examples.unity_eyes import write_unity_eyes


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / folder / "a.png")
    (tmp_path / "classes.txt").write_text("road\ncar\n")
    return tmp_path


def test_every_layout_has_a_name_of_its_own() -> None:
    assert len(set(layout_names())) == len(LAYOUTS)


def test_auto_says_what_it_took_and_why(tmp_path: Path, write_images: WriteImages) -> None:
    layout = open_layout("auto", write_images(tmp_path))
    assert isinstance(layout, ClassFolders)
    assert told(layout) == f"{tmp_path}: layout class-folders (every image lies in one of 2 folders (a, b, …))"


def test_a_table_beats_the_folders_that_its_images_lie_in(tmp_path: Path, write_images: WriteImages) -> None:
    write_images(tmp_path, count=1)
    assert choose_layout(tmp_path).layout is ClassFolders
    (tmp_path / "gaze.csv").write_text("path,yaw\na/a-000.png,0.1\nb/b-000.png,0.2\n")
    assert choose_layout(tmp_path).layout is Table


def test_a_tree_that_fits_nothing_else_is_images(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert choose_layout(tmp_path).layout is ImageFolder


def test_a_specific_layout_beats_those_that_fit_many_trees(tmp_path: Path) -> None:
    write_gta5(tmp_path)
    assert choose_layout(tmp_path).layout.name == "gta5"
    assert ImageFolder in {choice.layout for choice in recognized(tmp_path)}


def test_two_specific_layouts_are_refused_with_both_names(tmp_path: Path) -> None:
    write_gta5(tmp_path)
    write_unity_eyes(tmp_path)
    with pytest.raises(InputError, match=r"fits the layouts .*; say which it is") as error:
        choose_layout(tmp_path)
    assert "gta5" in str(error.value)
    assert "unity-eyes" in str(error.value)


def test_a_folder_without_images_and_a_path_to_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image in this folder"):
        choose_layout(tmp_path)
    with pytest.raises(InputError, match="expected a folder of images, found nothing"):
        choose_layout(tmp_path / "nowhere")


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"layout 'cityscape': expected auto, one of .*cityscapes"):
        open_layout("cityscape", tmp_path)


def test_options_come_from_a_file_or_a_dictionary(masks: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (masks / "classes.txt").unlink()
    options = {"layout": "mask-folders", "classes": ["sky", "sea"]}
    assert open_layout(options, masks).label_space.names == ("sky", "sea")
    file = tmp_path_factory.mktemp("options") / "mine.yaml"
    file.write_text("layout: mask-folders\nclasses: [sky, sea]\n")
    assert open_layout(str(file), masks).label_space.names == ("sky", "sea")


def test_a_mapping_stands_beside_the_file_that_names_it(masks: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("options")
    (folder / "layout.yaml").write_text("layout: mask-folders\nmapping: map.yaml\n")
    (folder / "map.yaml").write_text("to: [ground]\nclasses: {road: ground, car: null}\n")
    layout = open_layout(str(folder / "layout.yaml"), masks)
    assert isinstance(layout, Mapped)
    assert layout.label_space.names == ("ground",)
    assert layout.name == "mask-folders"


@pytest.mark.parametrize("layout", ["images", "class-folders"])
def test_masks_beside_pictures_that_no_layout_knows_are_refused_unless_somebody_says_what_they_are(
    tmp_path: Path, layout: str
) -> None:
    for number in range(3):
        for folder, mode in (("camera", "RGB"), ("truth", "L")):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.new(mode, (8, 8), number).save(tmp_path / folder / f"{number}.png")
    if layout == "images":
        Image.new("RGB", (8, 8)).save(tmp_path / "stray.png")
    assert choose_layout(tmp_path).layout.name == layout
    with pytest.raises(InputError, match=r"truth/0\.png looks like the label of camera/0\.png"):
        open_layout("auto", tmp_path)
    assert len(open_layout(layout, tmp_path).records()) >= 6
    assert len(open_layout("auto", tmp_path, guard=False).records()) >= 6


def test_a_misspelled_option_names_its_file_the_likely_one_and_all_that_there_are(
    masks: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("options") / "typo.yaml"
    file.write_text("layout: yolo\nbackgroud: true\n")
    (masks / "images/a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    with pytest.raises(InputError) as error:
        open_layout(str(file), masks)
    assert str(error.value) == (
        f"{file}: the layout yolo takes no backgroud; did you mean background? "
        "It takes data, split, classes, background, mapping"
    )
    with pytest.raises(InputError, match=r"takes no xyz; it takes classes, mapping$"):
        open_layout({"layout": "mask-folders", "xyz": 1}, masks)
    with pytest.raises(InputError, match=r"takes no maping; did you mean mapping\? It takes mapping$"):
        open_layout({"layout": "images", "maping": "gta5-to-cityscapes19"}, masks)


def test_a_file_of_options_that_is_not_there_is_no_such_file(masks: Path) -> None:
    with pytest.raises(InputError, match=r"^nowhere\.yaml: no such file"):
        open_layout("nowhere.yaml", masks)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layout": "yolo", "background": "maybe"}, "background is 'maybe'; expected true or false"),
        ({"layout": "video", "every": [2]}, r"every is \[2\]; expected a whole number"),
        (
            {"layout": "carla", "table": "carla9"},
            "table is 'carla9'; expected auto or carla or carla-0.9.13 or carla-c",
        ),
        ({"layout": "voc", "first_pixel": 2}, "first_pixel is 2; expected 0 or 1"),
        ({"layout": "blenderproc", "table": 5}, "table is 5; expected a path or null"),
        ({"layout": "table", "mirror": "x"}, "mirror is 'x'; expected a whole number by name or null"),
        ({"layout": "mask-folders", "classes": {"a": 1}}, "classes is {'a': 1}; expected a list of text or null"),
        ({"layout": "mask-folders", "classes": [1, 2]}, r"classes is \[1, 2\]; expected a list of text or null"),
    ],
)
def test_a_wrong_type_is_told_in_one_line_with_value_and_what_is_expected(
    options: dict[str, object], told: str, masks: Path
) -> None:
    with pytest.raises(InputError, match=told) as error:
        open_layout(options, masks)
    assert "\n" not in str(error.value)


def test_images_that_lost_their_labels_are_faults_until_labels_are_needed(masks: Path) -> None:
    shutil.copy(masks / "images/a.png", masks / "images/b.png")
    shutil.copy(masks / "images/a.png", masks / "images/c.png")
    layout = open_layout("auto", masks)
    assert isinstance(layout, MaskFolders)
    assert [record.key for record in layout.records()] == ["images/a.png", "images/b.png", "images/c.png"]
    with pytest.raises(InputError, match=r"b\.png: an image without a mask; .* \(and 1 more: `refine inspect` lists"):
        layout.require_whole()


def test_refuses_other_classes_than_expected(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"has the classes a, b, expected a, c; .*--classes"):
        open_labeled(pair[0], expected=("a", "c"))
    with pytest.raises(InputError, match="two classes or more"):
        open_labeled(pair[0], classes=("a",))
