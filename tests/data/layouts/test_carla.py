import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.label_table import load_table
from refine.data.layouts import Carla
from refine.data.layouts.carla import Pixels, decide, mask_pixels, sensors
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.conftest import SHARED, needs_shared
from tests.data.layouts.contract import LayoutContract, cropped, gone, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.carla import (
    METERS,
    NAMES,
    VEHICLE,
    raw,
    write_carla,
    write_carla_named,
    write_carla_palette,
)
from tests.data.layouts.examples.scenes import CAR, HEIGHT, ROAD, SKY, WIDTH, ids_of, photo, save, street

SEMANTIC, INSTANCES = "semantic_segmentation", "instance_segmentation"


class TestContract(LayoutContract):
    layout, write = Carla, staticmethod(write_carla)
    keys = ("rgb/00001000.png", "rgb/00001001.png")
    faults = (
        (
            removed(f"{SEMANTIC}/00001001.png", f"{INSTANCES}/00001001.png"),
            r"/rgb/00001001\.png: an image without a mask; add ",
        ),
    )
    refused = ((gone(SEMANTIC, INSTANCES, "depth"), r"no image with a mask of CARLA's .* image-masks with patterns"),)


class TestNamed(LayoutContract):
    layout, write = Carla, staticmethod(write_carla_named)


class TestPalette(LayoutContract):
    layout, write = Carla, staticmethod(write_carla_palette)
    keys = ("CameraRGB/02_00_000.png", "CameraRGB/02_00_001.png")


class TestSizes(LayoutContract):
    layout, write, options = Carla, staticmethod(write_carla), (("table", "carla-cityscapes"),)
    errors = tuple(
        (cropped(f"{camera}/00001000.png", 24, 30), rf"{camera}/00001000\.png: 24x30 .* is 24x32")
        for camera in (SEMANTIC, INSTANCES, "depth")
    )


def wanted(layout: Carla, table: str = "carla-cityscapes") -> list[list[int]]:
    """The first frame's class indices."""
    names = layout.label_space.names
    indices = [255 if name == "unlabeled" else names.index(name) for name in NAMES[table]]
    found: list[list[int]] = np.array(indices)[street()].tolist()
    return found


def test_four_cameras_give_mask_instances_and_depth(tmp_path: Path) -> None:
    layout = Carla(write_carla(tmp_path))
    record = layout.records()[0]
    cameras = [path.parent.name for path in record.label_files]
    assert cameras == ["semantic_segmentation", "instance_segmentation", "depth"]
    found = layout.annotation(record)
    assert layout.table.name == "carla-cityscapes"
    assert found.mask is not None
    assert found.mask.tolist() == wanted(layout)
    assert there(found.instances).tolist() == np.where(street() == CAR, VEHICLE, 0).tolist()
    assert found.depth is not None
    sky = torch.from_numpy(street() == SKY)
    assert found.depth[sky].isinf().all()
    assert torch.allclose(found.depth[~sky], torch.tensor(METERS), atol=1e-4)


def test_names_with_endings_are_one_frame_and_the_ids_come_first(tmp_path: Path) -> None:
    layout = Carla(write_carla_named(tmp_path))
    record = layout.records()[0]
    assert record.key == "Town10HD_000033_5026200_img.png"
    endings = [path.stem.rpartition("_")[2] for path in record.label_files]
    assert endings == ["labelIds", "color"]
    assert layout.label(record).tolist() == wanted(layout)


def test_the_palettes_colors_are_read_back(tmp_path: Path) -> None:
    layout = Carla(write_carla_palette(tmp_path))
    label = layout.label(layout.records()[0])
    assert label[1:].tolist() == wanted(layout)[1:]
    assert layout.label_space.names[int(label[0, 0])] == "truck"


def test_images_with_masks_of_others_are_not_carlas(tmp_path: Path) -> None:
    for number in range(2):
        things = street(number)
        save(photo(things, number), tmp_path / "rgb" / f"{number}.png")
        save(photo(things, number), tmp_path / "seg" / f"{number}.png")
        save(things.astype(np.uint8), tmp_path / "segmentation" / f"{number}.png")
    assert Carla.recognize(Listing(tmp_path)) is None


