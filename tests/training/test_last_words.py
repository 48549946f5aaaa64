import shlex
from pathlib import Path

import pytest
import torch

from refine.data import UnpairedImages
from refine.training.last_words import Reached, last_words, next_command, other_way, task_words


@pytest.mark.parametrize(
    ("reached", "line"),
    [
        (
            Reached(120.4, 67.2, 2100, 124.0),
            "distance: doing nothing 120 · best 67 (step 2100) · last 124 (worse than doing nothing)",
        ),
        (
            Reached(120.0, 67.0, 900, 67.0, 0.985),
            "distance: doing nothing 120 · best 67 (step 900) · last 67 · label agreement of the best 98.5 %",
        ),
        (
            Reached(120.0, 1012.0, 50, 1013.0),
            "NO BETTER THAN DOING NOTHING. distance: doing nothing 120 · best 1012 (step 50) · last 1013 "
            "(worse than doing nothing)",
        ),
        (Reached(120.0, None, 0, 100.0), "distance: doing nothing 120 · last 100 · no best.ckpt"),
    ],
)
def test_a_bad_result_cannot_be_overlooked(reached: Reached, line: str) -> None:
    assert last_words(reached) == line


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.training.last_words.typed", lambda *words: shlex.join(["refine", *words]))


def test_a_task_model_says_how_it_reads_images_that_it_was_not_trained_on() -> None:
    found = {"task/accuracy": 0.5, "task/validation_accuracy": 0.91, "task/iou_road": 0.2, "loss/task": 1.0}
    metrics = {name: torch.tensor(value) for name, value in found.items()}
    assert task_words(metrics) == "last validation, on synthetic images: validation_accuracy 0.910"
    assert task_words({}) is None


def test_the_next_command_can_be_copied() -> None:
    assert next_command(Path("checkpoints/simgan/best.ckpt"), Path("my renders")) == (
        "next: refine apply --checkpoint checkpoints/simgan/best.ckpt --input 'my renders' --output refined"
    )


def test_a_run_that_helped_nothing_is_not_to_be_applied(tmp_path: Path) -> None:
    data = UnpairedImages(tmp_path / "renders", tmp_path / "photos")
    assert other_way(data) == (
        f"next: more time (--minutes), or refine try {tmp_path}/renders {tmp_path}/photos, which tries every method"
    )
    assert [Reached(120.0, best, 1, 130.0).helps for best in (119.0, 120.0, 1012.0, None)] == [True, False, False, True]
