from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_translator
from refine.methods.imported import ImportedGenerator


def images(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def small(**changes: object) -> ImportedGenerator:
    arguments = {"features": 2, "depth": 1} | changes
    return ImportedGenerator(**arguments).eval()  # type: ignore[arg-type]  # plain values


def test_is_not_trained() -> None:
    generator = small()
    assert generator.configure_optimizers() == []
    with pytest.raises(InputError, match="applied, not trained"):
        generator.training_step(None, 0)
    with pytest.raises(InputError, match="applied, not trained"):
        generator.setup("fit")
    generator.setup("validate")


def test_refines_images_of_any_size_with_either_architecture() -> None:
    for generator in (small(), small(architecture="unet", depth=5, norm="batch")):
        assert generator.refine(images(21, 37)).shape == (2, 3, 21, 37)
    assert small().multiple == 4
    assert small(architecture="unet", depth=6).multiple == 64


def test_dropout_is_off_in_eval_mode() -> None:
    generator = small(dropout=True)
    assert torch.equal(generator.refine(images(16, 16)), generator.refine(images(16, 16)))


def test_comes_back_from_a_bundle_with_its_arguments(tmp_path: Path) -> None:
    generator = small(norm="batch", padding="zero", antialias=True, dropout=True)
    write_bundle(generator, tmp_path / "bundle")
    again = load_translator(tmp_path / "bundle")
    assert again.arguments() == generator.arguments()
    assert torch.equal(again.refine(images(16, 20)), generator.refine(images(16, 20)))
