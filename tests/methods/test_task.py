import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet18

from refine.data.samples import Labeled, UnpairedBatch
from refine.data.unpaired import UnpairedImages
from refine.errors import InputError
from refine.methods.checkpoint import load_method
from refine.methods.task import Task
from tests.methods.steps import CLASSES, data_of, go_on, loader, quiet_trainer, run_steps


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
    run_steps(other, [labeled()])  # what the benchmark trains on
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


def set_up(task: Task, pair: tuple[Path, Path], **arguments: object) -> None:
    data = UnpairedImages(*pair, **arguments)  # type: ignore[arg-type]  # the test names the arguments
    data.setup("fit")
    task.prepare("fit", data)


def test_takes_its_classes_from_the_data(pair: tuple[Path, Path]) -> None:
    task = small(classes=None, channels=3)
    set_up(task, pair)
    assert task.classes == ["a", "b"]
    assert task.model.head.out_features == 2  # type: ignore[union-attr]  # a small-cnn
    assert task.arguments()["classes"] == ["a", "b"]


def test_refuses_data_with_other_classes_or_none(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"dark, bright, but .* has a, b"):
        set_up(small(channels=3), pair)
    with pytest.raises(InputError, match=r"has none .use layout=class-folders, layout=mask-folders, layout=table"):
        set_up(small(channels=3), pair, layout="images")


def test_refuses_to_start_without_classes() -> None:
    with pytest.raises(InputError, match=r"classes=\[\.\.\.\]"):
        run_steps(small(classes=None), [unpaired(labeled())])


def test_validation_measures_accuracy() -> None:
    task = trained()
    logged: dict[str, float] = {}
    task.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore[method-assign]  # a stand-in
    task.validation_step(unpaired(labeled(seed=99)), 0)
    assert logged == {"task/validation_accuracy": 1.0}


def meet(task: Task, kind: str, names: tuple[str, ...] = ("a", "b"), side: int = 48) -> Task:
    task.prepare("fit", data_of(kind, names, side, batch_size=1))
    return task


