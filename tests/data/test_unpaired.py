from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.data import UnpairedBatch, UnpairedImages
from refine.errors import InputError
from tests.conftest import WriteImages

Pair = tuple[Path, Path]


def first_batches(data: UnpairedImages, count: int) -> list[UnpairedBatch]:
    data.setup("fit")
    stream = iter(data.train_dataloader())
    return [next(stream) for _ in range(count)]


def test_a_batch_pairs_labeled_synthetic_images_with_real_ones(pair: Pair) -> None:
    (batch,) = first_batches(UnpairedImages(*pair, batch_size=4), 1)
    assert batch["synthetic"].image.shape == batch["real"].shape == (4, 3, 32, 32)
    assert batch["real"].dtype == torch.float32
    assert batch["real"].min() >= -1
    assert batch["real"].max() <= 1
    assert batch["real"].mean() > batch["synthetic"].image.mean()
    for key, label in zip(batch["synthetic"].key, batch["synthetic"].label, strict=True):
        assert key.startswith("ab"[int(label)])


def test_a_batch_may_be_larger_than_the_dataset(pair: Pair) -> None:
    (batch,) = first_batches(UnpairedImages(*pair, batch_size=50, validation_fraction=0), 1)
    assert len(batch["real"]) == 50
    assert set(batch["synthetic"].key) == {f"{name}/{name}-{index:03d}.png" for name in "ab" for index in range(6)}


def pixels(batches: list[UnpairedBatch]) -> Tensor:
    return torch.stack([torch.stack([batch["synthetic"].image, batch["real"]]) for batch in batches])


def test_batches_hang_on_the_seed_and_the_step_never_on_workers(pair: Pair) -> None:
    def of(workers: int = 0, seed: int = 0) -> Tensor:
        data = UnpairedImages(*pair, batch_size=3, shift=2, crop=(16, 16), workers=workers, seed=seed)
        return pixels(first_batches(data, 4))

    assert torch.equal(of(workers=0), of(workers=2))
    assert not torch.equal(of(), of(seed=1))


def test_the_position_goes_into_the_checkpoint_and_comes_back(pair: Pair) -> None:
    whole = pixels(first_batches(UnpairedImages(*pair, batch_size=3, shift=2), 6))
    resumed = UnpairedImages(*pair, batch_size=3, shift=2)
    resumed.load_state_dict({"steps_given": 4, "seed": 0})
    assert resumed.state_dict()["steps_given"] == 4
    assert torch.equal(pixels(first_batches(resumed, 2)), whole[4:])


def test_balanced_classes_come_equally_often(tmp_path: Path, write_images: WriteImages) -> None:
    synthetic = write_images(tmp_path / "synthetic", classes=("many",), count=9)
    write_images(synthetic, classes=("few",), count=2)
    real = write_images(tmp_path / "real")
    (batch,) = first_batches(UnpairedImages(synthetic, real, class_balanced=True, batch_size=40), 1)
    assert batch["synthetic"].label.bincount().tolist() == [20, 20]


def test_validation_sees_the_same_held_out_images_each_time(pair: Pair) -> None:
    data = UnpairedImages(*pair, validation_fraction=0.3, crop=(16, 16), shift=2, horizontal_flip=True)
    data.setup("fit")
    keys = [{key for batch in data.val_dataloader() for key in batch["synthetic"].key} for _ in range(2)]
    trained = {key for batch in first_batches(data, 20) for key in batch["synthetic"].key}
    assert keys[0] == keys[1]
    assert keys[0].isdisjoint(trained)
    first, again = (torch.cat([batch["real"] for batch in data.val_dataloader()]) for _ in range(2))
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
    data = UnpairedImages(folder, pair[1], layout="table", **{change: True})  # type: ignore[arg-type]  # by its name
    with pytest.raises(InputError, match=rf"would make the targets \(pitch, distance\) wrong.*switch {change} off"):
        data.setup("fit")
    (batch,) = first_batches(UnpairedImages(folder, pair[1], layout="table", batch_size=2), 1)
    assert batch["synthetic"].label.tolist() == [[0.25, 0.5], [0.25, 0.5]]


def test_a_mirrored_gaze_looks_the_other_way(tmp_path: Path, pair: Pair) -> None:
    folder = gaze_table(tmp_path / "gaze", "yaw")
    data = UnpairedImages(folder, pair[1], layout="table", batch_size=40, horizontal_flip=True, vertical_flip=True)
    (batch,) = first_batches(data, 1)
    seen = {tuple(label) for label in batch["synthetic"].label.tolist()}
    assert seen == {(0.25, 0.5), (0.25, -0.5), (-0.25, 0.5), (-0.25, -0.5)}


