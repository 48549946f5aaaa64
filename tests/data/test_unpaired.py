import errno
import hashlib
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.data import UnpairedBatch, UnpairedImages
from refine.data.images import read_image
from refine.data.store import Cache
from refine.errors import InputError, UnreadableImage
from refine.labels import MOST_OBJECTS
from tests.conftest import WriteImages
from tests.data.layouts.examples.image_masks import write_mask_folders
from tests.data.shapes import rectangles, write_levels

Pair = tuple[Path, Path]


MOVING: dict[str, Any] = {"channels": 1, "shift": 3, "horizontal_flip": True, "vertical_flip": True, "batch_size": 8}


def first_batches(data: UnpairedImages, count: int, validation: bool = False) -> list[UnpairedBatch]:
    data.setup("fit")
    batches = data.val_dataloader() if validation else data.train_dataloader()
    return [data.on_after_batch_transfer(batch, 0) for batch in islice(batches, count)]


def ready(data: UnpairedImages) -> UnpairedImages:
    data.setup("fit")
    return data


def test_a_batch_pairs_labeled_synthetic_images_with_real_ones(pair: Pair) -> None:
    (batch,) = first_batches(UnpairedImages(*pair, batch_size=4), 1)
    assert batch["synthetic"].image.shape == batch["real"].shape == (4, 3, 32, 32)
    assert batch["real"].dtype == torch.float32
    assert -1 <= batch["real"].min() < batch["real"].max() <= 1
    assert batch["real"].mean() > batch["synthetic"].image.mean()
    for key, label in zip(batch["synthetic"].key, batch["synthetic"].label, strict=True):
        assert key.startswith("ab"[int(label)])
    (large,) = first_batches(UnpairedImages(*pair, batch_size=50, validation_fraction=0), 1)  # than the dataset
    assert len(large["real"]) == 50
    assert set(large["synthetic"].key) == {f"{name}/{name}-{index:03d}.png" for name in "ab" for index in range(6)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": -1}, "workers is -1; expected at least 0, or auto"),
        ({"crop": (40, 40)}, r"a-000\.png: 32x32 .* smaller than the crop 40x40"),
        ({"layout": "images", "class_balanced": True}, "class_balanced needs one class an image"),
        ({"layout": "images", "classes": ("b",)}, "takes no classes"),
        ({"batch_size": 10**9}, "batch_size is 1000000000, where there are 12 synthetic and 12 real images"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(pair: Pair, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        UnpairedImages(*pair, validation_fraction=0, **settings).setup("fit")


def pixels(batches: list[UnpairedBatch]) -> Tensor:
    return torch.stack([torch.stack([batch["synthetic"].image, batch["real"]]) for batch in batches])


def test_batches_hang_on_the_seed_and_the_step_never_on_workers(pair: Pair) -> None:
    def of(workers: int = 0, seed: int = 0) -> Tensor:
        data = UnpairedImages(*pair, batch_size=3, shift=2, crop=(16, 16), workers=workers, seed=seed)
        return pixels(first_batches(data, 4))

    assert torch.equal(of(workers=0), of(workers=2))
    assert not torch.equal(of(), of(seed=1))


def test_images_travel_as_levels_and_become_the_same_floats_as_ever(pair: Pair) -> None:
    data = UnpairedImages(*pair, batch_size=3, shift=2, crop=(16, 16), horizontal_flip=True, vertical_flip=True)
    data.setup("fit")
    loaded = next(iter(data.train_dataloader()))
    assert loaded["synthetic"].image.dtype == loaded["real"].dtype == torch.uint8
    assert all(batch["real"].dtype == torch.uint8 for batch in data.val_dataloader())
    digest = hashlib.sha256()
    for batch in first_batches(data, 4):
        assert batch["synthetic"].image.dtype == torch.float32
        for part in (batch["synthetic"].image, batch["real"]):
            digest.update(part.numpy().tobytes())
    # Of the release whose loaders made the floats themselves.
    assert digest.hexdigest() == "11994dcde773700688e5f1f712796ae629de07c57e30836ec7c92aac2c39f221"


@pytest.mark.parametrize(("cores", "processes", "expected"), [(16, 1, 4), (16, 8, 1), (2, 1, 1), (1, 1, 1)])
def test_with_cuda_other_processes_read_unless_their_number_is_given(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, cores: int, processes: int, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(cores), raising=False)
    data = UnpairedImages(*pair)
    assert data._workers(processes) == 0
    monkeypatch.setattr(UnpairedImages, "_on_gpu", lambda self: True)  # there is none here
    assert data._workers(processes) == expected
    assert UnpairedImages(*pair, workers=7)._workers(processes) == 7


def test_whole_images_are_shown_where_training_crops(pair: Pair) -> None:
    data = ready(UnpairedImages(*pair, crop=(16, 16), validation_fraction=0))
    for longest, side in ((1024, 32), (20, 20), (8, 16)):  # never less than training sees
        for images in data.whole_images(3, longest):
            assert [tuple(image.shape) for image in images] == [(3, side, side)] * 3
    assert ready(UnpairedImages(*pair, validation_fraction=0)).whole_images(3, 1024) == ([], [])


def test_the_position_goes_into_the_checkpoint_and_comes_back(pair: Pair) -> None:
    whole = pixels(first_batches(UnpairedImages(*pair, batch_size=3, shift=2), 6))
    resumed = UnpairedImages(*pair, batch_size=3, shift=2)
    resumed.load_state_dict({"steps_given": 4, "seed": 0})
    assert resumed.state_dict()["steps_given"] == 4
    assert torch.equal(pixels(first_batches(resumed, 2)), whole[4:])


def test_balanced_classes_come_equally_often(tmp_path: Path, write_images: WriteImages) -> None:
    synthetic = write_images(tmp_path / "synthetic", classes=("many",), count=9)
    write_images(synthetic, classes=("few",), count=2)
    (batch,) = first_batches(UnpairedImages(synthetic, synthetic, class_balanced=True, batch_size=40), 1)
    assert batch["synthetic"].label.bincount().tolist() == [20, 20]


def test_validation_sees_the_same_held_out_images_each_time(pair: Pair) -> None:
    data = UnpairedImages(*pair, validation_fraction=0.3, crop=(16, 16), shift=2, horizontal_flip=True)
    trained = {key for batch in first_batches(data, 20) for key in batch["synthetic"].key}
    passes = [first_batches(data, 100, validation=True) for _ in range(2)]
    keys = [{key for batch in batches for key in batch["synthetic"].key} for batches in passes]
    assert keys[0] == keys[1]
    assert keys[0].isdisjoint(trained)
    first, again = (torch.cat([batch["real"] for batch in batches]) for batches in passes)
    assert torch.equal(first, again)
    assert first.shape[-2:] == (16, 16)


def gaze_table(folder: Path, column: str) -> Path:
    folder.mkdir()
    Image.new("RGB", (32, 32)).save(folder / "a.png")
    (folder / "gaze.csv").write_text(f"path,pitch,{column}\na.png,0.25,0.5\n")
    return folder


@pytest.mark.parametrize("change", ["horizontal_flip", "vertical_flip", "rotate"])
def test_changes_are_refused_where_nobody_knows_what_becomes_of_the_labels(
    tmp_path: Path, pair: Pair, change: str
) -> None:
    folder = gaze_table(tmp_path / "gaze", "distance")
    changes: dict[str, Any] = {change: True}
    data = UnpairedImages(folder, pair[1], layout="table", **changes)
    with pytest.raises(InputError, match=rf"would make the targets \(pitch, distance\) wrong.*switch {change} off"):
        data.setup("fit")


def test_a_mirrored_gaze_looks_the_other_way(tmp_path: Path, pair: Pair) -> None:
    folder = gaze_table(tmp_path / "gaze", "yaw")
    data = UnpairedImages(folder, pair[1], layout="table", batch_size=40, horizontal_flip=True, vertical_flip=True)
    (batch,) = first_batches(data, 1)
    seen = {tuple(label) for label in batch["synthetic"].label.tolist()}
    assert seen == {(0.25, 0.5), (0.25, -0.5), (-0.25, 0.5), (-0.25, -0.5)}


def test_images_of_several_sizes_need_a_crop_or_a_working_size(pair: Pair) -> None:
    Image.new("RGB", (40, 33)).save(pair[0] / "a" / "large.png")
    with pytest.raises(InputError, match=r"images of 2 sizes \(from 32x32 to 33x40, height x width\)"):
        UnpairedImages(*pair, validation_fraction=0).setup("fit")
    sizes: list[dict[str, Any]] = [{"crop": (24, 24)}, {"resize": (24, 24)}]
    for settings in sizes:
        (batch,) = first_batches(UnpairedImages(*pair, batch_size=20, **settings), 1)
        assert batch["synthetic"].image.shape == (20, 3, 24, 24)


def test_training_can_be_limited_to_some_classes(pair: Pair) -> None:
    (batch,) = first_batches(UnpairedImages(*pair, classes=("b",), batch_size=20), 1)
    assert {key[0] for key in batch["synthetic"].key} == {"b"}


def test_gray_among_color_is_read_as_color_and_counted(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (32, 32), 7).save(pair[1] / "a" / "gray.png")
    (batch,) = first_batches(UnpairedImages(*pair, validation_fraction=0, batch_size=13), 1)
    assert batch["real"].shape == (13, 3, 32, 32)
    said = capsys.readouterr().out
    assert f"{pair[1]}: 1 gray image among color ones, read as RGB\n" in said
    assert f"{pair[0]}: 1 gray" not in said


@pytest.fixture
def many(tmp_path: Path, write_images: WriteImages) -> Pair:
    """60 images of each domain: one of 61 may be left out."""
    return write_images(tmp_path / "in", count=30), write_images(tmp_path / "real", count=30)


@pytest.mark.parametrize("cache", ["memory", "memmap", "none"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_few_images_that_cannot_be_read_are_left_out_and_named(
    many: Pair, capsys: pytest.CaptureFixture[str], cache: Cache, whole: bool
) -> None:
    for folder in many:  # a file whose header is that of an image, or not even that
        content = next((folder / "a").glob("*.png")).read_bytes()
        (folder / "a" / "broken.png").write_bytes(content[: len(content) // 2] if whole else b"no image")
    data = UnpairedImages(*many, batch_size=61, cache=cache, validation_fraction=0)
    (batch,) = first_batches(data, 1)
    assert "a/broken.png" not in batch["synthetic"].key
    said = capsys.readouterr().out
    for folder in many:
        assert f"{folder}: 1 of 61 images left out (first: {folder / 'a' / 'broken.png'}: cannot be read" in said
    (many[1] / "b" / "more.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"broken\.png: cannot be read .* \(2 of 62 images cannot be read\)"):
        UnpairedImages(*many, batch_size=4).setup("fit")


def test_a_label_that_cannot_be_read_is_named(tmp_path: Path, write_images: WriteImages) -> None:
    root, real = write_mask_folders(tmp_path / "in"), write_images(tmp_path / "real")
    mask = min((root / "masks").rglob("*.png"))
    mask.write_bytes(mask.read_bytes()[:-40])
    with pytest.raises(InputError, match=f"{mask.name}: cannot be read as an image"):
        UnpairedImages(root, real, crop=(8, 8)).setup("fit")


def test_a_disk_that_does_not_answer_says_nothing_of_the_image(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(path: Path) -> BinaryIO:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("refine.data.images.open_file", no_answer)
    with pytest.raises(InputError, match="Input/output error") as error:
        read_image(pair[1] / "a" / "0.png", 3)
    assert not isinstance(error.value, UnreadableImage)


def test_a_few_images_smaller_than_the_crop_are_left_out_and_named(
    many: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 8)).save(many[1] / "a" / "icon.png")
    (batch,) = first_batches(UnpairedImages(*many, crop=(16, 16), batch_size=4), 1)
    assert batch["real"].shape == (4, 3, 16, 16)
    assert "1 of 61 images left out, smaller than the crop 16x16 (first: a/icon.png)" in capsys.readouterr().out
    Image.new("RGB", (8, 8)).save(many[1] / "a" / "more.png")
    with pytest.raises(InputError, match=r"8x8 \(height x width\) is smaller than the crop 16x16"):
        UnpairedImages(*many, crop=(16, 16)).setup("fit")


@pytest.fixture
def mask_pair(tmp_path: Path) -> Pair:
    return write_levels(tmp_path / "masked")


def ids_in(images: Tensor) -> Tensor:
    return ((images[:, 0] + 1) * 127.5 / 60).round().long()


@pytest.mark.parametrize("workers", [0, 2])
def test_masks_stack_and_move_with_their_images(mask_pair: Pair, workers: int) -> None:
    data = UnpairedImages(*mask_pair, layout="mask-folders", crop=(16, 16), workers=workers, **MOVING)
    for batch in first_batches(data, 3):
        assert (batch["synthetic"].label.shape, batch["synthetic"].label.dtype) == ((8, 16, 16), torch.int64)
        assert batch["real"].shape == (8, 1, 16, 16)
        assert torch.equal(batch["synthetic"].label, ids_in(batch["synthetic"].image))
    assert (data.label_space.kind, data.label_space.names) == ("mask", ("a", "b", "c", "d"))


def test_masks_turn_with_their_images(mask_pair: Pair) -> None:
    data = UnpairedImages(*mask_pair, layout="mask-folders", channels=1, rotate=45, batch_size=8)
    (batch,) = first_batches(data, 1)
    label, shown = batch["synthetic"].label, ids_in(batch["synthetic"].image)
    assert 0.02 < (label == 255).double().mean() < 0.4
    assert (shown == label)[label != 255].double().mean() > 0.7  # the rest lies between two levels


def test_labels_of_the_real_images_are_never_read(mask_pair: Pair) -> None:
    Image.new("L", (32, 24), 77).save(mask_pair[0] / "masks" / "0.png")
    real, layout = mask_pair[0], "mask-folders"
    data = UnpairedImages(mask_pair[1], real, layout="images", real_layout=layout, channels=1)
    (batch,) = first_batches(data, 1)
    assert batch["real"].shape == (8, 1, 24, 32)


def test_real_images_are_resized_on_their_own_where_the_camera_has_another_scale(pair: Pair) -> None:
    data = UnpairedImages(*pair, resize=(16, 32), real_resize=(24, 20), crop=(16, 16), batch_size=2)
    (batch,) = first_batches(data, 1)
    assert batch["synthetic"].image.shape == batch["real"].shape == (2, 3, 16, 16)
    assert ({*data._synthetic.sizes}, {*data._real.sizes}) == ({(16, 32)}, {(24, 20)})
    assert data.working_size == (16, 32)  # `apply` works on the synthetic side


def seen(image: Tensor) -> list[int]:
    """Left, top, right and bottom of what is white."""
    rows, columns = (image[0] > 0).nonzero().unbind(1)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_boxes_stack_and_move_with_their_images(tmp_path: Path, workers: int) -> None:
    pair = rectangles(tmp_path)
    data = UnpairedImages(*pair, layout="coco", crop=(22, 28), workers=workers, validation_fraction=0, **MOVING)
    moved = 0
    for batch in first_batches(data, 4):
        images, label, keys = batch["synthetic"]
        assert (label.shape, label.dtype) == ((8, MOST_OBJECTS, 5), torch.float32)
        for image, rows, key in zip(images, label, keys, strict=True):
            number = int(Path(key).stem)
            assert (rows[1:] == -1).all()
            assert rows[0].tolist() == ([number % 2, *seen(image)] if number else [-1.0] * 5)
            moved += number > 0 and rows[0, 1] != 2 + number
    assert moved > 10
    assert (data.label_space.kind, data.label_space.names) == ("objects", ("even", "odd"))


def test_boxes_follow_the_working_size_and_the_crop_of_validation(tmp_path: Path) -> None:
    pair = rectangles(tmp_path)
    data = UnpairedImages(*pair, layout="coco", channels=1, resize=(48, 64), crop=(44, 60), validation_fraction=0)
    batches = first_batches(data, 100, validation=True)
    samples = {key: each for batch in batches for *each, key in zip(*batch["synthetic"], strict=True)}
    assert len(samples) == 6
    image, rows = samples["images/3.png"]
    assert rows[0].tolist() == [1, 5 * 2 - 2, 4 * 2 - 2, 20 * 2 - 2, 15 * 2 - 2] == [1, *seen(image)]


def test_says_what_objects_there_are_and_counts_no_held_out_image_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = rectangles(tmp_path, count=12)
    for fraction in (0.0, 0.5):
        UnpairedImages(*pair, layout="coco", channels=1, validation_fraction=fraction).setup("fit")
        assert "\nobjects: 11 in 12 images, 1 of them without any\n" in capsys.readouterr().out


def test_who_learns_boxes_is_told_what_is_missing_and_nobody_else(tmp_path: Path) -> None:
    pair = rectangles(tmp_path)
    (tmp_path / "map.yaml").write_text("to: [thing]\nclasses: {even: null, odd: null}\n")
    ready(UnpairedImages(*pair, layout="coco", channels=1)).require_labels()
    nothing = ready(UnpairedImages(*pair, layout="coco", channels=1, mapping=str(tmp_path / "map.yaml")))
    with pytest.raises(InputError, match=r"nothing to learn in the images of training \(objects: 0 in .*\); check"):
        nothing.require_labels()
    Image.new("L", (32, 24)).save(pair[1] / "unnamed.png")
    unnamed = ready(UnpairedImages(*pair, layout="coco", channels=1))
    with pytest.raises(InputError, match=r"unnamed\.png: an image that labels\.json does not name"):
        unnamed.require_labels()