@pytest.mark.parametrize(
    ("kind", "network"), [("class", "small-cnn"), ("mask", "unet"), ("targets", "small-regressor")]
)
def test_kind_and_network_come_from_the_data_where_none_is_named(kind: str, network: str) -> None:
    task = meet(Task(width=4), kind)
    stored = task.arguments()
    assert (stored["kind"], stored["network"], stored["classes"]) == (kind, network, ["a", "b"])
    again = Task(**stored)  # type: ignore[arg-type]  # as a checkpoint does
    for one, other in zip(task.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_named_classes_are_of_the_kind_that_the_network_is_for() -> None:
    assert Task(classes=CLASSES, width=4).kind == "class"
    assert Task(classes=CLASSES, width=4, network="unet").kind == "mask"
    assert Task(classes=CLASSES, network="resnet18", kind="targets").kind == "targets"


def test_data_of_another_kind_is_refused_with_both_cures() -> None:
    with pytest.raises(InputError, match=r"kind is class, but the labels of data are of kind mask; .*kind=mask"):
        meet(small(), "mask")


def test_a_network_that_does_not_fit_the_kind_is_refused_with_the_data() -> None:
    with pytest.raises(InputError, match=r"network=lenet: does not learn labels of kind mask"):
        meet(Task(network="lenet"), "mask")


def test_a_network_that_cannot_train_on_single_images_says_so() -> None:
    with pytest.raises(InputError, match="network=dtn: needs two images or more in a batch"):
        meet(Task(network="dtn"), "class")
    with pytest.raises(InputError, match=r"network=unet: needs two images or more in a batch at 8x8"):
        meet(Task(width=4), "mask", side=8)
    meet(Task(width=4), "mask", side=9)


def test_color_is_refused_by_a_gray_network_in_words() -> None:
    task, color = small().eval(), labeled(channels=3).image
    for asked in (task, task.features, task.predict):
        with pytest.raises(ValueError, match="RGB images cannot go through a network that was trained on gray ones"):
            asked(color)


def masked(seed: int = 0) -> Labeled:
    """Bright where the mask is 1, noise where it does not count."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.randint(0, 2, (4, 4, 4), generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2)
    image = mask[:, None] * 1.0 - 0.5 + 0.2 * torch.rand(4, 1, 16, 16, generator=generator)
    mask[:, :2] = 255
    return Labeled(image, mask, [""] * 4)


def segmenter(**arguments: object) -> Task:
    return small(kind="mask", **arguments)


def test_a_segmenter_learns_masks() -> None:
    task = segmenter()
    run_steps(task, [masked(seed) for seed in range(40)])
    batch = masked(seed=99)
    predicted = task.eval().predict(batch.image)
    assert predicted.shape == (4, 16, 16)
    assert predicted.dtype == torch.int64
    valid = batch.label != 255
    assert (predicted == batch.label)[valid].float().mean() > 0.9
    assert task.probabilities(batch.image).sum(dim=1).min() > 0.999
    assert task.features(batch.image).shape == (4, 4, 16, 16)


def test_the_loss_of_a_task_is_that_of_its_kind() -> None:
    outputs = torch.tensor([[2.0, 0.0]])
    assert small().loss(outputs, torch.tensor([0])).item() == pytest.approx(0.126928)  # log(1 + exp(-2))
    assert small(kind="targets").loss(outputs, torch.tensor([[0.0, 0.5]])).item() == pytest.approx((1.5 + 0.125) / 2)
    assert segmenter().loss(outputs[..., None, None], torch.full((1, 1, 1), 255)).item() == 0.0


def gazes(seed: int = 0) -> Labeled:
    """A dot whose place is the label."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(0, 12, (8, 2), generator=generator)
    image = -torch.ones(8, 1, 16, 24)
    for number, (row, column) in enumerate(places.tolist()):
        image[number, :, row : row + 4, column : column + 8] = 1.0
    return Labeled(image, places / 12 - 0.5, [""] * 8)


def test_a_regressor_learns_targets() -> None:
    task = small(classes=["pitch", "yaw"], kind="targets", steps=80)
    run_steps(task, [gazes(seed) for seed in range(80)])
    batch = gazes(seed=99)
    predicted = task.eval().predict(batch.image)
    assert predicted.shape == (8, 2)
    assert not predicted.requires_grad
    assert (predicted - batch.label).abs().mean() < 0.1
    with pytest.raises(InputError, match="no probabilities"):
        task.probabilities(batch.image)


def logged_by_validation(task: Task, batches: list[Labeled]) -> dict[str, float]:
    trainer = quiet_trainer()
    trainer.validate(task, loader(batches), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_validation_of_masks_is_over_all_pixels_and_not_a_mean_of_batches() -> None:
    task = segmenter()
    task.predict = lambda images: images[:, 0].long()  # type: ignore[method-assign]  # a stand-in
    one = Labeled(torch.tensor([0, 0, 1, 1]).view(1, 1, 2, 2).float(), torch.tensor([[[0, 0], [1, 255]]]), [""])
    two = Labeled(torch.ones(1, 1, 2, 2), torch.tensor([[[0, 1], [1, 1]]]), [""])
    for _ in range(2):  # the second validation begins anew
        logged = logged_by_validation(task, [one, two])
        assert logged["task/iou_dark"] == pytest.approx(2 / 3)
        assert logged["task/iou_bright"] == pytest.approx(4 / 5)
        assert logged["task/miou"] == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_validation_of_gaze_is_an_angle_and_an_error_of_each_target() -> None:
    task = small(classes=["yaw", "pitch"], kind="targets")
    task.predict = lambda images: torch.zeros(len(images), 2)  # type: ignore[method-assign]  # a stand-in
    batch = Labeled(torch.zeros(2, 1, 8, 8), torch.tensor([[0.2, 0.0], [0.0, -0.4]]), [""] * 2)
    logged = logged_by_validation(task, [batch])
    assert logged["task/mean_angular_error_degrees"] == pytest.approx(math.degrees(0.3), rel=1e-4)
    assert logged["task/mean_absolute_error_yaw"] == pytest.approx(0.1)
    assert logged["task/mean_absolute_error_pitch"] == pytest.approx(0.2)


def test_dropout_hangs_on_seed_and_step_alone() -> None:
    def weight(global_seed: int) -> Tensor:
        task = small(network="lenet")
        torch.manual_seed(global_seed)
        run_steps(task, [unpaired(labeled())] * 3)
        return first_weight(task)

    assert torch.equal(weight(1), weight(2))


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_the_named_optimizer_gets_rate_and_decay(name: str, kind: type[torch.optim.Optimizer]) -> None:
    trainer = run_steps(small(optimizer=name, weight_decay=0.05), [unpaired(labeled())])
    assert type(trainer.optimizers[0]) is kind
    assert trainer.optimizers[0].param_groups[0]["weight_decay"] == 0.05
    assert trainer.optimizers[0].param_groups[0]["initial_lr"] == 1e-2


def test_a_constant_schedule_neither_rises_nor_falls() -> None:
    task = small(schedule_shape="constant")
    assert [task.schedule(step) for step in (0, 5, 59)] == [1.0, 1.0, 1.0]


def test_weights_of_a_file_are_read_before_a_new_run_and_never_again(tmp_path: Path) -> None:
    file = tmp_path / "resnet18.pth"
    theirs = resnet18(weights=None)
    torch.save(theirs.state_dict(), file)
    task = Task(classes=CLASSES, network="resnet18", pretrained=str(file), optimizer="sgd", learning_rate=0.0, steps=2)
    trainer = run_steps(task, [labeled(channels=3)])
    assert torch.equal(task.state_dict()["model.trunk.conv1.weight"], theirs.conv1.weight)
    trainer.save_checkpoint(tmp_path / "task.ckpt")
    file.unlink()
    assert isinstance(load_method(tmp_path / "task.ckpt"), Task)
    resumed = Task(
        classes=CLASSES, network="resnet18", pretrained=str(file), optimizer="sgd", learning_rate=0.0, steps=2
    )
    go_on(resumed, [unpaired(labeled(channels=3))], tmp_path / "task.ckpt")
    assert torch.equal(resumed.state_dict()["model.trunk.conv1.weight"], theirs.conv1.weight)
    with pytest.raises(InputError, match=r"resnet18\.pth: no such file"):
        run_steps(Task(classes=CLASSES, network="resnet18", pretrained=str(file)), [unpaired(labeled(channels=3))])
