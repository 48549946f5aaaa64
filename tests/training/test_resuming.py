"""Hostile states of training in a checkpoint, through `refine fit --ckpt-path`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from refine.cli import main

QUIET = ["--trainer.accelerator", "cpu", "--trainer.enable-progress-bar", "false"]
SMALL = ["--model.features", "4", "--model.blocks", "1", "--model.history-size", "4", "--model.optimizer", "adam"]
TURNS = ["--model.refiner-warmup-steps", "2", "--model.discriminator-warmup-steps", "1"]


def fit(data: Path, runs: Path, steps: int, *more: str) -> int:
    where = ["--data.synthetic", str(data), "--data.real", str(data), "--data.batch-size", "2", "--data.channels", "3"]
    out = ["--trainer.default-root-dir", str(runs), "--steps", str(steps + 3)]  # after the warm-ups
    return main(["fit", "-c", "models/simgan.yaml", *where, *QUIET, *SMALL, *TURNS, *out, *more])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Images, and the checkpoint of a run on them."""
    from PIL import Image

    root = tmp_path_factory.mktemp("run")
    (root / "in").mkdir()
    for number in range(3):
        Image.new("RGB", (16, 16), (80 * number, 90, 100)).save(root / "in" / f"{number}.png")
    assert fit(root / "in", root / "runs", 2) == 0
    return root / "in", next((root / "runs").rglob("last.ckpt"))


Change = Callable[[dict[str, Any]], object]


def stepped(value: object) -> Change:
    """Another number of batches that Lightning logs at: it is looked at after the first batch."""
    return lambda stored: stored["loops"]["fit_loop"]["epoch_loop.state_dict"].update(_batches_that_stepped=value)


def past(change: Callable[[Tensor], Tensor]) -> Change:
    """Other past images for the discriminator, which are drawn after the refiner's first steps alone."""

    def replace(stored: dict[str, Any]) -> None:
        images = change(torch.zeros(4, 3, 16, 16))
        stored["state_dict"].update({"history.images": images, "history.count": torch.tensor(1)})

    return replace


STEPPED: list[object] = ["x", None, [1], {}, float("nan"), -5, 1.5, True, 2**62]
PAST: dict[str, Callable[[Tensor], Tensor]] = {
    "of other channels": lambda images: images[:, :1].clone(),
    "of another size": lambda images: images[..., :4].clone(),
    "of two dimensions": lambda images: images[:, 0, 0].clone(),
    "fewer": lambda images: images[:2].clone(),
    "complex": lambda images: images.to(torch.complex64),
    "of eight bits": lambda images: images.to(torch.float8_e4m3fn),
    "integers": lambda images: images.long(),
    "not finite": lambda images: images * float("nan"),
}

HOSTILE: dict[str, Change] = {
    "weight is text": lambda stored: stored["state_dict"].update({"discriminator.layers.0.weight": "x"}),
    "weight of another shape": lambda stored: stored["state_dict"].update(
        {"discriminator.layers.0.weight": torch.ones(1)}
    ),
    "count of the history": lambda stored: stored["state_dict"].update({"history.count": torch.tensor(10**9)}),
    "no optimizers": lambda stored: stored.pop("optimizer_states"),
    "optimizer is a number": lambda stored: stored["optimizer_states"].__setitem__(0, 1),
    "rate is text": lambda stored: stored["optimizer_states"][0]["param_groups"][0].update(lr="x"),
    "flag is a tensor": lambda stored: stored["optimizer_states"][1]["param_groups"][0].update(foreach=torch.ones(3)),
    "moments of another shape": lambda stored: stored["optimizer_states"][1]["state"][0].update(
        exp_avg=torch.ones(1, 2, 3)
    ),
    "loops are a list": lambda stored: stored.update(loops=[1]),
    "progress is nothing": lambda stored: stored["loops"]["fit_loop"].update({"epoch_progress": None}),
    "callback is a number": lambda stored: stored["callbacks"].update(Checkpoints=1),
    "data is a list": lambda stored: stored.update(UnpairedImages=[1]),
    "step is text": lambda stored: stored["refine"].update(steps_done="x"),
    "argument is a list": lambda stored: stored["refine"]["init_args"].update(features=[4]),
    "no states of optimizers": lambda stored: stored.update(optimizer_states=[]),
    "states of optimizers are a dict": lambda stored: stored.update(optimizer_states={}),
    "no loops": lambda stored: stored.update(loops=None),
    "no progress": lambda stored: stored["loops"]["fit_loop"].clear(),
    "a moment is missing": lambda stored: stored["optimizer_states"][1]["state"][0].pop("exp_avg_sq"),
    "rate below zero": lambda stored: stored["optimizer_states"][1]["param_groups"][0].update(lr=-1.0),
    "rate is not a number": lambda stored: stored["optimizer_states"][1]["param_groups"][0].update(lr=float("nan")),
    **{f"stepped is {value!r}": stepped(value) for value in STEPPED},
    **{f"past images: {name}": past(change) for name, change in PAST.items()},
    "sparse moments": lambda stored: stored["optimizer_states"][0].update(
        state={0: {"exp_avg": torch.eye(2).to_sparse()}}
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if place % 3 else name for place, name in enumerate(HOSTILE)]
)
def test_no_run_goes_on_from_it_and_no_folder_is_left(
    name: str, run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, good = run
    stored = torch.load(good, weights_only=True)
    HOSTILE[name](stored)
    torch.save(stored, tmp_path / "hostile.ckpt")
    capsys.readouterr()
    assert fit(data, tmp_path / "runs", 4, "--ckpt-path", str(tmp_path / "hostile.ckpt")) == 2
    said = capsys.readouterr()
    assert said.err.startswith("refine: ")
    assert said.err.count("\n") == 1
    assert str(tmp_path / "hostile.ckpt") in said.err
    assert not (tmp_path / "runs").exists()


def test_a_run_goes_on_from_a_good_one(run: tuple[Path, Path], tmp_path: Path) -> None:
    data, good = run
    assert fit(data, tmp_path / "runs", 4, "--ckpt-path", str(good)) == 0
    assert list((tmp_path / "runs").rglob("last.ckpt"))


def test_what_a_checkpoint_of_one_process_says_of_others_is_left(run: tuple[Path, Path], tmp_path: Path) -> None:
    data, good = run
    stored = torch.load(good, weights_only=True)
    stored["processes"] = [{"history.images": torch.ones(3)}]
    torch.save(stored, tmp_path / "more.ckpt")
    assert fit(data, tmp_path / "runs", 4, "--ckpt-path", str(tmp_path / "more.ckpt")) == 0
