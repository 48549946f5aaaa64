import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.audit.judges import Examples, JudgeEnsemble, in_folds
from refine.audit.options import AuditOptions
from refine.audit.training import UNFINISHED, JudgeBatches, train_judges
from refine.cli import main
from refine.data.images import to_float
from refine.errors import InputError
from refine.labels import KINDS
from refine.methods.frozen_task import fit_briefly
from refine.methods.task import Task
from tests.apply.trees import one_thread, tree
from tests.audit.scenes import draws
from tests.audit.shapes import Finished, audit_of

IMAGES = torch.randint(0, 256, (12, 1, 12, 12), generator=draws(), dtype=torch.uint8)
LABELS, FOLDS = torch.arange(12) % 2, torch.arange(12) // 6


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are trained on as they are."""
    monkeypatch.setattr("refine.audit.training.randomize_content", lambda images, *_: images)


def levels(count: int) -> Tensor:
    """Images whose level is ten times their number."""
    return (10 * torch.arange(count, dtype=torch.uint8))[:, None, None, None].expand(-1, 1, 8, 8).contiguous()


@pytest.mark.usefixtures("plain")
def test_batches_hold_chosen_images_with_their_labels() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 0, 1])
    chosen = [0, 1, 2, 4, 7]
    batches = list(JudgeBatches((levels(8),), labels, chosen, KINDS["class"], 6, 10, 0))
    assert len(batches) == 10
    seen = set()
    for batch in batches:
        numbers = ((batch.image[:, 0, 0, 0] + 1) * 127.5 / 10).round().long()
        assert torch.equal(batch.label, labels[numbers])
        seen |= set(numbers.tolist())
    assert seen == set(chosen)
    drawn = torch.cat([batch.label for batch in batches])
    assert int((drawn == 0).sum()) == int((drawn == 1).sum())  # every class equally often


@pytest.mark.usefixtures("plain")
def test_each_image_comes_from_one_of_the_sources() -> None:
    sources = (levels(8), levels(8) + 5)
    batch = next(iter(JudgeBatches(sources, torch.arange(8) % 2, list(range(8)), KINDS["class"], 64, 1, 0)))
    shown = ((batch.image[:, 0, 0, 0] + 1) * 127.5).round().long() % 10
    assert set(shown.tolist()) == {0, 5}
    assert torch.equal(batch.image.amax((1, 2, 3)), batch.image.amin((1, 2, 3)))


def test_batches_follow_from_their_seed() -> None:
    def first(seed: int) -> Tensor:
        batches = JudgeBatches((levels(8),), torch.arange(8) % 2, list(range(8)), KINDS["class"], 6, 1, seed)
        return next(iter(batches)).image

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


@pytest.mark.usefixtures("plain")
def test_masks_are_drawn_with_their_images() -> None:
    batch = next(iter(JudgeBatches((levels(8),), levels(8)[:, 0], [1, 3, 5], KINDS["mask"], 3, 1, 0)))
    assert torch.equal(batch.image, to_float(batch.label[:, None]))
    assert set(batch.label[:, 0, 0].tolist()) == {10, 30, 50}


def trained(
    images: Tensor = IMAGES,
    labels: Tensor = LABELS,
    folds: Tensor = FOLDS,
    output: Path | None = None,
    steps: int = 60,
    seed: int = 0,
) -> JudgeEnsemble:
    options = AuditOptions(
        output=Path("audit"), networks=("small-cnn",), steps=steps, batch_size=16, seed=seed, device="cpu"
    )
    return train_judges("content", (images,), labels, folds, KINDS["class"], ("dark", "bright"), options, output)


def share_right(judges: JudgeEnsemble, images: Tensor, folds: Tensor, labels: Tensor) -> float:
    scores = judges.judge(Examples(images, folds, labels)).scores
    return float((scores["class_margin"] < 0).float().mean())


@pytest.mark.usefixtures("plain")
def test_a_judge_never_sees_its_fold() -> None:
    """Labels are at random: a judge that had seen an image could know its label, one that had not cannot."""
    images = torch.randint(0, 256, (60, 1, 12, 12), generator=draws(), dtype=torch.uint8)
    labels = torch.arange(60) % 2
    folds = in_folds(labels, KINDS["class"], 2, 0, torch.arange(60))
    judges = trained(images, labels, folds, steps=80)
    assert share_right(judges, images, folds, labels) < 0.7  # chance is 0.5, with a standard deviation of 0.065
    assert share_right(judges, images, 1 - folds, labels) > 0.9  # the judges of the other fold know them by heart


def test_judges_learn_what_can_be_seen() -> None:
    labels = torch.arange(24) % 2
    images = (60 + 120 * labels)[:, None, None, None].expand(-1, 1, 12, 12).to(torch.uint8).clone()
    images[labels == 1, :, 4:8] = 0
    folds = in_folds(labels, KINDS["class"], 2, 0, torch.arange(24))
    judges = trained(images, labels, folds)
    assert [(member.network, member.fold) for member in judges.members] == [("small-cnn-0", 0), ("small-cnn-0", 1)]
    assert share_right(judges, images, folds, labels) == 1.0


def test_judges_follow_from_their_seed() -> None:
    one, again, other = (trained(steps=1, seed=seed) for seed in (0, 0, 1))
    weights = [next(judges.members[0].task.parameters()) for judges in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], next(one.members[1].task.parameters()))


def test_a_class_that_lies_in_one_fold_is_refused() -> None:
    with pytest.raises(InputError, match="a class has too few images"):
        trained(IMAGES[:4], torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 0, 1]))


def weights(judges: JudgeEnsemble) -> list[Tensor]:
    return [weight for member in judges.members for weight in member.task.state_dict().values()]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Every task model that was trained so far."""
    done: list[Task] = []

    def fit(task: Task, *rest: object) -> Task:
        done.append(task)
        return fit_briefly(task, *rest)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr("refine.audit.training.fit_briefly", fit)
    return done


