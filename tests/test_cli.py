import os
import subprocess
import sys
from pathlib import Path

import pytest

from refine.cli import main, parser
from refine.commands import COMMANDS as OURS

COMMANDS = ["fit", "validate", *(command.name for command in OURS)]


def installed(*args: str) -> subprocess.CompletedProcess[str]:
    """The command as pip installed it, beside the interpreter that runs the tests."""
    command = Path(sys.executable).parent / "refine"
    return subprocess.run([str(command), *args], capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_the_installed_command_lists_every_command() -> None:
    done = installed("--help")
    assert done.returncode == 0
    assert all(f"    {command} " in done.stdout for command in COMMANDS)
    assert "exit codes" in done.stdout


@pytest.mark.parametrize("command", [command.name for command in OURS])
def test_each_command_explains_each_of_its_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    subparsers = next(action for action in parser()._actions if hasattr(action, "choices") and action.choices)
    assert isinstance(subparsers.choices, dict)
    for action in subparsers.choices[command]._actions:
        assert action.help, (command, action.dest)
    assert len(shown.splitlines()) > 5


@pytest.mark.parametrize(
    "args",
    [[], ["aply"], ["apply"], ["apply", "--batch-size", "0"], ["evaluate", "--size", "big"], ["try", "--device", "x"]],
)
def test_bad_usage_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_typo_in_a_recipe_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "typo.yaml"
    recipe.write_text("data:\n  synthetic: a\n  real: b\n  batchsize: 4\n")
    assert main(["fit", "-c", "models/simgan.yaml", "-c", str(recipe)]) == 2
    assert "batchsize" in capsys.readouterr().err


def test_a_message_holds_no_sign_that_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "no\x1b[31m\nsuch\u202efolder"]) == 2
    assert capsys.readouterr().err.startswith("refine: no\\x1b[31m such\\u202efolder: ")


def test_a_name_that_no_encoding_has_is_printed_escaped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    assert main(["render", "digits", "--count", "1", "--output", str(folder)]) == 0
    assert capfd.readouterr().out.rstrip().endswith("\\udcff")
