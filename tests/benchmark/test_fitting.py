import logging

import pytest
import torch
from torch import Tensor

from refine.benchmark import fitting
from refine.benchmark.fitting import Protocol, augment, fit_task, predict
from refine.benchmark.labeled_images import LabeledImages

QUICK = Protocol(steps=30, batch_size=8, shift=1, horizontal_flip=True)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def halves(labels: list[int], seed: int = 0) -> LabeledImages:
    """Bright above (0) or below (1): what a vertical flip would confuse."""
    images = torch.randint(0, 60, (len(labels), 3, 16, 16), generator=generator(seed), dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 8 * label : 8 * label + 8] += 150
    return LabeledImages(images, torch.tensor(labels), tuple(f"{i}.png" for i in range(len(labels))))


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "JITTER", 0.0)


def augmented(images: Tensor, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    return augment(images, torch.zeros(len(images), dtype=torch.int64), shift, flip, generator)[0]


def levels(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round().to(torch.uint8)


@pytest.mark.usefixtures("no_jitter")
def test_without_shift_flip_and_jitter_images_stay() -> None:
    images = halves([0, 1]).images
    assert torch.equal(levels(augmented(images, 0, False, generator())), images)


@pytest.mark.usefixtures("no_jitter")
def test_shifts_replicate_the_border_and_are_drawn_for_each_image() -> None:
    image = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5)
    seen = set()
    for moved in levels(augmented(image.expand(200, -1, -1, -1), 1, False, generator())):
        down, across = divmod(int(moved[0, 2, 2]) - 12, 5) if moved[0, 2, 2] >= 12 else (-1, int(moved[0, 2, 2]) - 7)
        if across > 1:
            down, across = down + 1, across - 5
        rows, columns = ((torch.arange(5) + offset).clamp(0, 4) for offset in (down, across))
        assert torch.equal(moved[0], image[0, 0][rows][:, columns])
        seen.add((down, across))
    assert len(seen) == 9


@pytest.mark.usefixtures("no_jitter")
def test_mirrors_half_of_the_images_left_and_right_if_it_may() -> None:
    images = halves([0]).images.expand(400, -1, -1, -1)
    mirrored = [torch.equal(moved, images[0].flip(2)) for moved in levels(augmented(images, 0, True, generator()))]
    kept = [torch.equal(moved, images[0]) for moved in levels(augmented(images, 0, True, generator()))]
    assert sum(mirrored) + sum(kept) == 400
    assert 150 < sum(mirrored) < 250
    assert torch.equal(levels(augmented(images, 0, False, generator())), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_mild_stays_in_range_and_differs_by_image(channels: int) -> None:
    images = halves([0, 0]).images[:1, :channels].expand(2, -1, -1, -1)
    changed = augmented(images, 0, False, generator())
    assert changed.shape == images.shape
    assert not torch.equal(changed[0], changed[1])
    assert -1 <= float(changed.min()) < float(changed.max()) <= 1
    assert float((changed - (images / 127.5 - 1)).abs().mean()) < 0.4


def test_jitter_keeps_gray_gray() -> None:
    gray = halves([0, 1]).images[:, :1].expand(-1, 3, -1, -1)
    changed = augmented(gray, 0, False, generator())
    assert torch.allclose(changed[:, 0], changed[:, 2], atol=1e-5)


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
    drawn = torch.cat([batch.label for batch in fitting._Batches(data, QUICK, seed=0)])
    assert drawn.bincount().tolist() == [120, 120]


def test_a_class_that_the_training_data_lacks_keeps_its_number() -> None:
    task = fit_task(halves([0, 1] * 4), ("above", "below", "never"), QUICK, seed=0)
    assert task.model.head.out_features == 3  # type: ignore[union-attr]  # a small-cnn


def test_leaves_threads_and_logging_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("lightning.pytorch")
    monkeypatch.setattr(logger, "level", logging.INFO)
    torch.set_num_threads(2)  # the fixture of all tests sets it back
    fit_task(halves([0, 1]), ("above", "below"), QUICK, seed=0)
    assert (logger.level, torch.get_num_threads()) == (logging.INFO, 2)


def test_says_nothing(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    fit_task(halves([0, 1]), ("above", "below"), QUICK, seed=0)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
