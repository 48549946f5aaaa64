import argparse
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from refine.apply.options import ApplyOptions
from refine.cli import main
from refine.data import UnpairedImages
from refine.data.samples import UnpairedBatch
from refine.methods import SimGAN, load_method, load_translator
from refine.methods.checkpoint import read_checkpoint
from refine.options import add_flags, read_options
from refine.recipes import list_recipes
from refine.training.checkpoints import Reached
from refine.training.fit import last_words, next_command, other_way, task_words
from refine.trial.options import TryOptions
from tests.conftest import SHARED, needs_shared
from tests.data.layouts.examples.yolo import write_yolo
from tests.training.runs import ASKS, SMALL, Pair, assert_equal, checkpoint, events, fit, task_model

METHODS = sorted(SMALL)
SLOW = {"models/cut.yaml", "models/cycada.yaml", "models/cyclegan.yaml", "models/fastcut.yaml"}
TRAINED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in METHODS]
"""Long tests of these are slow: each is stopped and continued by tests of its own, without the command line."""
TRAINING_FREE = ["models/color-transfer.yaml", "models/fda.yaml", "models/histogram-matching.yaml"]
STREETS = "datasets/carla-camvid.yaml"
STREETS_DATA = [
    *("--data.synthetic", str(SHARED / "data" / "carla_camvid" / "carla")),
    *("--data.real", str(SHARED / "data" / "carla_camvid" / "camvid")),
    *("--data.resize", "[45,90]", "--data.real-resize", "[45,60]", "--data.crop", "[32,32]"),
]
"""The recipe's data may not be shipped; smaller than the recipe has them."""


@pytest.mark.parametrize("recipe", TRAINED)
def test_tensorboard_shows_losses_accuracy_change_fill_rates_distance_and_pictures(
    recipe: str, pair: Pair, tmp_path: Path
) -> None:
    settings = ["--trainer.val-check-interval", "6", "--trainer.log-every-n-steps", "1", "--steps", "12"]
    assert fit(recipe, pair, tmp_path, "--run", "run", *settings) == 0
    found = events(tmp_path / "run").Tags()
    scalars = set(found["scalars"])
    assert {
        "loss/discriminator",
        "discriminator/accuracy_real",
        "discriminator/accuracy_refined",
        "change/mean_absolute",
        "distance/swd",
        "distance/swd_do_nothing",
    } <= scalars
    assert ("history/fill" in scalars) == ("cut" not in recipe)  # CUT has no history buffer
    assert ("semantic/gate" in scalars) == ("cycada" in recipe)
    assert len([tag for tag in scalars if tag.startswith("learning_rate/")]) == 2
    assert len([tag for tag in scalars if tag.startswith("loss/")]) >= 4
    assert found["images"] == ["images/synthetic_refined_real"]


def test_a_run_holds_its_config_checkpoints_and_logs(pair: Pair, tmp_path: Path) -> None:
    for _ in range(2):
        assert fit("models/simgan.yaml", pair, tmp_path, "--steps", "6", "--trainer.val-check-interval", "3") == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("simgan")) == ["simgan", "simgan-2"]
    names = {path.name.split(".")[0] for path in (tmp_path / "simgan").iterdir()}
    assert {"config", "last", "best", "events"} <= names
    config = yaml.safe_load((tmp_path / "simgan" / "config.yaml").read_text())
    assert config["model"]["init_args"]["features"] == 4
    assert not list((tmp_path / "simgan").glob(".*tmp"))


@pytest.mark.parametrize("logger", ["true", "false", "CSVLogger"])
def test_a_run_of_another_logger_keeps_its_folder(logger: str, pair: Pair, tmp_path: Path) -> None:
    more = ["--run", "mine", "--steps", "6", "--trainer.val-check-interval", "3", "--trainer.logger", logger]
    assert fit("models/simgan.yaml", pair, tmp_path / "runs", *more) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]
    assert {"config.yaml", "last.ckpt", "best.ckpt", "preview.png"} <= {
        path.name for path in (tmp_path / "runs/mine").iterdir()
    }
    metrics = [path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("**/metrics.csv")]
    assert metrics == ["runs/mine/metrics.csv"] * (logger == "CSVLogger")


