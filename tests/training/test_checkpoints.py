from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from refine.errors import InputError, TrainingDiverged
from refine.methods.checkpoint import read_checkpoint
from refine.training.checkpoints import Checkpoints
from refine.training.validation import CONFIRMED_HIGH, DISTANCE, LABEL_ERROR_HIGH
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small
from tests.training.runs import always
from tests.training.test_validation import fit


def test_an_interrupted_writing_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = run_steps(small(), [batch()])
    monkeypatch.setattr(type(trainer), "log_dir", str(tmp_path))
    Checkpoints._save(trainer, "last.ckpt")
    kept = (tmp_path / "last.ckpt").read_bytes()

    def killed(path: Path) -> None:
        Path(path).write_bytes(b"half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        Checkpoints._save(trainer, "last.ckpt")
    assert (tmp_path / "last.ckpt").read_bytes() == kept


def test_the_best_checkpoint_is_the_one_nearest_to_real(pair: tuple[Path, Path], tmp_path: Path) -> None:
    often = ["--steps", "12", "--trainer.val-check-interval", "4"]
    assert fit(pair, tmp_path, *often, recipe="models/simgan.yaml") == 0
    last = read_checkpoint(tmp_path / "run" / "last.ckpt")
    best = read_checkpoint(tmp_path / "run" / "best.ckpt")
    assert best["refine"]["steps_done"] in {4, 8, 12}
    assert last["callbacks"]["Checkpoints"]["best"] == best["callbacks"]["Checkpoints"]["best"]
    assert torch.isfinite(torch.tensor(last["callbacks"]["Checkpoints"]["best"]))


SEEN = [(100.0, 0.01), (50.0, 0.2), (80.0, 0.04), (60.0, 0.049), (55.0, float("nan"))]
"""Distance and upper end of the label error at one validation after the other."""


def validate(
    checkpoints: Checkpoints, seen: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch, first: int = 0
) -> list[float | None]:
    """Which distances were saved as the best; validations begin after so many steps."""
    saved: list[float | None] = []
    trainer = SimpleNamespace(
        sanity_checking=False,
        state=SimpleNamespace(fn="fit"),
        strategy=SimpleNamespace(broadcast=lambda better: better),
    )
    monkeypatch.setattr(checkpoints, "_save", lambda trainer, name: saved.append(checkpoints.best))
    for step, (distance, error) in enumerate(seen, start=first):
        method = small()
        method.steps_done = step
        trainer.callback_metrics = {DISTANCE: torch.tensor(distance), LABEL_ERROR_HIGH: torch.tensor(error)}
        trainer.callback_metrics[CONFIRMED_HIGH] = torch.tensor(2 * error)
        checkpoints.on_validation_end(trainer, method)  # type: ignore[arg-type]  # as much of one as it asks
    return saved


def test_the_best_checkpoint_is_the_nearest_one_whose_label_error_stays_under_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert validate(Checkpoints(), SEEN, monkeypatch) == [100.0, 50.0]
    bounded = Checkpoints(bound=0.05, judges=["one"])
    assert validate(bounded, SEEN, monkeypatch) == [100.0, 80.0, 60.0]
    assert bounded.missing() is None
    assert bounded.held_out == pytest.approx(0.098)  # of the best one, not of the lowest


@pytest.mark.parametrize("diverged", [False, True])
@pytest.mark.parametrize(("held_out", "stays"), [(0.05, True), (0.051, False), (None, False), (float("nan"), False)])
def test_the_best_checkpoint_must_be_confirmed_by_images_that_did_not_choose_it(
    held_out: float | None, stays: bool, diverged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(bound=0.05, judges=["one"])
    checkpoints.best, checkpoints.held_out = 3.0, held_out
    (tmp_path / "unconfirmed.ckpt").write_bytes(b"chosen")
    monkeypatch.setattr(checkpoints, "_save", lambda trainer, name: None)
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(broadcast=lambda value: value),
        is_global_zero=True,
        world_size=1,
        fast_dev_run=False,
        log_dir=str(tmp_path),
    )
    if diverged:
        error = TrainingDiverged("a loss is NaN")
        checkpoints.on_exception(trainer, small(), error)  # type: ignore[arg-type]  # as much of one as it asks
    else:
        checkpoints.on_train_end(trainer, small())  # type: ignore[arg-type]  # the same
    assert (tmp_path / "best.ckpt").exists() == stays
    assert not (tmp_path / "unconfirmed.ckpt").exists()
    assert (checkpoints.missing() is None) == stays
    assert "taken away" in (checkpoints.missing() or "taken away")


def test_a_resumed_run_goes_on_with_what_its_state_held(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, first, second = (Checkpoints(bound=0.05, judges=["one"]) for _ in range(3))
    saved = validate(whole, SEEN, monkeypatch)
    before = validate(first, SEEN[:3], monkeypatch)
    second.load_state_dict(first.state_dict())
    assert before + validate(second, SEEN[3:], monkeypatch, first=3) == saved
    assert second.state_dict() == whole.state_dict()


@pytest.mark.parametrize("other", [Checkpoints(bound=0.1, judges=["one"]), Checkpoints(bound=0.05, judges=["two"])])
def test_a_run_goes_on_with_the_bound_and_judges_that_it_began_with(other: Checkpoints) -> None:
    with pytest.raises(
        InputError, match=r"began with label_error_bound=0.05 and goes on with (another bound|other judges)"
    ):
        other.load_state_dict(Checkpoints(bound=0.05, judges=["one"]).state_dict())


def test_a_checkpoint_of_before_there_were_bounds_is_taken_back() -> None:
    checkpoints = Checkpoints()
    checkpoints.load_state_dict({"best": 3.0})
    assert checkpoints.best == 3.0


@pytest.mark.parametrize("name", ["best", "held_out", "best_step", "best_agreement"])
def test_a_state_that_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"state of its best one is damaged \({name} is 'x'\)"):
        Checkpoints().load_state_dict({**Checkpoints().state_dict(), name: "x"})


def test_slow_steps_are_saved_every_two_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = [0.0], []
    monkeypatch.setattr("refine.training.checkpoints.time.monotonic", lambda: now[0])
    trainer, method = SimpleNamespace(world_size=1, strategy=SimpleNamespace(broadcast=lambda late: late)), small()
    for every in (500, 0):
        checkpoints = Checkpoints(every=every)
        monkeypatch.setattr(checkpoints, "_save", lambda trainer, name: saved.append((method.steps_done, name)))
        for step in range(1, 8):
            now[0] += 30
            method.steps_done = step
            checkpoints.on_train_batch_end(trainer, method)  # type: ignore[arg-type]  # as much of one as it asks
    assert saved == [(4, "last.ckpt")]


def test_a_run_that_never_stays_under_the_bound_leaves_no_best_checkpoint_and_says_how_near_it_came(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "run" / "best.ckpt"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier run that was killed")
    judge = ["--judge", str(always(tmp_path / "judge")), "--label-error-bound"]  # it is wrong on half of the images
    assert fit(pair, tmp_path, *judge, "0.8") == 0
    assert not stale.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert "no best.ckpt; the lowest upper end of the label error was 0.882, at step 2" in line
    assert not (stale.parent / "unconfirmed.ckpt").exists()
    assert fit(pair, tmp_path / "wider", *judge, "0.9") == 0
    assert read_checkpoint(tmp_path / "wider" / "run" / "best.ckpt")["callbacks"]["Checkpoints"]["bound"] == 0.9
    assert "best.ckpt" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_judged_run_that_is_resumed_ends_as_the_uninterrupted_one(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = str(always(tmp_path / "judge"))
    judged = ["--judge", judge, "--judge", judge, "--label-error-bound", "0.9", "--steps", "6"]
    assert fit(pair, tmp_path / "whole", *judged) == 0
    assert fit(pair, tmp_path / "half", *judged, "--trainer.max-steps", "6") == 0  # of two players: three steps
    resume = ["--ckpt-path", str(tmp_path / "half" / "run" / "last.ckpt")]
    assert fit(pair, tmp_path / "half", *judged, *resume) == 0
    ends = [read_checkpoint(tmp_path / name / "run" / "last.ckpt") for name in ("whole", "half")]
    states = [end["callbacks"]["Checkpoints"] for end in ends]
    assert states[0] == states[1]
    assert len(states[0]["judges"]) == 2
    capsys.readouterr()
    assert fit(pair, tmp_path / "half", *judged, *resume, "--label-error-bound", "0.8") == 2
    assert "goes on with another bound" in capsys.readouterr().err
