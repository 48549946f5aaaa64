import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from refine.benchmark import fit
from refine.benchmark.fit import PairedBatches, Protocol, TaskBatches, augment, changed_views, fit_task, predict
from refine.data.store import LabeledImages
from refine.labels import KindName

QUICK = Protocol(steps=30, batch_size=8, shift=1, horizontal_flip=True)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def halves(labels: list[int], seed: int = 0) -> LabeledImages:
    """Bright above (0) or below (1): what a vertical flip would confuse."""
    images = torch.randint(0, 60, (len(labels), 3, 16, 16), generator=generator(seed), dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 8 * label : 8 * label + 8] += 150
    return LabeledImages(images, torch.tensor(labels), tuple(f"{i}.png" for i in range(len(labels))))


def test_a_fitted_task_is_right_on_new_images() -> None:
    task = fit_task(halves([0, 1] * 8), ("above", "below"), QUICK, seed=0)
    new = halves([0, 1, 1, 0], seed=1)
    assert not task.training
    assert torch.equal(predict(task, new.images, batch_size=3), new.labels)


def test_the_same_seed_gives_the_same_task_and_another_seed_another() -> None:
    data = halves([0, 1] * 4)
    one, same, other = (fit_task(data, ("above", "below"), QUICK, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["model.head.weight"], other["model.head.weight"])


def test_classes_come_equally_often_whatever_their_share() -> None:
    data = halves([0] * 15 + [1])
    drawn = torch.cat([batch.label for batch in TaskBatches(data, QUICK, seed=0)])
    assert drawn.bincount().tolist() == [120, 120]


def test_a_class_that_the_training_data_lacks_keeps_its_number() -> None:
    task = fit_task(halves([0, 1] * 4), ("above", "below", "never"), QUICK, seed=0)
    assert task.model.head.out_features == 3  # type: ignore[union-attr]  # a small-cnn


def test_says_nothing_and_leaves_threads_and_logging_as_they_were(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    logger = logging.getLogger("lightning.pytorch")
    monkeypatch.setattr(logger, "level", logging.INFO)
    torch.set_num_threads(2)  # the fixture of all tests sets it back
    fit_task(halves([0, 1]), ("above", "below"), QUICK, seed=0)
    assert (logger.level, torch.get_num_threads()) == (logging.INFO, 2)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_images_that_stand_twice_in_the_order_are_drawn_twice_as_often() -> None:
    data = halves([0] * 3)
    masks = Protocol(steps=60, batch_size=3, shift=0, horizontal_flip=False, kind="targets")
    drawn = TaskBatches(data._replace(labels=torch.eye(3)), masks, seed=0, order=[0, 1, 1])
    assert torch.cat([batch.label for batch in drawn]).sum(0).tolist() == [60, 120, 0]


def test_randomized_images_look_other_and_keep_their_labels() -> None:
    data = halves([0, 1] * 4)
    plain, strong = (list(TaskBatches(data, QUICK, seed=0, randomized=on)) for on in (False, True))
    assert all(torch.equal(one.label, other.label) for one, other in zip(plain, strong, strict=True))
    assert all(float((one.image - other.image).abs().mean()) > 0.1 for one, other in zip(plain, strong, strict=True))


def test_strong_changes_are_those_of_looks_and_of_classes_also_moves() -> None:
    data = halves([0, 1] * 4)
    strong = replace(QUICK, strong=True)
    (moved, looks) = (next(iter(TaskBatches(data, strong, seed=0))), TaskBatches(data, QUICK, 0, randomized=True))
    assert not torch.equal(moved.image, next(iter(looks)).image)
    of_targets = data._replace(labels=torch.eye(8)[:, :2])
    each = [
        TaskBatches(of_targets, replace(QUICK, kind="targets", horizontal_flip=False, strong=on), 0, randomized=not on)
        for on in (True, False)
    ]
    assert torch.equal(*(next(iter(batches)).image for batches in each))


def test_unlabeled_images_come_with_the_labeled_ones_as_mildly_changed() -> None:
    data = halves([0, 1] * 4)
    labeled = TaskBatches(data, QUICK, seed=0)
    white = torch.full((3, *data.images.shape[1:]), 255, dtype=torch.uint8)
    found = list(PairedBatches(labeled, white))
    assert all(torch.equal(one["synthetic"].image, other.image) for one, other in zip(found, labeled, strict=True))
    assert all(one["real"].shape == one["synthetic"].image.shape for one in found)
    assert all(float(one["real"].min()) > 0.5 for one in found)


def test_self_training_makes_its_own_strong_changes_whatever_the_protocol() -> None:
    data, short = halves([0, 1] * 4), replace(QUICK, steps=2)
    mild, strong = (
        fit_task(data, ("above", "below"), replace(short, strong=on), 0, unlabeled=data.images).state_dict()
        for on in (False, True)
    )
    assert all(torch.equal(weight, strong[name]) for name, weight in mild.items())


def test_width_learning_rate_and_network_are_the_protocols() -> None:
    task = Protocol(7, 2, 0, False, network="small-cnn", width=8, learning_rate=0.1).task(("a", "b"), 1, 3)
    assert (task.steps, task.width, task.learning_rate, task.seed, task.channels) == (7, 8, 0.1, 3, 1)


def images_of(count: int) -> Tensor:
    """Brighter below than above."""
    images = torch.randint(0, 60, (count, 3, 16, 16), generator=generator(), dtype=torch.uint8)
    images[:, :, 8:] += 150
    return images


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "JITTER", 0.0)


def augmented(
    images: Tensor,
    shift: int,
    flip: bool,
    labels: Tensor | None = None,
    kind: KindName = "class",
    mirror: tuple[int, ...] = (),
) -> tuple[Tensor, Tensor]:
    labels = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    return augment(images, labels, Protocol(1, 1, shift, flip, kind, mirror), generator())


def levels_of(images: Tensor, shift: int, flip: bool) -> Tensor:
    """Back to uint8."""
    return ((augmented(images, shift, flip)[0] + 1) * 127.5).round().to(torch.uint8)


@pytest.mark.usefixtures("no_jitter")
def test_without_shift_flip_and_jitter_images_stay() -> None:
    images = images_of(2)
    assert torch.equal(levels_of(images, 0, False), images)


@pytest.mark.usefixtures("no_jitter")
def test_shifts_replicate_the_border_and_are_drawn_for_each_image() -> None:
    image = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5)
    seen = set()
    for moved in levels_of(image.expand(200, -1, -1, -1), 1, False):
        down, across = divmod(int(moved[0, 2, 2]) - 12, 5) if moved[0, 2, 2] >= 12 else (-1, int(moved[0, 2, 2]) - 7)
        if across > 1:
            down, across = down + 1, across - 5
        rows, columns = ((torch.arange(5) + offset).clamp(0, 4) for offset in (down, across))
        assert torch.equal(moved[0], image[0, 0][rows][:, columns])
        seen.add((down, across))
    assert len(seen) == 9


