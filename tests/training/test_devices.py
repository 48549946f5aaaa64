"""`--trainer.devices 2` through the command line: two gloo processes on the CPU."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
from torch import Tensor

from refine.cli import main
from refine.methods import load_translator
from refine.methods.checkpoint import read_checkpoint
from tests.training.runs import SMALL, Pair, assert_equal

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "models/cyclegan.yaml"
STEPS, HISTORY = 6, 4


class SaveState(Callback):
    """Writes ``FOLDER/RANK.pt``, the state that a process ended with, and ``FOLDER/half.ckpt`` after so many steps."""

    def __init__(self, folder: str, half: int = -1) -> None:
        self.folder, self.half = Path(folder), half

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if getattr(pl_module, "steps_done", 0) == self.half:
            trainer.save_checkpoint(self.folder / "half.ckpt")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(pl_module.state_dict(), self.folder / f"{trainer.global_rank}.pt")


def command(pair: Pair, root: Path, *more: str) -> list[str]:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "2"]
    trainer = ["--trainer.accelerator", "cpu", "--trainer.limit-val-batches", "0", "--checkpoint-every", "0"]
    settings = ["--data.shift", "1", "--model.history-size", str(HISTORY), "--model.ema", "0.9", "--steps", str(STEPS)]
    where = ["--trainer.default-root-dir", str(root)]
    return ["fit", "-c", RECIPE, *SMALL[RECIPE], *data, *trainer, *settings, *where, *more]


def two_processes(pair: Pair, root: Path, run: str, *more: str) -> list[dict[str, Tensor]]:
    """The states that both processes end with."""
    states = root / "states" / run
    watched = ["--trainer.callbacks", f"{__name__}.SaveState", "--trainer.callbacks.folder", str(states)]
    args = command(pair, root, "--trainer.devices", "2", "--run", run, *watched, *more)
    done = subprocess.run(
        [sys.executable, "-m", "refine", *args],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Warning" not in done.stderr
    return [torch.load(states / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow  # four processes
def test_two_devices_train_equal_weights_and_go_on_bit_for_bit_each_with_its_own_history(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = two_processes(pair, tmp_path, "whole", "--trainer.callbacks.half", str(STEPS // 2))
    own = {name for name in whole[0] if name.startswith(("refined_history.", "simulated_history."))}
    assert len(own) == 4
    for name in whole[0].keys() - own:
        assert torch.equal(whole[0][name], whole[1][name]), name
    assert not torch.equal(whole[0]["refined_history.images"], whole[1]["refined_history.images"])

    half = tmp_path / "states" / "whole" / "half.ckpt"
    assert read_checkpoint(half)["refine"]["steps_done"] == STEPS // 2
    continued = two_processes(pair, tmp_path, "continued", "--ckpt-path", str(half))
    assert_equal(whole, continued, "states")
    ends = [read_checkpoint(tmp_path / run / "last.ckpt") for run in ("whole", "continued")]
    for part in ("state_dict", "processes", "optimizer_states", "lr_schedulers", "refine"):
        assert_equal(ends[0][part], ends[1][part], part)

    capsys.readouterr()
    assert main(command(pair, tmp_path, "--run", "alone", "--ckpt-path", str(half))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "was trained by 2 processes, not 1: a run goes on with as many as it began with (--trainer.devices 2)" in line
    )
    assert not (tmp_path / "alone").exists()

    load_translator(half)
    refined = ["--input", str(pair[0]), "--output", str(tmp_path / "refined"), "--checkpoint", str(half)]
    assert main(["apply", *refined]) == 0
    assert len(list((tmp_path / "refined").rglob("*.png"))) == len(list(pair[0].rglob("*.png")))


@pytest.mark.parametrize(
    ("given", "kind", "arguments"),
    [
        (["--trainer.devices", "2"], DDPStrategy, {"find_unused_parameters": True}),
        (["--trainer.devices", "2", "--trainer.strategy", "ddp"], DDPStrategy, {}),
        (["--trainer.devices", "1"], SingleDeviceStrategy, None),
    ],
)
def test_the_strategy_of_two_players_is_chosen_unless_another_is_asked_for(
    given: list[str],
    kind: type,
    arguments: dict[str, object] | None,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[Strategy] = []
    monkeypatch.setattr(
        "lightning.pytorch.trainer.call._call_and_handle_interrupt",
        lambda trainer, *_, **__: chosen.append(trainer.strategy),
    )
    assert main(command(pair, tmp_path, "--run", "run", "--trainer.logger", "false", *given)) == 0
    (strategy,) = chosen
    assert type(strategy) is kind
    assert getattr(strategy, "_ddp_kwargs", None) == arguments
