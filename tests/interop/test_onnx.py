from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import refine
from refine.cli import main
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.interop.onnx import AnySize, padded_positions, write_onnx
from refine.methods.base import Method
from refine.methods.checkpoint import load_method, load_translator
from refine.methods.color_transfer import fit_color_transfer
from refine.methods.imported import ImportedGenerator
from refine.methods.task import Task
from refine.networks.layers import pad, padding_for
from tests.methods.test_cyclegan import small as small_cyclegan
from tests.methods.test_simgan import small as small_simgan

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

METHODS: dict[str, Callable[[], Method]] = {
    "cyclegan": small_cyclegan,
    "simgan": small_simgan,
    "unet": lambda: ImportedGenerator(architecture="unet", channels=3, features=2, depth=5, norm="batch"),
    "antialiased": lambda: ImportedGenerator(architecture="resnet", channels=1, features=4, depth=1, antialias=True),
}
SIZES = [(1, 16, 16), (3, 37, 50), (2, 70, 9), (1, 1, 3)]


def exported(method: Method, folder: Path) -> Path:
    write_bundle(method, folder / "bundle")
    assert main(["export", "--checkpoint", str(folder / "bundle"), "--output", str(folder / "out"), "--onnx"]) == 0
    return folder / "out"


def images(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, channels, height, width, generator=generator) * 2 - 1


def session_of(folder: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(folder / "model.onnx", options)


@pytest.mark.parametrize(("multiple", "smallest"), [(1, 1), (4, 16), (8, 1), (32, 32)])
def test_positions_are_those_of_the_padding(multiple: int, smallest: int) -> None:
    for side in range(1, 70):
        row = torch.arange(side, dtype=torch.float32).reshape(1, 1, 1, side)
        padding = padding_for(multiple, side, multiple, smallest)
        expected = pad(row, padding._replace(top=0, bottom=0)).flatten().long()
        positions, before = padded_positions(side, multiple, smallest, torch.device("cpu"))
        assert torch.equal(positions, expected), side
        assert before == padding.left


@pytest.mark.parametrize("size", [(16, 16), (21, 34), (5, 40), (1, 1)])
def test_does_what_the_translator_does_at_native_scale(size: tuple[int, int]) -> None:
    translator = small_cyclegan().eval()
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert torch.equal(AnySize(translator)(images), translator.refine(images))


@pytest.mark.parametrize(
    "name", ["simgan", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cyclegan", "unet", "antialiased"))]
)
def test_the_onnx_file_refines_images_of_any_size(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = exported(METHODS[name](), tmp_path)
    said = capfd.readouterr()
    assert said.err == ""
    assert [line.split(" ")[0] for line in said.out.splitlines()] == ["model.onnx:", str(folder)]
    session = session_of(folder)
    translator = load_translator(folder)
    for count, height, width in SIZES:
        given = images(count, translator.channels, height, width)
        (found,) = session.run(["refined"], {"images": given.numpy()})
        assert np.abs(found - translator.refine(given).numpy()).max() < 1e-4
    assert str(Path(refine.__file__).parent).encode() not in (folder / "model.onnx").read_bytes()


@pytest.mark.parametrize(
    "kind", ["class", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("mask", "objects"))]
)
def test_a_task_model_gives_its_outputs(kind: Literal["class", "mask", "objects"], tmp_path: Path) -> None:
    folder = exported(Task(classes=["left", "right"], channels=1, width=4, kind=kind), tmp_path)
    session = session_of(folder)
    given = images(3, 1, 40, 33)
    (found,) = session.run(["output"], {"images": given.numpy()})
    assert torch.allclose(torch.from_numpy(found), load_method(folder)(given), atol=1e-4)


def test_says_what_size_a_model_was_trained_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    translator = small_simgan()
    translator.working_size = (20, 12)
    exported(translator, tmp_path)
    assert "resized to 20x12" in capsys.readouterr().out


@pytest.mark.slow
def test_a_file_that_disagrees_with_torch_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bundle(small_simgan(), tmp_path / "bundle")
    monkeypatch.setattr("refine.interop.onnx.TOLERANCE", -1.0)
    arguments = ["export", "--checkpoint", str(tmp_path / "bundle"), "--output", str(tmp_path / "out"), "--onnx"]
    assert main(arguments) == 2
    assert "ONNX Runtime differs from torch" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_graph_of_one_size_alone_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.interop.onnx.Dim", lambda name: None)  # sizes become constants
    with pytest.raises(InputError, match="ONNX Runtime cannot run it on 5x7"):
        write_onnx(small_simgan(), tmp_path)


def test_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.interop.onnx.PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(InputError, match=r"needs no_such_package.*pip install 'sim2real-refine\[onnx\]'"):
        write_onnx(small_simgan(), tmp_path)


def test_says_in_one_line_what_has_no_graph(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    transfer = fit_color_transfer([images(2, 3, 8, 8)], [images(3, 3, 8, 8)], 3)
    write_bundle(transfer, tmp_path / "bundle")
    arguments = ["export", "--checkpoint", str(tmp_path / "bundle"), "--output", str(tmp_path / "out"), "--onnx"]
    assert main(arguments) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("refine: ColorTransfer cannot be written as ONNX (")
    assert said.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
