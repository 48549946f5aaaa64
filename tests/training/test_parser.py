"""YAML and files that `refine fit` reads by itself, whatever flag or recipe leads to them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from refine.cli import main
from refine.training.parser import OneLineParser, with_sizes
from tests.hostile_checkpoints import BOMB

CONTENT = {
    "bomb": f"{{class_path: refine.data.UnpairedImages, init_args: {{synthetic: {BOMB}}}}}",
    "deep": "{class_path: refine.data.UnpairedImages, init_args: {synthetic: " + "[" * 5000 + "]" * 5000 + "}}",
    "null byte": 'synthetic: "a\\0b"',
    "large": "#" * (2 << 20),
}


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """What `fit` says in one line."""
    folder.mkdir(exist_ok=True)
    (folder / "photos").mkdir(exist_ok=True)
    for side in (folder, folder / "photos"):
        Image.new("RGB", (16, 16)).save(side / "image.png")  # an empty folder would be refused first
    where = ["--data.synthetic", str(folder), "--data.real", str(folder / "photos")]
    assert (
        main(["fit", "-c", "models/simgan.yaml", *where, "--trainer.default-root-dir", str(folder / "r"), *flags]) == 2
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("refine: ")
    assert said.err.count("\n") == 1
    assert not (folder / "r").exists()
    return said.err


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_behind_a_flag_is_bounded(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.yaml").write_text(CONTENT[name])
    assert "data.yaml: cannot be read as YAML" in refused(tmp_path, capsys, "--data", str(tmp_path / "data.yaml"))
    (tmp_path / "nest.yaml").write_text(f"data: {tmp_path / 'data.yaml'}\n")
    for flags in (["-c", str(tmp_path / "nest.yaml")], [f"-c{tmp_path / 'nest.yaml'}"]):
        assert "data.yaml: cannot be read as YAML" in refused(tmp_path, capsys, *flags)


@pytest.mark.parametrize("flag", ["--data", "--trainer.callbacks", "--trainer"])
def test_a_named_pipe_behind_a_flag_is_not_waited_for(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "pipe.yaml: cannot be read as YAML (it is a named pipe" in refused(
        tmp_path, capsys, flag, str(tmp_path / "pipe.yaml")
    )


@pytest.mark.parametrize("flag", ["--data.resize", "--data.batch-size", "--model.features", "--trainer.callbacks"])
@pytest.mark.parametrize("value", [BOMB, "[" * 5000])
def test_yaml_in_a_value_is_bounded(flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flag.split(".")[0].strip("-") in refused(tmp_path, capsys, flag, value)


def test_yaml_in_a_quoted_value_of_a_recipe_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(f"data: {{batch_size: '{BOMB}'}}\n")
    refused(tmp_path, capsys, "-c", str(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize("line", ['run: "a\\0b"', 'trainer: {default_root_dir: "a\\0b"}', "seed_everything: -5"])
def test_values_that_no_run_can_have(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(f"{line}\n")
    refused(tmp_path, capsys, "-c", str(tmp_path / "recipe.yaml"))


def test_flags_are_not_abbreviated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text("run: a\n")
    assert "--conf" in refused(tmp_path, capsys, "--conf", str(tmp_path / "recipe.yaml"))


class Options:
    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate


def test_numbers_and_nested_files_are_read_as_before(tmp_path: Path) -> None:
    parser = OneLineParser()
    parser.add_argument("--config", action="config")
    parser.add_argument("--rate", type=float)
    parser.add_class_arguments(Options, "options", sub_configs=True)
    (tmp_path / "recipe.yaml").write_text("rate: 1e-4\noptions: options.yaml\n")
    (tmp_path / "options.yaml").write_text("rate: 2e-4\n")
    found = parser.parse_args(["--config", str(tmp_path / "recipe.yaml")])
    assert (found.rate, found.options.rate) == (1e-4, 2e-4)


def helped(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(["fit", *flags]) == 0
    return capsys.readouterr().out


def test_the_help_shows_our_flags_and_lightnings_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = helped(capsys, "--help"), helped(capsys, "--trainer.help")
    assert ours.startswith("usage: refine fit -c METHOD")
    places = [ours.index(flag) for flag in ("--data CONFIG", "--model CONFIG", "--minutes MINUTES", "--ckpt-path CKPT")]
    assert places == sorted(places)
    assert "--data.synthetic DIR --data.real DIR" in ours
    assert "registry" not in ours  # Lightning's prose
    assert "Batches of" not in ours  # docstrings of classes
    assert "--trainer.devices" not in ours
    assert "--trainer.devices" in theirs
    assert "--minutes MINUTES" not in theirs


def test_the_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SimGAN: A refiner for small appearance gaps" in helped(capsys, "--model.help")
    assert "--model.self-weight" in helped(capsys, "--model.help", "SimGAN")


def test_a_size_may_be_typed_with_an_x() -> None:
    given = ["--data.crop", "48x100", "--data.resize=3x4", "--run", "48x100", "--data.crop=48", "--run=7"]
    assert with_sizes(given) == [
        *("--data.crop", "[48,100]", "--data.resize=[3,4]", "--run", "48x100", "--data.crop=[48,48]", "--run=7")
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data.crop", "48x"], "--data.crop is '48x'; expected a height and a width, such as 48x100"),
        (["--data.channels", "2"], "--data.channels is 2; expected one of 1, 3 (see"),
        (["--model.features", "1.5"], "--model.features is '1.5'; expected a whole number"),
        (["--trainer.max-steps", "x"], "--trainer.max-steps is x; expected a whole number (see"),
        (["--data.horizontal-flip=maybe"], "--data.horizontal-flip is maybe; expected true or false (see"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_in_plain_words(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(tmp_path / "data", capsys, *flags).startswith(f"refine: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG", "cannot be read as YAML"),
        (b"a: &a [x]\nb: [*a, *a]\n", "write out what it stands for"),
        (b"steps: [" + b"[" * 5000, "levels deep"),
        (b"steps: " + b"9" * 5000, "cannot be read as YAML"),
    ],
)
def test_a_recipe_that_is_not_plain_yaml_is_refused_in_one_line(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.yaml").write_bytes(content)
    assert main(["fit", "-c", str(tmp_path / "recipe.yaml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / 'recipe.yaml'}: " in line
    assert message in line
