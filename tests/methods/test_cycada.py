from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from refine.data.samples import UnpairedBatch
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.labels import KINDS
from refine.methods.checkpoint import read_checkpoint
from refine.methods.cycada import CHANGED, MEMORY, CyCADA
from refine.methods.cyclegan import CycleGAN
from refine.methods.task import Task
from tests.methods.steps import SMALL, data_of, go_on, run_steps, stored_task
from tests.methods.steps import batch as unpaired

CLASSES = KINDS["class"]
SEMANTIC = ["class", "mask", "targets"]


def small(task: Path | None, **arguments: object) -> CyCADA:
    torch.manual_seed(0)
    return CyCADA(task=task, **{**SMALL, "steps": 8, "history_size": 3, **arguments})


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return stored_task(tmp_path)


def batch(seed: int = 0, kind: str = "class") -> UnpairedBatch:
    return unpaired(seed, 4, kind=kind)


class Logged(Callback):
    """What each step logs."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self.steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def logged(method: CyCADA, count: int = 2, kind: str = "class") -> list[dict[str, float]]:
    log = Logged()
    run_steps(method, [batch(seed, kind) for seed in range(count)], [log])
    return log.steps


def term(method: CyCADA, one: UnpairedBatch) -> Tensor:
    """The semantic loss of this batch's translations, outside of training."""
    method.log = lambda *_, **__: None  # type: ignore[method-assign]  # a stand-in
    method.log_dict = lambda *_, **__: None  # type: ignore[method-assign]  # another
    refined, simulated = method.synthetic_to_real(one["synthetic"].image), method.real_to_synthetic(one["real"])
    on_synthetic = method.refined_label_loss(one, refined, method.real_to_synthetic(refined))
    return on_synthetic + method.simulated_label_loss(one, simulated)


def reached(method: CyCADA, loss: Tensor) -> set[str]:
    """Networks to which gradients of a loss flow."""
    loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    weights = method.named_parameters()
    return {name.split(".")[0] for name, weight in weights if weight.grad is not None and bool(weight.grad.any())}


def test_defaults_are_the_papers_but_for_the_term_on_real_images() -> None:
    method = CyCADA()
    assert (method.semantic_weight, method.cycle_semantic_weight, method.real_semantic_weight) == (1.0, 0.0, 0.0)
    assert (method.labels, method.gate, method.real_gate) == ("ground-truth", 1.0, 0.9)


@pytest.mark.parametrize("kind", SEMANTIC)
def test_the_task_model_never_changes_and_is_in_no_checkpoint(kind: str, tmp_path: Path) -> None:
    method = small(
        stored_task(tmp_path, kind), gate=100.0, real_gate=0.0, cycle_semantic_weight=1.0, real_semantic_weight=1.0
    )
    before = {name: weight.clone() for name, weight in method.load_task().task.state_dict().items()}
    trainer = run_steps(method, [batch(seed, kind) for seed in range(3)])
    assert method._frozen is not None
    assert not method._frozen.task.training
    for name, weight in method._frozen.task.state_dict().items():
        assert torch.equal(weight, before[name]), name
    assert all(weight.grad is None and not weight.requires_grad for weight in method._frozen.task.parameters())
    trainer.save_checkpoint(tmp_path / "cycada.ckpt")
    names = {name.split(".")[0] for name in read_checkpoint(tmp_path / "cycada.ckpt")["state_dict"]}
    assert not {"task", "_frozen", "semantic"} & names
    assert "agreement" in names


def test_the_semantic_term_is_the_loss_of_the_task_model_on_refined_images(task: Path) -> None:
    method, one = small(task, gate=100.0, semantic_weight=3.0), batch()
    frozen = method.load_task()
    expected = CLASSES.loss_per_image(frozen(method.synthetic_to_real(one["synthetic"].image)), one["synthetic"].label)
    assert torch.allclose(term(method, one), 3.0 * expected.mean())


@pytest.mark.parametrize(
    ("weights", "networks"),
    [
        ({}, {"synthetic_to_real"}),
        ({"semantic_weight": 0.0, "cycle_semantic_weight": 1.0}, {"synthetic_to_real", "real_to_synthetic"}),
        ({"semantic_weight": 0.0, "real_semantic_weight": 1.0, "real_gate": 0.0}, {"real_to_synthetic"}),
        ({"semantic_weight": 0.0}, set()),
        ({"gate": 0.0}, set()),
    ],
)
@pytest.mark.parametrize("kind", SEMANTIC)
def test_each_term_teaches_the_generators_that_made_its_images(
    kind: str, weights: dict[str, float], networks: set[str], tmp_path: Path
) -> None:
    method = small(stored_task(tmp_path, kind), **{"gate": 100.0, **weights})
    assert reached(method, term(method, batch(kind=kind))) == networks


def test_pseudo_labels_are_what_the_task_model_said_before_and_ask_no_label(task: Path) -> None:
    one = batch()
    wrong: UnpairedBatch = {"synthetic": one["synthetic"]._replace(label=torch.tensor([9] * 4)), "real": one["real"]}
    method = small(task, labels="pseudo", gate=100.0)
    frozen = method.load_task()
    target = CLASSES.decided(frozen(one["synthetic"].image))
    expected = CLASSES.loss_per_image(frozen(method.synthetic_to_real(one["synthetic"].image)), target).mean()
    assert torch.allclose(term(method, wrong), expected)