@pytest.mark.usefixtures("no_jitter")
def test_mirrors_half_of_the_images_left_and_right_if_it_may() -> None:
    images = images_of(1).expand(400, -1, -1, -1)
    mirrored = [torch.equal(moved, images[0].flip(2)) for moved in levels_of(images, 0, True)]
    kept = [torch.equal(moved, images[0]) for moved in levels_of(images, 0, True)]
    assert sum(mirrored) + sum(kept) == 400
    assert 150 < sum(mirrored) < 250
    assert torch.equal(levels_of(images, 0, False), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_mild_stays_in_range_and_differs_by_image(channels: int) -> None:
    images = images_of(1)[:1, :channels].expand(2, -1, -1, -1)
    changed = augmented(images, 0, False)[0]
    assert changed.shape == images.shape
    assert not torch.equal(changed[0], changed[1])
    assert -1 <= float(changed.min()) < float(changed.max()) <= 1
    assert float((changed - (images / 127.5 - 1)).abs().mean()) < 0.4


def test_jitter_keeps_gray_gray() -> None:
    gray = images_of(2)[:, :1].expand(-1, 3, -1, -1)
    changed = augmented(gray, 0, False)[0]
    assert torch.allclose(changed[:, 0], changed[:, 2], atol=1e-5)


def box(x: float, y: float, right: float, bottom: float) -> list[float]:
    return [1.0, x, y, right, bottom]


@pytest.mark.usefixtures("no_jitter")
def test_boxes_and_masks_move_with_what_they_are_of() -> None:
    """A bright block: whatever becomes of it, its box and its mask lie around it."""
    images = torch.zeros(60, 1, 12, 12, dtype=torch.uint8)
    images[:, :, 2:6, 1:4] = 255
    none = [-1.0] * 5
    boxes = torch.tensor([box(1, 2, 4, 6), none]).expand(60, -1, -1)
    masks = (images[:, 0] > 0).to(torch.uint8)
    labeled: dict[KindName, Tensor] = {"objects": boxes, "mask": masks}
    for kind, labels in labeled.items():
        moved, after = augmented(images, 2, True, labels, kind)
        places = set()
        for image, label in zip(moved[:, 0] > 0, after, strict=True):
            if kind == "mask":
                assert torch.equal(image, label > 0)
                continue
            _, left, top, right, bottom = label[0].int().tolist()
            inside = torch.zeros(12, 12, dtype=torch.bool)
            inside[top:bottom, left:right] = True
            # a border that is bright is repeated: the box is of what was there
            assert bool((image & inside).sum() == inside.sum())
            places.add((left, top))
            assert label[1].tolist() == none
        assert kind == "mask" or len(places) > 15


@pytest.mark.usefixtures("no_jitter")
def test_a_box_that_leaves_the_image_is_none() -> None:
    boxes = torch.tensor([[box(0, 0, 1, 1)]]).expand(100, -1, -1)
    _, after = augmented(torch.zeros(100, 1, 8, 8, dtype=torch.uint8), 1, False, boxes, "objects")
    there = after[:, 0, 0] >= 0
    assert 20 < int(there.sum()) < 80  # two of three shifts keep it, each way
    assert bool((after[~there] == -1).all())
    assert bool((after[there, 0, 3] > after[there, 0, 1]).all())


def test_targets_of_mirrored_images_take_their_sign() -> None:
    images = images_of(1).expand(50, -1, -1, -1).clone()
    images[:, :, :, :4] = 255
    moved, after = augmented(images, 0, True, torch.ones(50, 2), "targets", (1, -1))
    mirrored = moved[:, :, :, -4:].mean(dim=(1, 2, 3)) > moved[:, :, :, :4].mean(dim=(1, 2, 3))
    assert 10 < int(mirrored.sum()) < 40
    assert torch.equal(after, torch.stack([torch.ones(50), 1.0 - 2.0 * mirrored], 1))


def test_changed_views_are_the_same_each_time_and_differ_in_looks_and_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    images = halves([0, 1] * 4).images
    views = changed_views(images, moved=True)
    assert (views.shape, views.dtype) == (images.shape, torch.uint8)
    assert torch.equal(views, changed_views(images, moved=True))
    assert float((views.float() - images.float()).abs().mean()) > 10
    monkeypatch.setattr(fit, "randomize_appearance", lambda images, draws: images)
    moved = changed_views(images, moved=True)
    assert not torch.equal(moved, views)
    assert float((moved.float() - images.float()).abs().mean()) > 5
