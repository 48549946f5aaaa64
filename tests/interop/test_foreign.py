from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from refine.cli import main
from refine.methods.checkpoint import load_translator
from refine.methods.imported import ImportedGenerator
from tests.interop.originals import ResNet, UNet, trained


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


def test_wrappers_put_a_prefix_before_every_name(tmp_path: Path) -> None:
    original = trained(ResNet(2, norm="batch"))
    weights = {f"module._orig_mod.{name}": value for name, value in original.state_dict().items()}
    assert_equal(imported(saved(weights, tmp_path)), original)


def test_files_of_old_releases_of_torch(tmp_path: Path) -> None:
    """Another file format, statistics of instance normalization that nobody used."""
    original = trained(ResNet(2))
    weights = dict(original.state_dict())
    for place in ("2", "5", "8", "10.conv_block.2", "10.conv_block.6"):
        weights[f"model.{place}.running_mean"] = torch.full((4,), 7.0)
        weights[f"model.{place}.running_var"] = torch.full((4,), 7.0)
        weights[f"model.{place}.num_batches_tracked"] = torch.tensor(3)
    assert_equal(imported(saved(weights, tmp_path, old=True)), original)


def test_batch_normalization_without_a_counter(tmp_path: Path) -> None:
    original = trained(ResNet(2, norm="batch"))
    weights = {name: value for name, value in original.state_dict().items() if not name.endswith("tracked")}
    assert_equal(imported(saved(weights, tmp_path)), original)


def test_double_precision_becomes_single(tmp_path: Path) -> None:
    original = trained(ResNet(1))
    weights = {name: value.double() for name, value in original.state_dict().items()}
    assert_equal(imported(saved(weights, tmp_path)), original)


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
