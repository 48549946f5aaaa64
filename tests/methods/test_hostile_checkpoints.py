"""Every hostile checkpoint through the command line, and every good one beside them."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from refine.cli import LONGEST_MESSAGE, main
from refine.methods.checkpoint import load_method
from tests.hostile_checkpoints import GOOD, hostile_checkpoints
from tests.hostile_files import Writer

HOSTILE = dict(hostile_checkpoints())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    folder = tmp_path_factory.mktemp("in")
    Image.new("RGB", (16, 16), "gray").save(folder / "a.png")
    return folder


def apply(writer: Writer, folder: Path, images: Path) -> int:
    arguments = ["--checkpoint", str(writer(folder)), "--input", str(images), "--output", str(folder / "new" / "out")]
    return main(["apply", *arguments])


@pytest.mark.parametrize("name", GOOD)
def test_a_good_one_is_taken(name: str, tmp_path: Path, images: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert apply(GOOD[name], tmp_path, images) == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_one_line_and_leaves_nothing(
    name: str, tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings(record=True) as warned:
        assert apply(HOSTILE[name], tmp_path, images) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(tmp_path) in said.err
    assert len(said.err) <= LONGEST_MESSAGE + 10
    assert not [warning for warning in warned if "refine" in warning.filename or "torch" in warning.filename]
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Labeled images, the same ones refined, and the checkpoint that did it."""
    from PIL import Image

    root = tmp_path_factory.mktemp("pair")
    for name in ("a", "b"):
        (root / "in" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 16), (80 * number, 90, 200)).save(root / "in" / name / f"{number}.png")
    checkpoint = GOOD["checkpoint"](root).rename(root / "good.ckpt")
    given = ["--checkpoint", str(checkpoint), "--input", str(root / "in"), "--output", str(root / "refined")]
    assert main(["apply", *given]) == 0
    return {"images": str(root / "in"), "refined": str(root / "refined"), "checkpoint": str(checkpoint)}


COMMANDS: dict[str, str] = {
    "export": "export --checkpoint {file} --output {out}/bundle",
    "evaluate": "evaluate --synthetic {images} --refined {refined} --real {images} --features {file} "
    "--output {out}/evaluate.json",
    "audit": "audit --synthetic {images} --refined {refined} --judge {file} --output {out}",
    "tune-strength": "tune-strength --checkpoint {checkpoint} --synthetic {images} --real {images} --judge {file} "
    "--features swd --strengths 0,1 --output {out}",
    "fit": "fit -c models/simgan.yaml --data.synthetic {images} --data.real {images}/a --ckpt-path {file} "
    "--trainer.default-root-dir {out}",
    "fit --judge": "fit -c models/simgan.yaml --data.synthetic {images} --data.real {images}/a --judge {file} "
    "--trainer.default-root-dir {out}",
}
"""What else takes a model."""

SUBSET = (
    "two directories",
    "many entries",
    "names that differ in case",
    "tuples as key",
    "tuple as the key of a pair",
    "bytearray",
    "inflates",
    "code",
    "format: digits",
    "blocks 1000000000",
    "weights: huge",
    "weights: sparse",
    "class 'os.system' of 9",
    "empty",
)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        pytest.param(name, command, marks=pytest.mark.slow) if (row + column) % 2 else (name, command)
        for row, name in enumerate(SUBSET)
        for column, command in enumerate(COMMANDS)
    ],
)
def test_every_command_refuses_it(
    command: str, name: str, tmp_path: Path, pair: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = HOSTILE[name](tmp_path)
    capsys.readouterr()
    assert main(COMMANDS[command].format(file=file, out=tmp_path / "new", **pair).split()) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert str(tmp_path) in said.err
    assert not (tmp_path / "new").exists()


def test_every_part_of_a_loaded_model_is_on_the_cpu_and_what_training_needs_takes_no_memory(tmp_path: Path) -> None:
    method: Any = load_method(GOOD["average"](tmp_path))
    tensors = [*method.parameters(), *method.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert all(weight.is_contiguous() for weight in method.average.parameters())
    assert sum(weight.untyped_storage().nbytes() for weight in method.real_discriminator.parameters()) < 100


def test_weights_of_other_precisions_become_the_networks_own(tmp_path: Path) -> None:
    for name in ("half precision", "bfloat16", "double", "transposed"):
        file = GOOD[name](tmp_path)
        method: Any = load_method(file)
        stored = torch.load(file, weights_only=True)["state_dict"]["refiner.head.weight"]
        assert torch.equal(method.refiner.head.weight, stored.float())
        assert method.refiner.head.weight.is_contiguous()