def test_a_resumed_run_and_its_validation_leave_the_rows_of_a_table_that_were_there(pair: Pair, tmp_path: Path) -> None:
    logger = ["--trainer.logger", "CSVLogger", "--trainer.log-every-n-steps", "1"]
    run = tmp_path / "runs" / "mine"
    assert fit("models/simgan.yaml", pair, tmp_path / "runs", *logger, "--run", "mine", "--steps", "6") == 0
    first = (run / "metrics.csv").read_text()
    assert first.count("\n") > 3
    where = ["--trainer.default-root-dir", str(tmp_path / "runs")]
    for number in (1, 2):  # with the logger of the run's settings
        assert main(["fit", "--resume", "--run", "mine", "--steps", str(6 + 2 * number), *where]) == 0
        assert (run / f"version_{number}" / "metrics.csv").is_file()
    assert (run / "metrics.csv").read_text() == first
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for _ in range(2):
        assert main(["validate", "--ckpt-path", str(run / "last.ckpt"), *logger, *where]) == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    beside = sorted(path.relative_to(tmp_path / "runs").as_posix() for path in tmp_path.glob("runs/*validate*/*.csv"))
    assert beside == ["mine-validate-2/metrics.csv", "mine-validate/metrics.csv"]


def test_a_logger_writes_where_it_is_told(pair: Pair, tmp_path: Path) -> None:
    logs = ["--trainer.logger", "CSVLogger", "--trainer.logger.save-dir", str(tmp_path / "csv")]
    assert fit("models/simgan.yaml", pair, tmp_path / "runs", "--run", "mine", "--steps", "6", *logs) == 0
    assert (tmp_path / "csv/mine/metrics.csv").is_file()


def test_the_written_config_repeats_the_run(pair: Pair, tmp_path: Path) -> None:
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "first", "--steps", "6") == 0
    again = ["fit", "-c", str(tmp_path / "first" / "config.yaml"), "--run"]
    kept = (tmp_path / "first" / "last.ckpt").read_bytes()
    assert main([*again, "first"]) == 2  # a run is not written over
    assert (tmp_path / "first" / "last.ckpt").read_bytes() == kept
    assert main([*again, "again"]) == 0
    assert_equal(checkpoint(tmp_path, "first")["state_dict"], checkpoint(tmp_path, "again")["state_dict"])