def test_cityscapes_names_are_not_carlas(tmp_path: Path) -> None:
    save(photo(street(), 0), tmp_path / "leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png")
    save(street().astype(np.uint8), tmp_path / "gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png")
    assert Carla.recognize(Listing(tmp_path)) is None


def test_several_cameras_and_towns_are_kept_apart(tmp_path: Path) -> None:
    ids = raw(ids_of(street(), load_table("carla-cityscapes"), NAMES["carla-cityscapes"]))
    for town in ("Town01", "Town02"):
        for side in ("left", "right"):
            save(photo(street(), 0), tmp_path / town / f"rgb_{side}" / "0001.png")
            save(ids, tmp_path / town / f"seg_{side}" / "0001.png")
    layout = Carla(tmp_path)
    assert layout.faults == []
    pairs = [
        (record.key, *(str(path.relative_to(tmp_path)) for path in record.label_files)) for record in layout.records()
    ]
    assert len(pairs) == 4
    assert pairs[1] == ("Town01/rgb_right/0001.png", "Town01/seg_right/0001.png")


def test_only_the_instance_camera_still_gives_classes(tmp_path: Path) -> None:
    write_carla(tmp_path)
    for path in (tmp_path / "semantic_segmentation").iterdir():
        path.unlink()
    layout = Carla(tmp_path)
    assert layout.faults == []
    assert layout.label(layout.records()[0]).tolist() == wanted(layout)


def test_a_depth_that_was_turned_gray_gives_no_meters(tmp_path: Path) -> None:
    write_carla(tmp_path)
    Image.new("RGB", (WIDTH, HEIGHT), (80, 80, 80)).save(tmp_path / "depth/00001000.png")
    layout = Carla(tmp_path)
    assert layout.annotation(layout.records()[0]).depth is None
    assert tmp_path / "depth/00001000.png" in layout.records()[0].label_files


@pytest.mark.parametrize("table", ["carla", "carla-0.9.13"])
def test_ids_that_fit_two_tables_are_not_guessed(tmp_path: Path, table: str) -> None:
    write_carla(tmp_path, table)
    layout = Carla(tmp_path)
    assert len(layout.records()) == 2
    highest = {"carla": 10, "carla-0.9.13": 13}[table]
    with pytest.raises(InputError, match=rf"the ids 0 to {highest} of the 2 masks .* fit more than one of") as error:
        layout.label_space  # noqa: B018  # read for its error
    later = "carla-0.9.13 (0.9.10 to 0.9.13), carla-cityscapes (since 0.9.14)"
    fitting = f"carla (up to 0.9.9), {later}" if table == "carla" else later
    assert f"tables: {fitting}; say which" in str(error.value)
    assert f"two lines `layout: carla` and `table: {table}` (or another)" in str(error.value)
    assert str(error.value).endswith("in a file, given as --layout FILE.yaml")
    with pytest.raises(InputError, match="more than one of CARLA's tables"):
        layout.annotation(layout.records()[0])
    told = Carla(tmp_path, table=table)  # type: ignore[arg-type]  # one of the literals
    assert told.table.name == table
    assert told.label(told.records()[0]).tolist() == wanted(told, table)


def test_an_older_table_can_be_told_by_the_colors_beside_the_ids(tmp_path: Path) -> None:
    layout = Carla(write_carla_named(tmp_path, "carla-0.9.13"))
    assert layout.table.name == "carla-0.9.13"
    assert layout.label(layout.records()[0]).tolist() == wanted(layout, "carla-0.9.13")


def test_a_copy_in_foreign_colors_tells_nothing(tmp_path: Path) -> None:
    write_carla_named(tmp_path, "carla-0.9.13")
    for number, path in enumerate(tmp_path.glob("*_color.png")):
        save(photo(street(), number), path)
    with pytest.raises(InputError, match="fit more than one of CARLA's tables"):
        Carla(tmp_path).table  # noqa: B018  # read for its error


