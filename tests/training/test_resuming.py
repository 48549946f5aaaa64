"""Folders of runs, what is taken from them without being named, and hostile states of training."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from refine.cli import main
from refine.training.runs import settings_beside
from tests.training.runs import SMALL, Pair, assert_equal, checkpoint, fit
from tests.training.test_fit import TRAINED


@pytest.mark.parametrize("recipe", TRAINED)
def test_a_run_stopped_halfway_and_continued_equals_the_uninterrupted_one_bit_for_bit(
    recipe: str, pair: Pair, tmp_path: Path
) -> None:
    # Half of the steps falls on no boundary: not on a pass over the data, a validation or a turn of the players.
    common = ["--trainer.val-check-interval", "4", "--steps", "14"]
    optimizers = 1 if "simgan" in recipe else 2
    assert fit(recipe, pair, tmp_path, *common, "--run", "whole") == 0
    halfway = ["--trainer.max-steps", str(7 * optimizers)]  # Lightning counts optimizer steps
    assert fit(recipe, pair, tmp_path, *common, "--run", "half", *halfway) == 0
    assert checkpoint(tmp_path, "half")["refine"]["steps_done"] == 7
    resume = ["--ckpt-path", str(tmp_path / "half" / "last.ckpt")]
    assert fit(recipe, pair, tmp_path, *common, "--run", "continued", *resume) == 0
    resume = ["--ckpt-path", str(tmp_path / "continued" / "last.ckpt")]
    assert fit(recipe, pair, tmp_path, *common, "--run", "finished", *resume) == 0  # does not go a step too far
    assert_equal(
        checkpoint(tmp_path, "continued")["state_dict"], checkpoint(tmp_path, "finished")["state_dict"], "finished"
    )
    whole, continued = checkpoint(tmp_path, "whole"), checkpoint(tmp_path, "continued")
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "UnpairedImages", "refine", "callbacks"):
        assert_equal(whole[part], continued[part], part)
    assert whole["global_step"] == continued["global_step"] == 14 * optimizers


def test_a_run_finds_its_own_last_checkpoint(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ["--run", "run", "--resume"]
    assert fit("models/simgan.yaml", pair, tmp_path, *again, "--steps", "8") == 0  # there is none: a new one begins
    said = capsys.readouterr().out
    assert "no run to go on with: a new one begins\n" in said
    assert "resumed" not in said
    assert fit("models/simgan.yaml", pair, tmp_path, *again, "--steps", "12") == 0
    assert "resumed at step 8\n" in capsys.readouterr().out
    assert checkpoint(tmp_path, "run")["refine"]["steps_done"] == 12
    for steps in ("6", "6"):  # under names of their own: the latest goes on
        assert fit("models/simgan.yaml", pair, tmp_path, "--steps", steps) == 0
    assert fit("models/simgan.yaml", pair, tmp_path, "--resume", "--steps", "9") == 0
    assert [checkpoint(tmp_path, name)["refine"]["steps_done"] for name in ("simgan", "simgan-2")] == [6, 9]
    assert not (tmp_path / "simgan-3").exists()


def test_resume_alone_takes_all_else_from_the_run(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for run in ("first", "second"):
        data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4"]
        small = [*SMALL["models/simgan.yaml"], "--device", "cpu", "--run", run, "--steps", "8"]
        assert main(["fit", "-c", "simgan", *small, *data]) == 0
    capsys.readouterr()
    assert main(["fit", "--resume", "--steps", "10"]) == 0
    assert "resumed at step 8\n" in capsys.readouterr().out
    assert main(["fit", "--resume", "--run", "first"]) == 0
    said = capsys.readouterr().out
    assert "resumed at step 8, its last: --steps N trains on" in said
    assert "distance: doing nothing " in said
    assert "--device cpu" in said.partition("next: ")[2]  # other commands run where this one was told to
    assert " · last " not in said  # nothing was measured anew
    found = {run: checkpoint(tmp_path / "checkpoints", run)["refine"]["steps_done"] for run in ("first", "second")}
    assert found == {"first": 8, "second": 10}


def test_a_run_that_goes_on_with_other_data_says_so(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "run", "--steps", "8") == 0
    image = next(pair[1].rglob("*.png"))
    for number in range(3):
        (image.parent / f"more_{number}.png").write_bytes(image.read_bytes())
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "run", "--steps", "10", "--resume") == 0
    assert re.search(
        r"^real: trained on \d+ images of real before, and on \d+ images of real from here on$",
        capsys.readouterr().out,
        re.M,
    )


def test_a_finished_run_goes_on_when_it_is_given_more_steps(pair: Pair, tmp_path: Path) -> None:
    constant = ["--model.decay", "false"]  # a rate that falls over 8 steps is no part of one that falls over 12
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "first", "--steps", "8", *constant) == 0
    resume = ["--ckpt-path", str(tmp_path / "first" / "last.ckpt"), *constant]
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "more", "--steps", "12", *resume) == 0
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "whole", "--steps", "12", *constant) == 0
    assert_equal(checkpoint(tmp_path, "whole")["state_dict"], checkpoint(tmp_path, "more")["state_dict"])


def test_a_rate_that_fell_to_zero_rises_again_for_more_steps(pair: Pair, tmp_path: Path) -> None:
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "run", "--steps", "8", "--model.decay", "true") == 0
    before = checkpoint(tmp_path, "run")["state_dict"]
    resume = ["--ckpt-path", str(tmp_path / "run" / "last.ckpt"), "--model.decay", "true"]
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "more", "--steps", "12", *resume) == 0
    after = checkpoint(tmp_path, "more")
    assert min(group["lr"] for state in after["optimizer_states"] for group in state["param_groups"]) > 0
    assert any(not torch.equal(before[name], after["state_dict"][name]) for name in before if "refiner." in name)


def test_a_run_goes_on_with_the_arguments_that_it_began_with(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "run", "--steps", "7") == 0
    resume = ["--ckpt-path", str(tmp_path / "run" / "last.ckpt"), "--steps", "9"]
    assert fit("models/simgan.yaml", pair, tmp_path, *resume, "--model.refiner-learning-rate", "0.5") == 2
    assert "refiner_learning_rate=0.001 (now 0.5)" in capsys.readouterr().err
    assert fit("models/simgan.yaml", pair, tmp_path, *resume, "--data.seed", "3") == 2
    assert "data.seed=0, not 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": {"class_path": "evil.Method"}}, "evil.Method"),
        ({"model": "evil.Method"}, "evil.Method"),
        ({"trainer": {"callbacks": ["evil.Callback"]}}, "evil.Callback"),
        ({"trainer": {"logger": {"class_path": "evil.Logger", "init_args": {}}}}, "evil.Logger"),
        ({"trainer": {"strategy": {"class_path": "refine.a.B", "init_args": {"p": {"class_path": "os.x"}}}}}, "os.x"),
        ({"trust": ["evil"]}, "evil"),
        ({"trainer": "other.yaml"}, "other.yaml"),
        ({"trainer": {"logger": "last"}}, "last"),
        ({"trainer": {"logger": {"class_path": "refine.a.B", "init_args": "last"}}}, "last"),
        ({"trainer.callbacks": ["x"]}, "trainer.callbacks"),
    ],
)
def test_settings_that_lie_beside_a_checkpoint_name_no_code_of_others(
    settings: dict[str, Any], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "last.ckpt").write_bytes(b"PK\x03\x04")
    (run / "last").write_text("class_path: evil.Class\n")  # a file that an argument may name
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    for command in (
        ["validate", "--ckpt-path", str(run / "last.ckpt")],
        ["fit", "--resume", "--trainer.default-root-dir", str(tmp_path)],
    ):
        assert main(command) == 2
        assert f"names {named}, which is not part of refine" in capsys.readouterr().err


def test_they_may_name_ours_those_of_logs_and_what_is_trusted(tmp_path: Path) -> None:
    logger = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "a.b"}}
    data = {"class_path": "refine.data.UnpairedImages", "init_args": {"classes": ["a.b"], "layout": {"layout": "coco"}}}
    settings = {"model": {"class_path": "mine.Own"}, "data": data, "trainer": {"logger": logger, "precision": "32"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings, "trust": "mine"}))
    assert settings_beside(tmp_path / "last.ckpt", ["mine"]) == tmp_path / "config.yaml"


def train(data: Path, root: Path, steps: int, *more: str) -> int:
    small = ["--model.history-size", "4", "--model.optimizer", "adam", "--model.refiner-warmup-steps", "2"]
    small += ["--model.discriminator-warmup-steps", "1", "--data.batch-size", "2", "--data.channels", "3"]
    small += ["--steps", str(steps + 3)]  # after warm-ups
    return fit("models/simgan.yaml", (data, data.parent / "real"), root, *small, *more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Images, and the checkpoint of a run on them."""
    from PIL import Image

    root = tmp_path_factory.mktemp("run")
    for side in ("in", "real"):
        (root / side).mkdir()
        for number in range(3):
            Image.new("RGB", (16, 16), (80 * number, 90, 100)).save(root / side / f"{number}.png")
    assert train(root / "in", root / "runs", 2) == 0
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
    assert train(data, tmp_path / "runs", 4, "--ckpt-path", str(tmp_path / "hostile.ckpt")) == 2
    said = capsys.readouterr()
    assert said.err.startswith("refine: ")
    assert said.err.count("\n") == 1
    assert str(tmp_path / "hostile.ckpt") in said.err
    assert not (tmp_path / "runs").exists()


def test_a_run_goes_on_from_a_good_one(run: tuple[Path, Path], tmp_path: Path) -> None:
    data, good = run
    assert train(data, tmp_path / "runs", 4, "--ckpt-path", str(good)) == 0
    assert list((tmp_path / "runs").rglob("last.ckpt"))


def test_what_a_checkpoint_of_one_process_says_of_others_is_left(run: tuple[Path, Path], tmp_path: Path) -> None:
    data, good = run
    stored = torch.load(good, weights_only=True)
    stored["processes"] = [{"history.images": torch.ones(3)}]
    torch.save(stored, tmp_path / "more.ckpt")
    assert train(data, tmp_path / "runs", 4, "--ckpt-path", str(tmp_path / "more.ckpt")) == 0
