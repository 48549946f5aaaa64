from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.data.samples import Labeled, UnpairedBatch
from refine.data.unpaired import UnpairedImages
from refine.errors import InputError
from refine.methods.checkpoint import load_method
from refine.methods.task import Task
from tests.methods.steps import run_steps

CLASSES = ["dark", "bright"]


def labeled(seed: int = 0, channels: int = 1) -> Labeled:
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(8) % 2
    noise = 0.3 * torch.rand(8, channels, 16, 16, generator=generator)
    return Labeled(noise + label[:, None, None, None] - 0.7, label, [""] * 8)


def unpaired(batch: Labeled) -> UnpairedBatch:
    return {"synthetic": batch, "real": torch.zeros_like(batch.image)}


def small(**arguments: object) -> Task:
    settings = {"classes": CLASSES, "channels": 1, "width": 4, "steps": 60, "learning_rate": 1e-2}
    return Task(**{**settings, **arguments})  # type: ignore[arg-type]  # the test names the arguments


def trained(count: int = 60, **arguments: object) -> Task:
    task = small(**arguments)
    run_steps(task, [unpaired(labeled(seed)) for seed in range(count)])
    return task.eval()


def test_learns_the_labels_of_the_synthetic_part() -> None:
    batch = labeled(seed=99)
    assert torch.equal(trained().predict(batch.image), batch.label)


def test_takes_labeled_batches_as_well() -> None:
    one, other = small(), small()
    run_steps(one, [unpaired(labeled())])
    run_steps(other, [labeled()])  # type: ignore[list-item]  # what the benchmark trains on
    for first, second in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


def test_logs_loss_accuracy_and_learning_rate() -> None:
    task = small()
    trainer = run_steps(task, [unpaired(labeled())])
    assert {"loss/task", "task/accuracy", "learning_rate/task"} <= trainer.callback_metrics.keys()
    assert task.steps_done == 1


def test_predictions_are_the_most_probable_classes() -> None:
    task, images = trained(), labeled(seed=99).image
    probabilities = task.probabilities(images)
    assert probabilities.shape == (8, 2)
    assert probabilities.sum(dim=1).tolist() == pytest.approx([1.0] * 8)
    assert torch.equal(task.predict(images), probabilities.argmax(dim=1))
    assert task.predict(images).dtype == torch.int64
    assert not probabilities.requires_grad


def test_gradients_pass_through_the_features() -> None:
    images = labeled().image.requires_grad_()
    total = small().eval().requires_grad_(False).features(images).sum()
    (gradient,) = torch.autograd.grad(total, images)
    assert gradient.abs().sum() > 0


def test_gray_images_go_through_an_rgb_network_as_three_equal_channels() -> None:
    task, gray = small(channels=3).eval(), labeled().image
    assert torch.equal(task.probabilities(gray), task.probabilities(gray.expand(-1, 3, -1, -1)))
    assert torch.equal(task.features(gray), task.features(gray.expand(-1, 3, -1, -1)))


def first_weight(task: Task) -> Tensor:
    return next(task.parameters())


def test_initial_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = small(seed=5)
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    assert torch.equal(first_weight(one), first_weight(small(seed=5)))
    assert not torch.equal(first_weight(one), first_weight(small(seed=6)))
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_learning_rate_rises_for_a_tenth_of_the_steps_and_falls_to_zero() -> None:
    task = small(steps=100)
    assert task.schedule(0) == pytest.approx(0.1)
    assert task.schedule(10) == 1.0
    assert task.schedule(55) == pytest.approx(0.5)
    assert task.schedule(100) == pytest.approx(0.0)
    trainer = run_steps(task, [unpaired(labeled())] * 4)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(1e-2 * task.schedule(4))


def test_comes_back_from_a_checkpoint(tmp_path: Path) -> None:
    task, images = small(), labeled(seed=99).image
    trainer = run_steps(task, [unpaired(labeled())] * 3)
    trainer.save_checkpoint(tmp_path / "task.ckpt")
    again = load_method(tmp_path / "task.ckpt")
    assert isinstance(again, Task)
    assert again.classes == CLASSES
    assert torch.equal(again.probabilities(images), task.eval().probabilities(images))


class WithData:
    """What a trainer shows a method of the data."""

    def __init__(self, data: UnpairedImages) -> None:
        self.datamodule = data


def set_up(task: Task, pair: tuple[Path, Path], **arguments: object) -> None:
    data = UnpairedImages(*pair, **arguments)  # type: ignore[arg-type]  # the test names the arguments
    data.setup("fit")
    task._trainer = WithData(data)  # type: ignore[assignment]
    task.setup("fit")


def test_takes_its_classes_from_the_data(pair: tuple[Path, Path]) -> None:
    task = small(classes=None, channels=3)
    set_up(task, pair)
    assert task.classes == ["a", "b"]
    assert task.network.head.out_features == 2
    assert task.arguments()["classes"] == ["a", "b"]


def test_refuses_data_with_other_classes_or_none(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"dark, bright, but .* has a, b"):
        set_up(small(channels=3), pair)
    with pytest.raises(InputError, match="layout=class-folders"):
        set_up(small(channels=3), pair, layout="images")


def test_refuses_to_start_without_classes() -> None:
    with pytest.raises(InputError, match=r"classes=\[\.\.\.\]"):
        run_steps(small(classes=None), [unpaired(labeled())])


@pytest.mark.parametrize("classes", [[], ["one"], ["same", "same"], ["a", "b", "a"]])
def test_refuses_fewer_than_two_different_classes(classes: list[str]) -> None:
    with pytest.raises(InputError, match="two or more different classes"):
        small(classes=classes)


def test_validation_measures_accuracy() -> None:
    task = trained()
    logged: dict[str, float] = {}
    task.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore[method-assign]
    task.validation_step(unpaired(labeled(seed=99)), 0)
    assert logged == {"task/validation_accuracy": 1.0}
