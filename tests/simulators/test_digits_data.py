from pathlib import Path

import pytest
import torch

from refine.simulators import DigitsData, DigitsParameters
from tests.conftest import WriteImages


@pytest.fixture
def real(tmp_path: Path, write_images: WriteImages) -> Path:
    """Gray images of the digits' size."""
    return write_images(tmp_path / "real", size=(28, 28), mode="L")


def first_image(real: Path, **parameters: tuple[float, float]) -> torch.Tensor:
    # settings from the parameters
    data = DigitsData(real, count=20, batch_size=4, parameters=DigitsParameters(**parameters))  # type: ignore[arg-type]
    data.prepare_data()
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["synthetic"].image.shape == batch["real"].shape == (4, 1, 28, 28)
    image: torch.Tensor = batch["synthetic"].image
    return image


def test_what_is_missing_is_rendered_always_the_same(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = []
    for name in ("one", "two"):
        monkeypatch.setenv("REFINE_CACHE", str(tmp_path / name))
        images.append(first_image(real))
        assert len(list((tmp_path / name).glob("digits-*/*/*.png"))) == 20
    assert torch.equal(*images)


def test_other_parameters_are_another_rendering(real: Path) -> None:
    dark = first_image(real, foreground=(60.0, 60.0), background=(0.0, 0.0), noise=(0.0, 0.0))
    bright = first_image(real, foreground=(250.0, 250.0), background=(0.0, 0.0), noise=(0.0, 0.0))
    assert bright.max() > dark.max()


def test_labels_are_the_digits(real: Path) -> None:
    data = DigitsData(real, count=20, batch_size=30)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    for key, label in zip(batch["synthetic"].key, batch["synthetic"].label, strict=True):
        assert key.startswith(f"{int(label)}/")