def test_judges_that_were_trained_before_are_the_same(tmp_path: Path, fits: list[Task]) -> None:
    plain, first = trained(steps=3), trained(output=tmp_path, steps=3)
    fits.clear()
    again = trained(output=tmp_path, steps=3)
    assert fits == []
    assert [member[:2] for member in again.members] == [member[:2] for member in plain.members]
    for one, other, third in zip(weights(plain), weights(first), weights(again), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
    assert not any(member.task.training for member in again.members)


@pytest.mark.parametrize(
    "change",
    [
        lambda output: trained(IMAGES.flip(0), output=output, steps=3),
        lambda output: trained(output=output, steps=4),
    ],
    ids=["images", "steps"],
)
def test_judges_of_other_trainings_are_not_taken(
    tmp_path: Path, fits: list[Task], change: Callable[[Path], JudgeEnsemble]
) -> None:
    trained(output=tmp_path, steps=3)
    fits.clear()
    change(tmp_path)
    assert len(fits) == 2


def test_a_damaged_judge_is_trained_anew(tmp_path: Path, fits: list[Task]) -> None:
    trained(output=tmp_path, steps=3)
    damaged, _ = sorted((tmp_path / UNFINISHED).glob("*/model.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    for trainings in (1, 0):
        fits.clear()
        trained(output=tmp_path, steps=3)
        assert len(fits) == trainings


def test_a_stopped_audit_goes_on_and_ends_as_one_that_was_not(
    tmp_path: Path,
    finished: Finished,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fits: list[Task],
) -> None:
    args = audit_of(finished.synthetic, finished.refined, tmp_path / "stopped")
    with monkeypatch.context() as context:

        def stop(task: Task, *rest: object) -> Task:
            if task.seed:
                signal.raise_signal(signal.SIGTERM)
            return fit_briefly(task, *rest)  # type: ignore[arg-type]  # passed on

        context.setattr("refine.audit.training.fit_briefly", stop)
        with one_thread():
            assert main(args) == 143
    assert "what is finished is kept; the same command goes on" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "stopped").iterdir()} == {UNFINISHED}
    fits.clear()
    with one_thread():
        assert main(args) == 1
    assert "1 of 2 content judges were trained before" in capsys.readouterr().out
    assert [task.seed for task in fits] == [10]
    whole, again = tree(finished.output), tree(tmp_path / "stopped")
    assert whole.keys() == again.keys()
    assert whole["audit.jsonl"] == again["audit.jsonl"]