def test_images_of_several_sizes_need_a_crop_or_a_working_size(pair: Pair) -> None:
    Image.new("RGB", (40, 33)).save(pair[0] / "a" / "large.png")
    with pytest.raises(InputError, match=r"images of 2 sizes \(from \(32, 32\) to \(33, 40\)"):
        UnpairedImages(*pair, validation_fraction=0).setup("fit")
    for settings in ({"crop": (24, 24)}, {"resize": (24, 24)}):
        # settings from the parameters
        (batch,) = first_batches(UnpairedImages(*pair, batch_size=20, **settings), 1)  # type: ignore[arg-type]
        assert batch["synthetic"].image.shape == (20, 3, 24, 24)


def test_a_crop_larger_than_an_image_is_refused_by_name(pair: Pair) -> None:
    with pytest.raises(InputError, match=r"a-000\.png: 32x32 .* smaller than the crop 40x40"):
        UnpairedImages(*pair, crop=(40, 40), validation_fraction=0).setup("fit")


def test_color_among_gray_is_refused_by_name(pair: Pair) -> None:
    with pytest.raises(InputError, match="expected a gray image, found mode RGB"):
        UnpairedImages(*pair, channels=1).setup("fit")


def test_balancing_needs_classes(pair: Pair) -> None:
    with pytest.raises(InputError, match="class_balanced needs one class an image"):
        UnpairedImages(*pair, layout="images", class_balanced=True).setup("fit")


def test_training_can_be_limited_to_some_classes(pair: Pair) -> None:
    (batch,) = first_batches(UnpairedImages(*pair, classes=("b",), batch_size=20), 1)
    assert {key[0] for key in batch["synthetic"].key} == {"b"}
    with pytest.raises(InputError, match="takes no classes"):
        UnpairedImages(*pair, layout="images", classes=("b",)).setup("fit")


def test_gray_among_color_is_refused_by_name(pair: Pair) -> None:
    Image.new("L", (32, 32)).save(pair[1] / "a" / "gray.png")
    with pytest.raises(InputError, match=r"gray\.png is gray and .*a-000\.png is in color"):
        UnpairedImages(*pair, validation_fraction=0).setup("fit")


@pytest.fixture
def mask_pair(tmp_path: Path) -> Pair:
    """Gray images 24x32, and masks that say for each pixel which of four levels it has."""
    generator = torch.Generator().manual_seed(0)
    for number in range(6):
        ids = torch.randint(0, 4, (6, 8), generator=generator).repeat_interleave(4, 0).repeat_interleave(4, 1)
        for folder, pixels in (("images", ids * 60), ("masks", ids)):
            (tmp_path / "masked" / folder).mkdir(parents=True, exist_ok=True)
            path = tmp_path / "masked" / folder / f"{number}.png"
            Image.fromarray(pixels.byte().numpy()).save(path)
    (tmp_path / "masked" / "classes.txt").write_text("a\nb\nc\nd\n")
    return tmp_path / "masked", tmp_path / "masked" / "images"


def ids_in(images: Tensor) -> Tensor:
    return ((images[:, 0] + 1) * 127.5 / 60).round().long()


@pytest.mark.parametrize("workers", [0, 2])
def test_masks_stack_and_move_with_their_images(mask_pair: Pair, workers: int) -> None:
    data = UnpairedImages(
        *mask_pair,
        layout="mask-folders",
        channels=1,
        crop=(16, 16),
        shift=3,
        horizontal_flip=True,
        vertical_flip=True,
        batch_size=8,
        workers=workers,
    )
    for batch in first_batches(data, 3):
        assert batch["synthetic"].label.shape == (8, 16, 16)
        assert batch["synthetic"].label.dtype == torch.int64
        assert batch["real"].shape == (8, 1, 16, 16)
        assert torch.equal(batch["synthetic"].label, ids_in(batch["synthetic"].image))
    assert data.label_space.kind == "mask"
    assert data.label_space.names == ("a", "b", "c", "d")


def test_validation_crops_masks_in_the_middle_as_images(mask_pair: Pair) -> None:
    data = UnpairedImages(*mask_pair, layout="mask-folders", channels=1, crop=(10, 12), validation_fraction=0)
    data.setup("fit")
    for batch in data.val_dataloader():
        assert batch["synthetic"].label.shape[1:] == (10, 12)
        assert torch.equal(batch["synthetic"].label, ids_in(batch["synthetic"].image))


def test_masks_of_a_working_size_follow_their_images(mask_pair: Pair) -> None:
    data = UnpairedImages(*mask_pair, layout="mask-folders", channels=1, resize=(6, 8))
    (batch,) = first_batches(data, 1)
    assert batch["synthetic"].label.shape[1:] == (6, 8)


def test_the_ids_of_masks_can_be_named(mask_pair: Pair) -> None:
    (mask_pair[0] / "classes.txt").unlink()
    data = UnpairedImages(*mask_pair, layout="mask-folders", channels=1, classes=("p", "q", "r", "s"))
    data.setup("fit")
    assert data.label_space.names == ("p", "q", "r", "s")


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
    assert {*data._synthetic.sizes} == {(16, 32)}
    assert {*data._real.sizes} == {(24, 20)}
    assert data.working_size == (16, 32)  # `apply` works on the synthetic side