def test_losses_that_become_nan_stop_the_run_and_the_last_good_checkpoint_stays(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SimGAN.training_step

    def broken(self: SimGAN, batch: UnpairedBatch, batch_idx: int) -> None:
        factor, labeled = torch.nan if self.steps_done >= 7 else 1.0, batch["synthetic"]
        batch = {"synthetic": labeled._replace(image=factor * labeled.image), "real": batch["real"]}
        whole(self, batch, batch_idx)

    monkeypatch.setattr(SimGAN, "training_step", broken)
    settings = ["--checkpoint-every", "2", "--steps", "20", "--run", "run"]
    assert fit("models/simgan.yaml", pair, tmp_path, *settings) == 1
    (message,) = capsys.readouterr().err.strip().splitlines()
    assert message.startswith("refine: training stopped at step 7")
    assert "learning rate" in message
    kept = checkpoint(tmp_path, "run")
    assert kept["refine"]["steps_done"] == 6
    assert all(bool(torch.isfinite(weight).all()) for weight in kept["state_dict"].values())


USUAL: dict[str, set[str]] = {
    "datasets/digits.yaml": {
        *(name for name in METHODS if name != "models/fastcut.yaml"),
        *("models/task.yaml", "models/feature-adaptation.yaml", "models/self-training.yaml"),
    },
    "datasets/traffic-lights.yaml": {"models/cyclegan.yaml", "models/task.yaml"},
    "datasets/meter.yaml": {"models/simgan.yaml", "models/task.yaml"},
    "datasets/nuclei.yaml": {"models/cut.yaml", "models/task.yaml"},
}
"""Methods that a dataset is tried with; all others are slow."""


def pairings() -> list[Any]:
    recipes = sorted(list_recipes())
    found = []
    for dataset in (name for name in recipes if name.startswith("datasets/")):
        for method in (name for name in recipes if name.startswith("models/")):
            usual = method in USUAL.get(dataset, set())
            marks = [*[needs_shared] * (dataset == STREETS), *[pytest.mark.slow] * (not usual)]
            found.append(pytest.param(method, dataset, marks=marks))
    return found


@pytest.mark.parametrize(("method", "dataset"), pairings())
def test_every_method_runs_on_every_dataset_from_recipes_alone(
    method: str, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ["--trainer.fast-dev-run", "true", "--trainer.accelerator", "cpu", "--data.batch-size", "2"]
    rendered = any(name in dataset for name in ("digits", "meter", "nuclei"))
    few = ["--data.count", "30"] if rendered else STREETS_DATA if dataset == STREETS else []
    if method in ASKS:
        recipe = ["-c", dataset, "--trainer.accelerator", "cpu", "--data.batch-size", "2", *few]
        few = [*few, ASKS[method], str(task_model(tmp_path, *recipe))]
    assert main(["fit", "-c", method, "-c", dataset, *SMALL.get(method, []), *quick, *few]) == 0


def test_a_translator_needs_no_label_of_objects_but_a_task_asks_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_yolo(tmp_path / "yolo")
    next(source.rglob("labels/train/*.txt")).unlink()  # a background image, as its format has it
    data = ["--data.synthetic", str(source), "--data.real", str(source / "images"), "--data.crop", "[16,16]"]
    settings = ["--trainer.accelerator", "cpu", "--trainer.fast-dev-run", "true", "--data.batch-size", "2"]
    assert main(["fit", "-c", "models/cyclegan.yaml", *SMALL["models/cyclegan.yaml"], *data, *settings]) == 0
    assert "layout yolo (" in capsys.readouterr().out
    assert main(["fit", "-c", "models/task.yaml", *data, *settings]) == 2
    assert "an image without a label; add" in capsys.readouterr().err
    for image in (source / "images").rglob("*.jpg"):
        if not list(source.rglob(f"{image.stem}.txt")):
            image.unlink()
    assert main(["fit", "-c", "models/task.yaml", *data, *settings, "--model.width", "4"]) == 0


@pytest.mark.slow
def test_two_processes_end_with_equal_weights_and_a_loadable_checkpoint(pair: Pair, tmp_path: Path) -> None:
    task = task_model(tmp_path, "--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4")
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.two_processes", str(pair[0]), str(pair[1]), str(task), str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names = [Path(recipe).stem for recipe in [*METHODS, *TRAINING_FREE, *ASKS, "models/task.yaml"]]
    for name in names:
        first, second = (torch.load(tmp_path / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1))
        assert_equal(first["weights"], second["weights"], name)
        assert first["weights"], name
        assert len(first["keys"]) == len(second["keys"]) == 3
        assert not set(first["keys"]) & set(second["keys"])
        assert first["best"] == second["best"]
        refines_nothing = name in {"task", "feature-adaptation", "self-training"}
        assert (first["best"] is None) == refines_nothing
        load_method(tmp_path / name / "last.ckpt")


@pytest.mark.parametrize(
    ("name", "exit_code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_the_run_after_the_step_with_a_full_checkpoint(
    name: signal.Signals, exit_code: int, pair: Pair, tmp_path: Path
) -> None:
    code = "import sys; from refine.cli import main; sys.exit(main(sys.argv[1:]))"
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4"]
    where = ["--trainer.default-root-dir", str(tmp_path), "--run", "run", "--trainer.accelerator", "cpu"]
    saves = ["--checkpoint-every", "1", "--steps", "1000000", "--trainer.enable-progress-bar", "false"]
    args = ["fit", "-c", "models/simgan.yaml", *SMALL["models/simgan.yaml"], *data, *where, *saves]
    by_terminal = name == signal.SIGINT  # Ctrl-C goes to every process, those that read among them
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args, *(["--data.workers", "2"] if by_terminal else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        last = tmp_path / "run" / "last.ckpt"
        for _ in range(6000):
            if (tmp_path / "run" / "best.ckpt").exists() or process.poll() is not None:
                break
            signal.sigtimedwait([], 0.05)
        os.killpg(process.pid, name) if by_terminal else process.send_signal(name)
        said, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "distance: doing nothing " in said.decode()  # what was measured is said though the run is not at its end
    assert process.returncode == exit_code  # so that `fit && apply` does not go on with half a model
    (line,) = error.decode().splitlines()
    by = "Ctrl-C" if exit_code == 130 else "SIGTERM"
    assert line == f"refine: stopped by {by}; go on with the same command and --resume ({tmp_path}/run/last.ckpt)"
    assert read_checkpoint(last)["refine"]["steps_done"] > 0
    assert isinstance(load_translator(last), SimGAN)


def test_validate_measures_a_checkpoint(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fit("models/simgan.yaml", pair, tmp_path, "--run", "run", "--steps", "8") == 0
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--trainer.accelerator", "cpu"]
    command = ["validate", "-c", "models/simgan.yaml", *SMALL["models/simgan.yaml"], *data]
    last = str(tmp_path / "run" / "last.ckpt")
    capsys.readouterr()
    assert main([*command, "--trainer.logger", "false", "--ckpt-path", last]) == 0
    said = capsys.readouterr().out
    assert "distance/swd" in said
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "--ckpt-path", last]) == 0  # all else is in the run's folder
    assert capsys.readouterr().out == said
    assert {path.name for path in tmp_path.iterdir()} - {"synthetic", "real"} == {"run"}  # it writes nothing
    (tmp_path / "run" / "config.yaml").unlink()
    assert main(["validate", f"--ckpt-path={last}"]) == 2
    assert "no config.yaml of its run lies beside it; name the data" in capsys.readouterr().err
    assert main(["validate", f"--ckpt-path={last}", *data]) == 0  # the method is in the checkpoint
    assert "distance/swd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-c", "models/simgan.yaml"], "--data.synthetic is missing"),
        (
            ["-c", "models/cycada.yaml", "-c", "datasets/traffic-lights.yaml", "--model.cycle-weigth", "3"],
            "did you mean cycle-weight?",  # it inherits it
        ),
        (["-c", "models/feature-adaptation.yaml", "-c", "datasets/traffic-lights.yaml"], "--model.start FILE"),
        (
            ["-c", "models/task.yaml", "-c", "datasets/traffic-lights.yaml", "--model.classes", "[red,green]"],
            "the task's classes are red, green",
        ),
        (
            [
                *("-c", "models/task.yaml", "-c", "datasets/traffic-lights.yaml"),
                *("--model.network", "resnet18", "--model.pretrained", "nowhere.pth"),
            ],
            "nowhere.pth: no such file",
        ),
    ],
)
def test_a_run_that_cannot_begin_says_why_in_one_line_and_leaves_nothing(
    args: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", *args]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("refine: ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


HALVED = "--trainer.precision {}: would halve the weights themselves, which no method trains with; give bf16-mixed, or"


@pytest.mark.parametrize(
    ("recipe", "args", "message"),
    [
        ("models/cyclegan.yaml", ["--data.crop", "[30,30]"], "multiples of 4"),
        ("models/cyclegan.yaml", ["--data.crop=[16,16]", "--model.discriminator-layers=3"], "sides of 24 or more"),
        ("models/cyclegan.yaml", ["--steps", "0"], "expected more than 0"),
        ("models/simgan.yaml", ["--model.refiner-steps", "0"], "both players must move"),
        ("models/simgan.yaml", ["--trainer.precision", "bf16-true"], HALVED.format("bf16-true")),
        ("models/simgan.yaml", ["--trainer.precision", "16-true"], HALVED.format("16-true")),
    ],
)
def test_what_a_method_cannot_train_with_is_refused_in_one_line_before_the_run_has_a_folder(
    recipe: str, args: list[str], message: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(recipe, pair, tmp_path / "runs", *args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "runs").exists()


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
        (Reached(120.0, 67.0, 900, None), "distance: doing nothing 120 · best 67 (step 900)"),
    ],
)
def test_a_bad_result_cannot_be_overlooked(reached: Reached, line: str) -> None:
    assert last_words(reached) == line


