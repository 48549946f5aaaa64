import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.cli import main
from tests.interop.originals import Discriminator, ResNet, UNet, trained


class Executes:
    def __init__(self, where: Path) -> None:
        self.where = where

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.where,)


def resnet(**changes: Tensor | None) -> dict[str, Tensor]:
    """A ResNet's state dict with entries replaced, added or (None) removed; two underscores stand for a dot."""
    weights = dict(trained(ResNet(2)).state_dict())
    for name, value in changes.items():
        name = name.replace("__", ".")
        weights.pop(name, None)
        if value is not None:
            weights[name] = value
    return weights


def first(count: int) -> dict[str, Tensor]:
    return dict(list(trained(ResNet(2)).state_dict().items())[:count])


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "discriminator": (lambda: Discriminator().state_dict(), "a discriminator (net_D); name the generator's file"),
    "pixel discriminator": (lambda: {"net.0.weight": torch.ones(4, 3, 1, 1)}, "a discriminator"),
    "feature network": (lambda: {"mlp_0.0.weight": torch.ones(4, 3)}, "CUT's feature network (net_F)"),
    "other network": (lambda: {"conv1.weight": torch.ones(4, 3, 7, 7)}, "expected the convolution model.1.weight"),
    "truncated": (lambda: first(12), "expected model.11.conv_block.5.weight, found nothing in its place"),
    "cut before the blocks": (lambda: first(4), "expected residual blocks (model.10.conv_block.1.weight), found none"),
    "cut unet": (
        lambda: dict(list(trained(UNet(5)).state_dict().items())[:3]),
        "expected a U-Net of 5 to 12 downsamplings",
    ),
    "more": (lambda: resnet(model__99__extra=torch.ones(1)), "expected nothing more, found model.99.extra"),
    "shape": (
        lambda: resnet(model__4__weight=torch.ones(8, 4, 5, 5)),
        "expected model.4.weight of (8, 4, 3, 3), found (8, 4, 5, 5)",
    ),
    "channels": (lambda: ResNet(1, outputs=1).state_dict(), "takes images of 3 channels and gives 1"),
    "four channels": (lambda: ResNet(1, channels=4, outputs=4).state_dict(), "takes images of 4 channels"),
    "half anti-aliased": (
        lambda: ResNet(1, antialias=True, antialias_up=False).state_dict(),
        "anti-aliased on the way down alone",
    ),
    "other blur": (
        lambda: {**ResNet(1, antialias=True).state_dict(), "model.7.filt": torch.full((8, 1, 3, 3), 1 / 9)},
        "model.7.filt is another blur than CUT's",
    ),
    "not finite": (lambda: resnet(model__1__bias=torch.full((4,), torch.nan)), "model.1.bias holds values that are"),
    "larger than its bytes": (
        lambda: {"model.1.weight": torch.ones(1).expand(10**6, 3, 700, 700)},
        "model.1.weight is no plain dense tensor",
    ),
    "sparse": (lambda: {"model.1.weight": torch.eye(3).to_sparse()}, "model.1.weight is no plain dense tensor"),
    "training checkpoint": (lambda: {"epoch": 3, "state_dict": resnet()}, "found 'epoch': int"),
    "ours": (lambda: {"state_dict": resnet(), "refine": {"format": 1}}, "a checkpoint of refine itself"),
    "tensor": (lambda: torch.ones(3), "found torch.Tensor"),
    "empty": (dict, "found an empty one"),
    "block of many digits": (
        lambda: resnet(**{f"model__{'9' * 5000}__conv_block__1__weight": torch.ones(4, 4, 3, 3)}),
        "expected nothing more, found model.9999",
    ),
    "whole module": (lambda: ResNet(1), "could run code; refused"),
}


def refused(path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    output = path.parent / "bundle"
    assert main(["import-weights", str(path), "--output", str(output), *flags]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(path) in said.err
    assert not output.exists()
    return said.err


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_generator_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build, expected = REFUSED[name]
    torch.save(build(), tmp_path / "net.pth")
    assert expected in refused(tmp_path / "net.pth", capsys)


def test_code_in_a_file_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for old in (False, True):
        path, trace = tmp_path / "net.pth", tmp_path / "it ran"
        torch.save({"model.1.weight": Executes(trace)}, path, _use_new_zipfile_serialization=not old)
        assert "could run code; refused" in refused(path, capsys)
        assert not trace.exists()


def test_files_that_torch_did_not_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, archive, other = (tmp_path / name for name in ("weights.txt", "empty.zip", "other.zip"))
    folder = tmp_path / "checkpoints"
    text.write_text("hello")
    zipfile.ZipFile(archive, "w").close()
    folder.mkdir()
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("document.xml", "<a/>")
    assert "no file of torch.save" in refused(text, capsys)
    assert "no file of torch.save" in refused(archive, capsys)
    assert "a damaged file" in refused(other, capsys)
    assert "a folder; name the generator's file" in refused(folder, capsys)
    assert "no such file" in refused(tmp_path / "nothing.pth", capsys)


def test_a_script_is_no_state_dict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as file:  # what marks an archive of torch.jit.save
        file.writestr("net/constants.pkl", b"\x80\x02).")
        file.writestr("net/version", b"3\n")
        file.writestr("net/data.pkl", b"\x80\x02}.")
    assert "a TorchScript archive" in refused(tmp_path / "net.pt", capsys)


def test_half_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.pth"
    for old in (False, True):
        torch.save(resnet(), path, _use_new_zipfile_serialization=not old)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        refused(path, capsys)


def test_a_flag_that_the_file_contradicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.pth"
    torch.save(resnet(), path)
    said = refused(path, capsys, "--dropout")
    assert "expected model.10.conv_block.6.weight, found model.10.conv_block.5.weight" in said
    assert "expected model.2.weight, found" in refused(path, capsys, "--norm", "batch")
