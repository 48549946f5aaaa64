import logging

import pytest
import torch

from refine.benchmark import fitting
from refine.benchmark.fitting import Protocol, fit_task, predict
from refine.data.labeled_images import LabeledImages

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


def test_images_that_stand_twice_in_the_order_are_drawn_twice_as_often() -> None:
    data = halves([0] * 3)
    masks = Protocol(steps=60, batch_size=3, shift=0, horizontal_flip=False, kind="targets")
    drawn = fitting._Batches(data._replace(labels=torch.eye(3)), masks, seed=0, order=[0, 1, 1])
    assert torch.cat([batch.label for batch in drawn]).sum(0).tolist() == [60, 120, 0]


def test_randomized_images_look_other_and_keep_their_labels() -> None:
    data = halves([0, 1] * 4)
    plain, strong = (list(fitting._Batches(data, QUICK, seed=0, randomized=on)) for on in (False, True))
    assert all(torch.equal(one.label, other.label) for one, other in zip(plain, strong, strict=True))
    assert all(float((one.image - other.image).abs().mean()) > 0.1 for one, other in zip(plain, strong, strict=True))


def test_width_learning_rate_and_network_are_the_protocols() -> None:
    task = Protocol(7, 2, 0, False, network="small-cnn", width=8, learning_rate=0.1).task(("a", "b"), 1, 3)
    assert (task.steps, task.width, task.learning_rate, task.seed, task.channels) == (7, 8, 0.1, 3, 1)
