import os
import subprocess
import sys
from pathlib import Path

import pytest

from refine.benchmark.options import named
from refine.cli import main, parser

COMMANDS = [
    "fit",
    "validate",
    "apply",
    "verify",
    "evaluate",
    "benchmark",
    "report",
    "render",
    "export",
    "recipes",
    "inspect",
    "audit",
    "tune-strength",
    "import-weights",
]


def installed(*args: str) -> subprocess.CompletedProcess[str]:
    """The command as pip installed it, beside the interpreter that runs the tests."""
    command = Path(sys.executable).parent / "refine"
    return subprocess.run([str(command), *args], capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_the_installed_command_lists_every_command() -> None:
    done = installed("--help")
    assert done.returncode == 0
    assert all(f"    {command} " in done.stdout for command in COMMANDS)
    assert "exit codes" in done.stdout


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from refine.cli import main; main(['--help']); print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "False"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {"fit", "validate"}])
def test_each_command_explains_each_of_its_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    subparsers = next(action for action in parser()._actions if hasattr(action, "choices") and action.choices)
    assert isinstance(subparsers.choices, dict)
    for action in subparsers.choices[command]._actions:
        assert action.help, (command, action.dest)
    assert len(shown.splitlines()) > 5


def test_fit_explains_the_arguments_of_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--model.help", "refine.methods.SimGAN"]) == 0
    shown = capsys.readouterr().out
    assert "--model.init-args.self-weight" in shown or "--model.self-weight" in shown
    assert "Not in the paper" in shown


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fit", "-c", "models/nothing.yaml"], "models/nothing.yaml: no such file"),
        (["verify", "/nowhere"], "/nowhere"),
        (["apply", "--checkpoint", "a", "--input", "/nowhere", "--output", "c"], "a: no such file"),
        (["evaluate", "--synthetic", "/nowhere", "--refined", "/nowhere", "--real", "/nowhere"], "/nowhere"),
        (
            ["report", "--synthetic", "/a", "--refined", "/b", "--real", "/c", "--output", "r.html"],
            "/a: no such file or folder (--synthetic)",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(args) == 2
    error = capsys.readouterr().err
    assert error.startswith("refine: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args", [[], ["aply"], ["apply"], ["apply", "--batch-size", "0"], ["evaluate", "--size", "big"]]
)
def test_bad_usage_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_typo_in_a_recipe_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "typo.yaml"
    recipe.write_text("data:\n  synthetic: a\n  real: b\n  batchsize: 4\n")
    assert main(["fit", "-c", "models/simgan.yaml", "-c", str(recipe)]) == 2
    assert "batchsize" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_bad_input(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    sides = ["--synthetic", str(pair[0]), "--refined", str(pair[0]), "--real", str(pair[1])]
    assert main(["evaluate", *sides, "--device", "cuda"]) == 2
    assert "--device cuda: no CUDA device is available" in capsys.readouterr().err
    assert main(["evaluate", *sides, "--device", "foo"]) == 2
    assert "invalid choice: 'foo'" in capsys.readouterr().err
    assert main(["evaluate", *sides]) == 0


def test_two_refined_folders_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one" / "refined", tmp_path / "two" / "refined"
    for folder in (one, two):
        folder.mkdir(parents=True)
    rest = ["--synthetic", str(tmp_path), "--real", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(["benchmark", *rest, "--refined", str(one), "--refined", str(two)]) == 2
    assert f"{two}: {one} is already called 'refined'; give NAME=DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gan=out/x", ("gan", ["out/x"])),
        ("out/x", ("x", ["out/x"])),
        ("out/lr=3/x", ("x", ["out/lr=3/x"])),
        ("./lr=3", ("lr=3", ["lr=3"])),
        ("gan=a,b/c,/d", ("gan", ["a", "b/c", "/d"])),
        (r"gan=a\,b,c", ("gan", ["a,b", "c"])),
        (r"out/a\,b", ("a,b", ["out/a,b"])),
    ],
)
def test_a_name_ends_at_the_first_equals_sign_unless_it_is_a_path(text: str, expected: tuple[str, list[str]]) -> None:
    name, folders = expected
    assert named(text) == (name, [Path(folder) for folder in folders])


@pytest.mark.parametrize(("text", "message"), [("a,b", "several folders without a name"), ("x=a,", "an empty folder")])
def test_folders_that_make_no_row_are_refused(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--refined", text]) == 2
    assert message in capsys.readouterr().err


def test_a_message_holds_no_sign_that_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "no\x1b[31m\nsuch\u202efolder"]) == 2
    assert capsys.readouterr().err.startswith("refine: no\\x1b[31m such\\u202efolder: ")


def test_a_name_that_no_encoding_has_is_printed_escaped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    assert main(["render", "digits", "--count", "1", "--output", str(folder)]) == 0
    assert capfd.readouterr().out.rstrip().endswith("\\udcff")
