"""What is refused before torch is imported."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from refine.cli import main
from refine.commands.early_checks import FIT_FLAGS, LIGHTNING_FLAGS, require_fit, require_paths
from refine.data.open_layout import layout_names
from refine.errors import InputError
from refine.recipes import list_recipes

Pair = tuple[Path, Path]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["apply", "--checkpoint", "none.ckpt", "--input", ".", "--output", "o"],
            "none.ckpt: no such file or folder (--checkpoint)",
        ),
        (["try", "renders", "photos"], "renders: no such file or folder"),
        (["verify", "/nowhere"], "/nowhere: no such file or folder"),
        (["try", "docs", "docs"], "docs: is the synthetic dataset, too; name the folder of the real images"),
        (["try", ".", "docs"], "docs: lies in ., whose images would be on both sides; name folders apart"),
        (["try", "docs", "datasets", "--output", "docs/tried"], "docs/tried: lies in the synthetic images docs"),
        (["try", "docs", "datasets", "--output", "models"], "models: holds something else; name another --output"),
        (["evaluate", "--synthetic=.", "--refined=.", "--real=gone"], "gone: no such file or folder (--real)"),
        (["benchmark", "--synthetic", ".", "--refined", "a=.,gone"], "gone: no such file or folder (--refined)"),
        (["fit", "-c", "simgam"], "simgam: no such file, and no packaged recipe"),
        (
            ["fit", "-csimgan", "--data.synthetic=docs", "--data.init_args.real=./docs"],
            "./docs: is --data.synthetic, too",
        ),
        (["fit", "-csimgan", "--data.synthetic", "gone"], "gone: no such file or folder (--data.synthetic)"),
        (["fit", "--config=simgan", "--data.synthetic=.", "--judge=gone"], "gone: no such file or folder (--judge)"),
        (["fit", "-c", "simgan", "--data.synthetic", "."], "--data.real is missing"),
        (["fit", "--data.synthetic", ".", "--data.real", "."], "which method? Name a recipe, such as -c simgan"),
        (
            ["fit", "-c", "simgan", "-c", "traffic-lights", "--model.learning-rate", "1"],
            "SimGAN has no argument learning-rate; did you mean discriminator-learning-rate or refiner-learning-rate?",
        ),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--model.init-args.feature=1"], "did you mean features?"),
        (["fit", "-c", "cut", "--data.synthetic=.", "--data.real=.", "--data.crops=1"], "did you mean crop?"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--setps", "3"], "--setps: no such flag; did you mean --steps?"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--steps", "abc"], "--steps is 'abc'; expected a whole number"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--model.features", "abc"], "is 'abc'; expected a whole number"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--data.batch-size=2.5"], "is '2.5'; expected a whole number"),
        (
            ["fit", "-c", "cut", "-c", "traffic-lights", "--minutes=2", "--steps=3"],
            "--minutes and --steps say the same",
        ),
        (["fit", "--resume", "--trainer.default-root-dir", "docs"], "docs: no run to go on with; name its folder"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--run", "../x"], "--run ../x: leads out of the folder of runs"),
        (["fit", "--resume", "--run", "gone"], "checkpoints/gone: no run to go on with"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--preset=huge"], "expected one of auto, small, medium, paper"),
        (["apply", "--checkpoint", "README.md", "--input", ".", "--output", "o"], "README.md: not a checkpoint"),
        (["export", "--checkpoint", "docs", "--output", "o"], "docs: not a bundle"),
        (["fit", "-c", "cycada", "-c", "traffic-lights"], "give --model.task FILE"),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--minutes", "-1"], "--minutes is -1; expected more than 0"),
        (["fit", "-c", "cycada", "-c", "traffic-lights", "--model.task", "gone"], "gone: no such file or folder"),
        (["fit", "-c", "cut", "--data.layout", "coc", "--data.synthetic=."], "--data.layout coc: no such layout; did"),
        (["fit", "--ckpt-path", "README.md", "--resume"], "README.md: not a checkpoint"),
        (["validate"], "which checkpoint? Name one, such as --ckpt-path checkpoints/RUN/best.ckpt"),
        (["fits", "-c", "simgan"], "fits: no such command; did you mean fit? (refine --help lists them)"),
        (
            ["apply", "--strenght", "1", "--checkpoint=.", "--input=.", "--output=o"],
            "--strenght: no such flag; did you mean --strength? (see refine apply --help)",
        ),
        (["fit", "-c", "cut", "-c", "traffic-lights", "--data.crop", "48xx"], "expected a height and a width, such as"),
        (["inspect", "docs", "extra"], "extra: one argument too many (quote names with spaces)"),
        (["fit", "-c", "README.md"], "README.md: cannot be read as YAML"),
        (["fit", "--resume", "--data.real", "."], "--resume and --data.real: name the method as well (-c)"),
        (["inspect", "docs", "--layout", "coc"], "--layout coc: no such layout; did you mean coco?"),
        (["inspect", "docs", "--real", ".", "--real-layout=x"], "expected auto, one of blenderproc"),
        (["benchmark", "--synthetic", ".", "--real", "."], "--refined is missing; give it, or name it in a recipe"),
        (["validate", "--ckpt-path", "gone.ckpt"], "gone.ckpt: no such file or folder (--ckpt-path)"),
        (["validate", "--ckpt_path", "gone.ckpt"], "gone.ckpt: no such file or folder (--ckpt-path)"),
        (["inspect", "docs", "--real_layout=x"], "--real-layout x: no such layout; expected auto, one of blenderproc"),
    ],
)
def test_it_is_one_line(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_folders_that_hold_something_else_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("config.yaml", "last.ckpt"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    for args, message in (
        (["validate", "--ckpt-path", str(tmp_path)], f"{tmp_path}: the folder of a run; give one of its checkpoints"),
        (["fit", "-c", str(tmp_path)], f"{tmp_path}: the folder of a run; give its settings: {tmp_path}/config.yaml"),
        (["inspect", str(tmp_path / "empty")], f"{tmp_path}/empty: an empty folder"),
    ):
        test_it_is_one_line(args, message, capsys)


def test_outputs_that_hold_something_else_are_named(tmp_path: Path) -> None:
    run, data = tmp_path / "run", tmp_path / "data"
    for folder in (run, data):
        folder.mkdir()
        (folder / "last.ckpt").write_bytes(b"PK\x03\x04")
    checkpoint = ["--checkpoint", str(run / "last.ckpt")]
    new_run = ["fit", "-c", "simgan", "-c", "traffic-lights", "--trainer.default-root-dir", str(tmp_path), "--run"]
    for args, message in (
        ([*new_run, "run"], f"{run}: holds a run already; go on with it (--resume), or name another --run"),
        (["export", *checkpoint, "--output", str(data)], f"{data}: exists already"),
        (["apply", *checkpoint, "--input", str(data), "--output", str(data / "x")], "lies inside the input"),
        (["apply", *checkpoint, "--input", str(data), "--output", str(run)], f"{run}: not empty and no output of"),
    ):
        code = f"import sys; from refine.cli import main; main({args}); print('torch' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert message in done.stderr
        assert done.stdout == "False\n"


def test_layouts_are_told_by_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in layout_names():
        require_paths(argparse.Namespace(layout=name), [])
    with pytest.raises(InputError, match=re.escape(", ".join(layout_names()))):
        require_paths(argparse.Namespace(layout="?"), [])
    require_paths(argparse.Namespace(real_layout="gone.yaml"), [])  # whoever reads it says so


def test_nothing_heavy_was_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from refine.cli import main; from refine.commands import COMMANDS;"
        "main(['fit', '-c', 'simgan', '-c', 'digits', '--model.feature', '1']);"
        "main(['apply', '--checkpoint', 'gone', '--input', '.', '--output', 'o']);"
        "[main([*words, '--help']) for words in ([], *([command.name] for command in COMMANDS))];"
        "print([name for name in ('torch', 'lightning', 'numpy', 'PIL', 'rich', 'msgspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stdout.endswith("\n[]\n")
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize("recipe", [name for name in list_recipes() if name.startswith("models/")])
def test_every_recipe_and_its_arguments_pass(recipe: str, pair: Pair) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.crop", "16x16"]
    require_fit(["fit", "--resume", "-c", recipe, *data])
    data += ["--model.task", __file__] if "cycada" in recipe else []
    require_fit(["fit", "-c", recipe, *data, "--model.steps", "4", "--model.init-args.seed=1", "--trainer.x", "1"])


def test_what_the_parser_takes_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: Pair) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints" / "mine").mkdir(parents=True)
    (tmp_path / "checkpoints" / "mine" / "last.ckpt").write_bytes(b"PK\x03\x04")
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1])]
    for number in ("0x10", ".inf", "1e-3", ".5", "1_000", "~", "Null", "null", "-3"):
        require_fit(["fit", "-c", "simgan", *data, "--model.self-weight", number])
    length = ["--minutes", "5", "--steps", "100"]
    require_fit(["fit", "-c", "simgan", *data, "--resume", "--run", "mine", *length])
    require_fit(["fit", "-c", "simgan", *data, "--ckpt-path", "checkpoints/mine/last.ckpt", *length])
    require_fit(["fit", "-c", "simgan", *data, "--run", "mine", "--trainer", '{"default_root_dir": "other"}'])
    for recipe in ("trainer: 5", "resume: true", "ckpt_path: checkpoints/mine/last.ckpt"):
        (tmp_path / "more.yaml").write_text(recipe)
        require_fit(["fit", "-c", "simgan", "-c", "more.yaml", *data, "--run", "mine"])
    with pytest.raises(InputError, match="holds a run already"):
        require_fit(["fit", "-c", "simgan", *data, "--run", "mine"])


def test_help_and_other_peoples_classes_are_left_to_the_parser(tmp_path: Path) -> None:
    require_fit(["fit", "--help"])
    require_fit(["fit", "--model.help"])
    (tmp_path / "mine.yaml").write_text("model:\n  class_path: mine.Own\ndata:\n  class_path: mine.Data\n")
    require_fit(["fit", "-c", str(tmp_path / "mine.yaml"), "--model.anything", "1", "--data.anything", "2"])
    with pytest.raises(InputError, match="no packaged recipe"):
        require_fit(["fit", "-c", str(tmp_path / "gone.yaml")])


@pytest.mark.parametrize("command", ["fit", "validate"])
def test_flags_are_those_of_the_parser(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    flags = re.findall(r"^  (?:-\w, )?--([\w-]+)", capsys.readouterr().out, re.MULTILINE)
    shown = {name.replace("-", "_") for name in flags} - {"help"}
    assert shown <= {*LIGHTNING_FLAGS, *FIT_FLAGS}
    assert {*LIGHTNING_FLAGS, *FIT_FLAGS} - shown <= {"c", "config", "trainer", "verbose"}