def test_colors_that_all_palettes_share_are_not_guessed(tmp_path: Path) -> None:
    write_carla_palette(tmp_path, "carla")
    with pytest.raises(InputError, match="the colors of the 2 masks that were looked at fit more than one"):
        Carla(tmp_path).table  # noqa: B018  # read for its error


def test_a_blurred_copy_of_the_ids_tells_nothing(tmp_path: Path) -> None:
    write_carla_named(tmp_path)
    for path in tmp_path.glob("*_color.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"))
        path.unlink()
    assert Carla(tmp_path).table.name == "carla-cityscapes"


def test_a_label_without_its_image_is_named(tmp_path: Path) -> None:
    (write_carla_named(tmp_path) / "Town10HD_000033_5026200_img.png").unlink()
    faults = Carla(tmp_path).faults
    assert [fault.split(": ")[0] for fault in faults] == [
        f"{tmp_path}/Town10HD_000033_5026200_color.png",
        f"{tmp_path}/Town10HD_000033_5026200_labelIds.png",
    ]


def test_an_id_of_no_table_is_named(tmp_path: Path) -> None:
    path = write_carla(tmp_path) / "semantic_segmentation/00001000.png"
    save(raw(np.where(street() == ROAD, 29, 24).astype(np.uint8)), path)
    layout = Carla(tmp_path)
    assert layout.table.name == "carla-cityscapes"  # the other frame's masks still tell
    with pytest.raises(InputError, match=r"00001000\.png: id 29 in \d+ pixels is none of carla-cityscapes's"):
        layout.annotation(layout.records()[0])


def test_pictures_of_something_else_are_no_records(tmp_path: Path) -> None:
    write_carla(tmp_path)
    save(photo(street(), 3), tmp_path / "logo.png")
    (tmp_path / "calibration.json").write_text(json.dumps({"fov": 90}))
    layout = Carla(tmp_path)
    assert len(layout.records()) == 2
    assert layout.faults == []


@needs_shared
def test_the_real_frames_are_of_a_version_since_0_9_14() -> None:
    root = SHARED / "data/carla_camvid/carla"
    assert choose_layout(root).layout is Carla
    layout = Carla(root)
    assert layout.faults == []
    assert len(layout.records()) == 4
    assert all(len(record.label_files) == 2 for record in layout.records())
    assert layout.table.name == "carla-cityscapes"
    found: set[str] = set()
    for record in layout.records():
        mask = there(layout.annotation(record).mask)
        assert mask.shape == (1024, 2048)
        found |= {layout.label_space.names[index] for index in mask.unique().tolist()}
    ids = {entry.id for entry in layout.table.entries if entry.name in found}
    assert ids == {*range(1, 26)} - {13, 15, 16, 17}


def test_a_first_frame_that_shows_nothing_hides_no_recording(tmp_path: Path) -> None:
    masks = sorted((write_carla(tmp_path) / "semantic_segmentation").iterdir())
    save(raw(np.zeros_like(street())), masks[0])
    for path in (tmp_path / "instance_segmentation").iterdir():
        path.unlink()
    assert choose_layout(tmp_path).layout is Carla


def test_without_any_mask_the_table_has_to_be_named(tmp_path: Path) -> None:
    write_carla(tmp_path)
    for folder in ("semantic_segmentation", "instance_segmentation"):
        for path in (tmp_path / folder).iterdir():
            path.unlink()
    with pytest.raises(InputError, match=r"in a YAML file for --layout: `layout: carla`, `table: carla-cityscapes`"):
        Carla(tmp_path).table  # noqa: B018  # read for its error


def found(root: Path, *keys: str) -> set[tuple[str, str]]:
    """Frame and role of each."""
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).touch()
    told = list(sensors(Listing(root)))
    assert {key for _, _, key in told} <= set(keys)
    return {(frame, role) for frame, role, _ in told}


@pytest.mark.parametrize(
    ("folder", "role"),
    [
        ("rgb", "image"),
        ("camera_rgb", "image"),
        ("semantic_segmentation", "semantic"),
        ("ss", "semantic"),
        ("semantic_segmentation_cityscapes_palette", "color"),
        ("seg_rgb", "color"),
        ("instance_segmentation", "instances"),
        ("Depth", "depth"),
    ],
)
def test_a_folder_tells_its_sensor(tmp_path: Path, folder: str, role: str) -> None:
    assert found(tmp_path, f"town/{folder}/7.png") == {("town/*/7", role)}