def test_ground_truth_and_pseudo_labels_differ_where_the_task_model_is_wrong(task: Path) -> None:
    one = batch()
    says = CLASSES.decided(small(task).load_task()(one["synthetic"].image))
    wrong: UnpairedBatch = {"synthetic": one["synthetic"]._replace(label=1 - says), "real": one["real"]}
    right: UnpairedBatch = {"synthetic": one["synthetic"]._replace(label=says), "real": one["real"]}

    def loss(labels: str, given: UnpairedBatch) -> Tensor:
        return term(small(task, labels=labels, gate=100.0), given)

    assert torch.equal(loss("pseudo", wrong), loss("ground-truth", right))
    assert not torch.equal(loss("pseudo", wrong), loss("ground-truth", wrong))


def test_pixels_without_a_class_do_not_count_and_masks_may_have_a_channel(tmp_path: Path) -> None:
    task, one = stored_task(tmp_path, "mask"), batch(kind="mask")
    method = small(task, gate=100.0)
    outputs = method.load_task()(method.synthetic_to_real(one["synthetic"].image))[:, :, 1:]
    expected = KINDS["mask"].loss_per_image(outputs, one["synthetic"].label[:, 1:]).mean()
    assert torch.allclose(term(method, one), expected)
    bytes_ = one["synthetic"]._replace(label=one["synthetic"].label.to(torch.uint8)[:, None])
    assert torch.allclose(term(method, {"synthetic": bytes_, "real": one["real"]}), expected)


@pytest.mark.parametrize("kind", SEMANTIC)
def test_a_closed_gate_adds_nothing_but_logs_loss_and_gate_at_every_step(kind: str, tmp_path: Path) -> None:
    closed = small(stored_task(tmp_path, kind), gate=0.0, cycle_semantic_weight=1.0)
    steps = logged(closed, 3, kind)
    assert len(steps) == 3
    assert all(step["semantic/gate"] == 0.0 for step in steps)
    assert all(step["loss/semantic"] > 0.0 and step["loss/semantic_cycle"] > 0.0 for step in steps)
    assert all(step["semantic/task_loss"] > 0.0 for step in steps)
    assert_steps_as_cyclegan(closed, 3)


def test_an_open_gate_is_logged_and_counts(task: Path) -> None:
    method = small(task, gate=100.0)
    assert [step["semantic/gate"] for step in logged(method)] == [1.0, 1.0]
    with pytest.raises(AssertionError):
        assert_steps_as_cyclegan(method, 2)


def test_the_gate_opens_up_to_the_task_models_own_loss(task: Path) -> None:
    own = logged(small(task), 1)[0]["semantic/task_loss"]
    one = batch()
    frozen = small(task).load_task()
    assert own == pytest.approx(
        float(CLASSES.loss_per_image(frozen(one["synthetic"].image), one["synthetic"].label).mean())
    )
    assert logged(small(task, gate=own), 1)[0]["semantic/gate"] == 1.0
    assert logged(small(task, gate=own - 1e-3), 1)[0]["semantic/gate"] == 0.0


def assert_steps_as_cyclegan(method: CyCADA, count: int) -> None:
    torch.manual_seed(0)
    plain = CycleGAN(**SMALL, steps=8, history_size=3)
    run_steps(plain, [batch(seed) for seed in range(count)])
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, method.state_dict()[name]), name


def test_with_all_semantic_weights_zero_its_steps_are_cyclegans_bit_for_bit(task: Path) -> None:
    method = small(task, semantic_weight=0.0, gate=100.0)
    run_steps(method, [batch(seed) for seed in range(4)])
    assert_steps_as_cyclegan(method, 4)


def test_the_term_on_real_images_is_off_by_default(task: Path) -> None:
    assert not {"loss/semantic_real", "semantic/gate_real"} & logged(small(task), 1)[0].keys()


def test_the_term_on_real_images_opens_when_the_running_agreement_reaches_its_gate(task: Path) -> None:
    method = small(task, real_semantic_weight=1.0, real_gate=1.5 * (1 - MEMORY), semantic_weight=0.0)
    method.load_task()
    method.real_to_synthetic.forward = lambda images: images - CHANGED
    method._frozen.task.forward = lambda images: images.new_tensor([[1.0, 0.0]] * len(images))  # type: ignore  # agrees
    for step, gate in enumerate([False, True, True], start=1):
        loss = term(method, batch())
        assert float(method.agreement) == pytest.approx(1 - MEMORY**step)
        assert bool(loss > 0) == gate


@pytest.mark.parametrize(("change", "gate"), [(0.0, 0.0), (0.9 * CHANGED, 0.0), (1.1 * CHANGED, 1.0)])
def test_agreement_about_images_that_hardly_change_opens_nothing(change: float, gate: float, task: Path) -> None:
    method, real = small(task, real_semantic_weight=1.0, real_gate=0.0), batch()["real"]
    _, opened = method._real_term(method.load_task(), real, real - change)
    assert float(opened) == gate


