import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.audit.judges import Judges, train_judges
from refine.audit.trained import FOLDER
from refine.cli import main
from refine.methods.short_fit import fit_briefly
from refine.methods.task import Task
from tests.apply.trees import one_thread, tree
from tests.audit.shapes import Finished, audit_of

IMAGES = torch.randint(0, 256, (12, 1, 12, 12), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
LABELS, FOLDS = torch.arange(12) % 2, torch.arange(12) // 6


def trained(output: Path | None, images: Tensor = IMAGES, steps: int = 3) -> Judges:
    return train_judges("content", (images,), LABELS, FOLDS, "class", "ab", ("small-cnn",), steps, 4, 0, output)


def weights(judges: Judges) -> list[Tensor]:
    return [weight for member in judges.members for weight in member.task.state_dict().values()]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Every task model that was trained so far."""
    done: list[Task] = []

    def fit(task: Task, *rest: object) -> Task:
        done.append(task)
        return fit_briefly(task, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("refine.audit.judges.fit_briefly", fit)
    return done


def test_judges_that_were_trained_before_are_the_same(tmp_path: Path, fits: list[Task]) -> None:
    plain, first = trained(None), trained(tmp_path)
    fits.clear()
    again = trained(tmp_path)
    assert fits == []
    assert [member[:2] for member in again.members] == [member[:2] for member in plain.members]
    for one, other, third in zip(weights(plain), weights(first), weights(again), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
    assert not any(member.task.training for member in again.members)


@pytest.mark.parametrize(
    "change",
    [lambda output: trained(output, IMAGES.flip(0)), lambda output: trained(output, steps=4)],
    ids=["images", "steps"],
)
def test_judges_of_other_trainings_are_not_taken(
    tmp_path: Path, fits: list[Task], change: Callable[[Path], Judges]
) -> None:
    trained(tmp_path)
    fits.clear()
    change(tmp_path)
    assert len(fits) == 2


def test_a_damaged_judge_is_trained_anew(tmp_path: Path, fits: list[Task]) -> None:
    trained(tmp_path)
    damaged, _ = sorted((tmp_path / FOLDER).glob("*/model.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    fits.clear()
    trained(tmp_path)
    assert len(fits) == 1
    fits.clear()
    trained(tmp_path)
    assert fits == []


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
            return fit_briefly(task, *rest)  # type: ignore[arg-type]

        context.setattr("refine.audit.judges.fit_briefly", stop)
        with one_thread():
            assert main(args) == 143
    assert "what is finished is kept; the same command goes on" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "stopped").iterdir()} == {FOLDER}
    fits.clear()
    with one_thread():
        assert main(args) == 1
    assert "1 of 2 content judges were trained before" in capsys.readouterr().out
    assert [task.seed for task in fits] == [10]
    whole, again = tree(finished.output), tree(tmp_path / "stopped")
    assert whole.keys() == again.keys()
    assert whole["audit.jsonl"] == again["audit.jsonl"]
