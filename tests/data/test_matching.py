from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.cli import main
from refine.data.augment import Augmentation
from refine.data.layouts import ClassFolders, ImageFolder
from refine.data.matching import CROPS, NEIGHBORS
from refine.data.pairs import TrainingPairs
from refine.data.store import ImageStore
from refine.data.unpaired import UnpairedImages
from refine.errors import InputError


def striped(path: Path, kind: str, low: int, high: int, seed: int) -> None:
    """A 24x24 image whose left, or whose upper half is the brighter one, with noise."""
    levels = np.full((24, 24), low)
    (levels if kind == "top" else levels.T)[:12] = high
    noise = np.random.default_rng(seed).integers(-8, 9, levels.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((levels + noise).astype(np.uint8)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Dark synthetic images, half of them of each kind; bright real ones, most of them with a brighter left half."""
    for number in range(8):
        kind = "top" if number % 2 else "left"
        striped(tmp_path / "synthetic" / kind / f"{number}.png", kind, 10, 60, number)
    for number in range(16):
        kind = "top" if number < 5 else "left"
        striped(tmp_path / "real" / f"{kind}-{number}.png", kind, 120, 220, 100 + number)
    return tmp_path


def pairs(folder: Path, matching: str | None, seed: int = 0, crop: tuple[int, int] | None = None) -> TrainingPairs:
    layouts = ClassFolders(folder / "synthetic"), ImageFolder(folder / "real")
    synthetic, real = (ImageStore(layout, layout.records(), 1, None, "memory") for layout in layouts)
    return TrainingPairs(synthetic, real, Augmentation(crop), False, seed, matching)


def kind_of(image: Tensor) -> str:
    levels = image[0].float()
    down, across = levels[:8].mean() - levels[-8:].mean(), levels[:, :8].mean() - levels[:, -8:].mean()
    return "top" if down > across else "left"


def agreements(drawn: TrainingPairs, count: int = 64) -> float:
    samples = [drawn[position] for position in range(count)]
    same = [kind_of(each["synthetic"].image) == kind_of(each["real"]) for each in samples]
    return sum(same) / count


def test_matched_crops_show_the_same_whatever_each_side_shows_more_often(folders: Path) -> None:
    assert agreements(pairs(folders, None)) < 0.7
    assert agreements(pairs(folders, "thumbnail")) == 1
    drawn = [kind_of(pairs(folders, "thumbnail")[position]["real"]) for position in range(64)]
    assert Counter(drawn)["top"] == 32  # of sixteen real images five are such


def test_whole_images_are_matched_with_several_others(folders: Path) -> None:
    drawn = pairs(folders, "thumbnail")
    assert drawn.matches is not None
    for near in drawn.matches.nearest // CROPS:
        assert len(set(near.tolist())) == NEIGHBORS


def test_a_run_keeps_how_its_crops_are_matched(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = ["--data.synthetic", str(folders / "synthetic"), "--data.real", str(folders / "real")]
    place = ["--trainer.default-root-dir", str(folders), "--run", "run", "--device", "cpu"]
    warm = ["--model.refiner-warmup-steps", "1", "--model.discriminator-warmup-steps", "0"]
    flags = ["fit", "-c", "simgan", *warm, "--data.channels", "1", *sides, *place]
    assert main([*flags, "--steps", "3"]) == 0
    assert main([*flags, "--steps", "6", "--data.matching", "thumbnail", "--resume"]) == 2
    assert "trained with data.matching=None, not thumbnail" in capsys.readouterr().err


def test_every_synthetic_image_comes_with_its_own_label_and_in_several_crops(folders: Path) -> None:
    drawn = pairs(folders, "thumbnail", crop=(16, 16))
    crops: dict[str, set[bytes]] = {}
    for position in range(8 * 40):
        sample = drawn[position]["synthetic"]
        assert drawn.synthetic.layout.label_space.names[int(sample.label)] == str(sample.key).partition("/")[0]
        crops.setdefault(str(sample.key), set()).add(sample.image.numpy().tobytes())
    assert len(crops) == 8
    assert all(4 < len(found) <= CROPS for found in crops.values())


def test_pairs_follow_from_the_seed_alone(folders: Path) -> None:
    first, again, other = (pairs(folders, "thumbnail", seed, crop=(16, 16)) for seed in (0, 0, 1))
    for position in (0, 7, 100):
        assert torch.equal(first[position]["real"], again[position]["real"])
    assert not all(torch.equal(first[position]["real"], other[position]["real"]) for position in range(8))


def test_features_that_are_not_there_are_named(folders: Path) -> None:
    with pytest.raises(InputError, match=r"data\.matching is colors; expected thumbnail, "):
        UnpairedImages(folders / "synthetic", folders / "real", matching="colors")


def test_a_method_trains_on_matched_crops(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = ["--data.synthetic", str(folders / "synthetic"), "--data.real", str(folders / "real")]
    place = ["--trainer.default-root-dir", str(folders), "--run", "run", "--device", "cpu"]
    flags = ["-c", "simgan", "--steps", "4", "--data.matching", "thumbnail", "--data.channels", "1"]
    warm = ["--model.refiner-warmup-steps", "1", "--model.discriminator-warmup-steps", "0"]
    assert main(["fit", *flags, *warm, *sides, *place]) == 0
    assert "matching: thumbnail" in (folders / "run" / "config.yaml").read_text()
