import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from refine.cli import main
from refine.methods.checkpoint import load_translator
from refine.methods.imported import ImportedGenerator
from tests.interop.originals import Discriminator, ResNet, UNet, trained


def saved(weights: object, folder: Path, old: bool = False) -> Path:
    path = folder / "latest_net_G_A.pth"
    torch.save(weights, path, _use_new_zipfile_serialization=not old)
    return path


def imported(path: Path, *flags: str) -> ImportedGenerator:
    bundle = path.parent / "bundle"
    assert main(["import-weights", str(path), "--output", str(bundle), *flags]) == 0
    generator = load_translator(bundle)
    assert isinstance(generator, ImportedGenerator)
    return generator


def assert_equal(generator: ImportedGenerator, original: nn.Module, side: int = 32, channels: int = 3) -> None:
    images = torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        expected: Tensor = original(images)
        assert float(expected.std()) > 0.1  # a flat output would agree with anything
        assert float((generator(images) - expected).abs().max()) <= 1e-5
        assert float((generator.refine(images) - expected).abs().max()) <= 1e-5


ORIGINALS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "6 blocks": (
        lambda: ResNet(6),
        "resnet with 6 blocks and 4 features, RGB, instance normalization, reflect padding",
    ),
    "9 blocks": (lambda: ResNet(9), "resnet with 9 blocks"),
    "1 block": (lambda: ResNet(1, features=6), "resnet with 1 blocks and 6 features"),
    "batch": (lambda: ResNet(2, norm="batch"), "batch normalization"),
    "no norm": (lambda: ResNet(2, norm="none"), "no normalization"),
    "dropout": (lambda: ResNet(2, dropout=True), "trained with dropout"),
    "zero": (lambda: ResNet(2, padding="zero"), "zero padding"),
    "zero and dropout": (lambda: ResNet(2, padding="zero", dropout=True), "zero padding, trained with dropout"),
    "CUT": (lambda: ResNet(2, antialias=True), "reflect padding, anti-aliased"),
    "CUT with batch": (lambda: ResNet(2, antialias=True, norm="batch", dropout=True), "batch normalization"),
    "U-Net": (lambda: UNet(5, features=4), "unet with 5 downsamplings and 4 features, RGB, batch normalization"),
    "U-Net, instance": (lambda: UNet(5, norm="instance"), "instance normalization"),
    "U-Net, no norm": (lambda: UNet(5, norm="none"), "no normalization"),
    "U-Net, dropout": (lambda: UNet(6, dropout=True), "trained with dropout"),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_imported_generator_gives_the_originals_output(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build, described = ORIGINALS[name]
    original = trained(build())
    generator = imported(saved(original.state_dict(), tmp_path))
    said = capsys.readouterr().out.splitlines()
    assert described in said[0]
    assert said[1:] == [str(tmp_path / "bundle")]
    assert_equal(generator, original, side=64 if name == "U-Net, dropout" else 32)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_unet_128(norm: str, tmp_path: Path) -> None:
    original = trained(UNet(7, norm="batch" if norm == "batch" else "instance"))
    assert_equal(imported(saved(original.state_dict(), tmp_path)), original, side=128)


def test_gray_generators_too(tmp_path: Path) -> None:
    original = trained(ResNet(1, channels=1, outputs=1))
    generator = imported(saved(original.state_dict(), tmp_path))
    assert generator.channels == 1
    assert_equal(generator, original, channels=1)


WEIGHTS: dict[str, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    "wrappers put a prefix before every name": lambda weights: {
        f"module._orig_mod.{name}": value for name, value in weights.items()
    },
    "normalization without a counter": lambda weights: {
        name: value for name, value in weights.items() if not name.endswith("tracked")
    },
    "double precision": lambda weights: {name: value.double() for name, value in weights.items()},
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_other_names_counters_and_precisions_are_taken(name: str, tmp_path: Path) -> None:
    original = trained(ResNet(2, norm="batch"))
    assert_equal(imported(saved(WEIGHTS[name](original.state_dict()), tmp_path)), original)


def test_files_of_old_releases_of_torch(tmp_path: Path) -> None:
    """Another file format, statistics of instance normalization that nobody used."""
    original = trained(ResNet(2))
    weights = dict(original.state_dict())
    for place in ("2", "5", "8", "10.conv_block.2", "10.conv_block.6"):
        weights[f"model.{place}.running_mean"] = torch.full((4,), 7.0)
        weights[f"model.{place}.running_var"] = torch.full((4,), 7.0)
        weights[f"model.{place}.num_batches_tracked"] = torch.tensor(3)
    assert_equal(imported(saved(weights, tmp_path, old=True)), original)


def test_replication_is_taken_where_it_is_said(tmp_path: Path) -> None:
    original = trained(ResNet(2, padding="replicate"))
    assert_equal(imported(saved(original.state_dict(), tmp_path), "--padding", "replicate"), original)


def test_dropout_of_a_unet_is_recorded_and_changes_nothing(tmp_path: Path) -> None:
    original = trained(UNet(5, dropout=False))
    generator = imported(saved(original.state_dict(), tmp_path), "--no-dropout")
    assert generator.dropout is False
    assert_equal(generator, original)


def test_the_size_of_training_images_goes_into_the_bundle(tmp_path: Path) -> None:
    path = saved(trained(ResNet(1)).state_dict(), tmp_path)
    assert imported(path, "--working-size", "24x32").working_size == (24, 32)


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
    (folder / "G.pth").touch()
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