def test_a_word_that_only_begins_like_a_sensor_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, "segments/7.png", "depths/8.png") == {("segments/7", "image"), ("depths/8", "image")}


@pytest.mark.parametrize(
    ("name", "frame", "role"),
    [
        ("7_rgb", "7", "image"),
        ("7_labelIds", "7", "semantic"),
        ("7-seg", "7", "semantic"),
        ("7_labelTrainIds", "7", "other"),
        ("7_instanceIds", "7", "instances"),
        ("7_colour", "7", "color"),
        ("7_depth", "7", "depth"),
        ("a_gtFine_labelIds", "a_gtFine_labelIds", "image"),
    ],
)
def test_without_such_a_folder_the_names_end_tells_but_cityscapes_names_do_not(
    tmp_path: Path, name: str, frame: str, role: str
) -> None:
    assert found(tmp_path, f"out/{name}.png") == {(f"out/{frame}", role)}


def test_an_end_corrects_its_folder_unless_it_says_image(tmp_path: Path) -> None:
    keys = ("rgb/1_depth.png", "depth/2_rgb.png")
    assert found(tmp_path, *keys) == {("*/1", "depth"), ("*/2", "depth")}


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    assert found(tmp_path, "1.PNG", "depth/1.npy", "poses.txt") == {("/1", "image")}


ROOT = Path("data")


def stored(path: Path, pixels: object) -> Path:
    Image.fromarray(np.array(pixels, np.uint8)).save(path)
    return path


def ids(*values: int) -> Pixels:
    return Pixels(ids=np.array([values], np.uint8))


def colors(*values: tuple[int, int, int]) -> Pixels:
    return Pixels(colors=np.array([values], np.uint8))


def test_one_channel_and_red_alone_are_ids(tmp_path: Path) -> None:
    for pixels in ([[4, 22]], [[[4, 0, 0], [22, 0, 0]]], [[[4, 0, 0, 255], [22, 0, 0, 255]]]):
        read = mask_pixels(stored(tmp_path / "a.png", pixels))
        assert read.colors is None
        assert there(read.ids).tolist() == [[4, 22]]


@pytest.mark.parametrize("pixels", [[[[70, 70, 70], [0, 0, 0]]], [[[255, 0, 0], [0, 0, 0]]]])
def test_other_channels_or_pure_red_are_colors(tmp_path: Path, pixels: list[list[list[int]]]) -> None:
    read = mask_pixels(stored(tmp_path / "a.png", pixels))
    assert read.ids is None
    assert there(read.colors).tolist() == pixels


@pytest.mark.parametrize(
    ("pixels", "table"),
    [
        (ids(28), "carla-cityscapes"),
        (colors((255, 0, 0)), "carla-cityscapes"),
        (colors((250, 170, 160)), "carla"),
        (colors((100, 40, 40)), "carla-0.9.13"),
    ],
)
def test_what_only_one_table_has_decides(pixels: Pixels, table: str) -> None:
    assert decide([(pixels, None)], ROOT).name == table


def test_several_masks_decide_together() -> None:
    only_old, only_later = (190, 153, 153), (81, 0, 81)
    assert decide([(colors(only_old), None), (colors(only_later), None)], ROOT).name == "carla-cityscapes"


def test_the_colored_copy_says_what_an_id_means_if_it_fits_its_mask(tmp_path: Path) -> None:
    copy = stored(tmp_path / "a.png", [[[128, 64, 128]]])
    assert decide([(ids(1), copy)], ROOT).name == "carla-cityscapes"
    with pytest.raises(InputError, match="fit more than one"):
        decide([(ids(1, 1), copy)], ROOT)


def test_a_mask_that_no_table_knows_decides_nothing() -> None:
    with pytest.raises(InputError, match=r"the ids 99 to 99 .*: carla .*carla-0\.9\.13 .*carla-cityscapes"):
        decide([(ids(99), None)], ROOT)