@pytest.fixture
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is found by its name."""
    monkeypatch.setattr("refine.training.fit.typed", lambda *words: shlex.join(["refine", *words]))


def test_a_task_model_says_how_it_reads_images_that_it_was_not_trained_on() -> None:
    found = {"task/accuracy": 0.5, "task/validation_accuracy": 0.91, "task/iou_road": 0.2, "loss/task": 1.0}
    metrics = {name: torch.tensor(value) for name, value in found.items()}
    assert task_words(metrics) == "last validation, on synthetic images: validation_accuracy 0.910"
    assert task_words({}) is None


@pytest.mark.usefixtures("on_the_path")
def test_the_next_command_can_be_copied() -> None:
    assert next_command(Path("checkpoints/mine-2/best.ckpt"), UnpairedImages(Path("my renders"), Path("photos"))) == (
        "next: refine apply --checkpoint checkpoints/mine-2/best.ckpt --input 'my renders' --output refined-mine-2"
    )


@pytest.mark.usefixtures("on_the_path")
def test_the_next_command_reads_the_data_as_the_run_did() -> None:
    data = UnpairedImages(
        Path("renders"), Path("photos"), "masks.yaml", "camvid", "carla-to-camvid11", classes=("road", "sky")
    )
    data.max_file_size = 64
    line = next_command(Path("runs/mine/best.ckpt"), data, ["--trust", "layouts", "--trust", "models"])
    applied = _options_of(line.partition(": refine apply ")[2], ApplyOptions)
    assert (applied.layout, applied.trust) == ("masks.yaml", ("layouts", "models"))
    assert "--max-file-size 64" in line
    line = other_way(data, ["--trust", "layouts"])
    tried = _options_of(line.partition("or refine try ")[2].removesuffix(", which tries every method"), TryOptions)
    assert (tried.layout, tried.real_layout, tried.mapping) == ("masks.yaml", "camvid", "carla-to-camvid11")
    assert (tried.classes, tried.trust) == (("road", "sky"), ("layouts",))


def _options_of(words: str, options: type[Any]) -> Any:
    parser = argparse.ArgumentParser()
    add_flags(parser, options)
    parser.add_argument("--max-file-size", type=int)
    return read_options(options, vars(parser.parse_args(shlex.split(words))))


@pytest.mark.usefixtures("on_the_path")
def test_options_of_a_layout_that_no_file_holds_are_to_be_written_to_one() -> None:
    data = UnpairedImages(Path("renders"), Path("photos"), {"layout": "image-masks", "images": "*.png"})
    assert next_command(Path("runs/mine/best.ckpt"), data) == (
        "next (write data.layout of the run's config.yaml to layout.yaml): refine apply --checkpoint "
        "runs/mine/best.ckpt --input renders --output refined-mine --layout layout.yaml"
    )


@pytest.mark.usefixtures("on_the_path")
def test_a_run_that_helped_nothing_is_not_to_be_applied(tmp_path: Path) -> None:
    data = UnpairedImages(tmp_path / "renders", tmp_path / "photos")
    assert other_way(data) == (
        f"next: more time (--minutes), or refine try {tmp_path}/renders {tmp_path}/photos, which tries every method"
    )
    assert [Reached(120.0, best, 1, 130.0).helps for best in (119.0, 120.0, 1012.0, None)] == [True, False, False, True]