def test_disagreement_lowers_the_running_agreement_and_closes_the_gate(task: Path) -> None:
    method = small(task, real_semantic_weight=1.0, real_gate=0.9)
    frozen = method.load_task()
    one = batch()
    says = frozen.without_gradient(one["real"])
    method.agreement.fill_(0.9)
    answers = iter([says, -says])  # of the real images, then of the simulated ones
    fake: Callable[[Tensor], Tensor] = lambda images: next(answers)  # noqa: E731  # typed beside it
    frozen.task.forward = fake  # type: ignore[method-assign, assignment]  # a stand-in
    real, opened = method._real_term(frozen, one["real"], one["real"])
    assert float(method.agreement) == pytest.approx(MEMORY * 0.9)
    assert float(opened) == 0.0
    assert float(real) > 0.0


def test_loss_and_gate_of_the_real_term_are_logged_at_every_step(task: Path) -> None:
    steps = logged(small(task, real_semantic_weight=1.0, real_gate=2.0), 2)
    for step in steps:
        assert step["loss/semantic_real"] > 0.0
        assert step["semantic/gate_real"] == 0.0
        assert 0.0 <= step["semantic/agreement_real"] <= 1.0


def test_no_parameter_is_left_without_gradient_after_a_step(task: Path) -> None:
    method = small(task)
    run_steps(method, [batch()])
    assert all(weight.requires_grad for weight in method.parameters())


def test_a_run_does_not_go_on_under_another_task_model(tmp_path: Path) -> None:
    task = stored_task(tmp_path)
    run_steps(small(task), [batch()]).save_checkpoint(tmp_path / "half.ckpt")
    (tmp_path / "other").mkdir()
    other = stored_task(tmp_path / "other", seed=2)
    with pytest.raises(InputError, match=r"was trained with task=.*: a run goes on with the arguments") as error:
        go_on(small(other), [batch()], tmp_path / "half.ckpt")
    assert "\n" not in str(error.value)
    task.rename(tmp_path / "gone")
    other.rename(task)  # another model under the same name
    with pytest.raises(InputError, match=r"task-class: not the task model that this run began with") as error:
        go_on(small(task), [batch()], tmp_path / "half.ckpt")
    assert "\n" not in str(error.value)


def test_data_with_the_task_models_labels_is_taken(task: Path) -> None:
    small(task).prepare("fit", data_of("class", ("dark", "bright")))
    small(task, labels="pseudo").prepare("fit", data_of("none"))


@pytest.mark.parametrize(
    ("kind", "names"),
    [("class", ("dark", "light")), ("class", ("bright", "dark")), ("class", ("dark",)), ("mask", ("dark", "bright"))],
)
@pytest.mark.parametrize("labels", ["ground-truth", "pseudo"])
def test_data_with_other_labels_is_refused_in_one_line(
    labels: str, kind: str, names: tuple[str, ...], task: Path
) -> None:
    known = "task-class: the task model knows class labels dark, bright"
    with pytest.raises(InputError, match=rf"{known}, but data has {kind} labels {', '.join(names)}") as error:
        small(task, labels=labels).prepare("fit", data_of(kind, names))
    assert "\n" not in str(error.value)


def test_ground_truth_needs_labels(task: Path) -> None:
    with pytest.raises(InputError, match=r"data: has no labels, so set --model.labels pseudo"):
        small(task).prepare("fit", data_of("none"))


def test_a_task_model_must_be_named() -> None:
    with pytest.raises(InputError, match=r"give --model.task FILE"):
        run_steps(small(None), [batch()])


def test_only_training_asks_for_the_task_model() -> None:
    small(None).setup("validate")
    small(Path("/nowhere")).setup("validate")


def test_a_file_that_is_not_there_or_holds_no_task_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.ckpt: no such checkpoint"):
        small(tmp_path / "nowhere.ckpt").setup("fit")
    torch.manual_seed(0)
    write_bundle(CycleGAN(**SMALL), tmp_path / "cyclegan")
    with pytest.raises(InputError, match="cyclegan: holds CycleGAN; name the checkpoint of a task model") as error:
        small(tmp_path / "cyclegan").setup("fit")
    assert "\n" not in str(error.value)


def test_a_task_model_of_gray_images_is_refused_for_color_and_one_of_color_reads_gray(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task-class: reads gray images; fit a task model on RGB"):
        small(stored_task(tmp_path), channels=3).setup("fit")
    (tmp_path / "rgb").mkdir()
    method = small(stored_task(tmp_path / "rgb", channels=3))
    assert term(method, batch()) >= 0.0


def test_a_detector_has_no_semantic_loss_and_says_so(tmp_path: Path) -> None:
    write_bundle(Task(classes=["car"], channels=1, width=4, kind="objects"), tmp_path / "detector")
    with pytest.raises(InputError, match=r"a detector of objects, for which there is no semantic loss; name a task"):
        small(tmp_path / "detector").load_task()
