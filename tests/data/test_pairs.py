from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.cli import main
from refine.data.augment import Augmentation
from refine.data.layouts import ClassFolders, ImageFolder, MaskFolders
from refine.data.pairs import (
    CROPS,
    NEIGHBORS,
    REAL,
    SYNTHETIC,
    ClassBalanced,
    PositionBatches,
    Shuffled,
    TrainingPairs,
    ValidationPairs,
    generator_at,
)
from refine.data.store import ImageStore
from refine.data.unpaired import UnpairedImages
from refine.errors import InputError
from refine.labels import Annotation

SIZE = (6, 8)


def gray(path: Path, level: int) -> None:
    """An image of one level, by which it is known again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIZE[1], SIZE[0]), (level, level, level)).save(path)


def stores(root: Path, synthetic: int = 4, real: int = 3) -> tuple[ImageStore, ImageStore]:
    """Synthetic images of levels 0, 1, …, of which only the first is of class a; real ones of 100, 101, …"""
    for number in range(synthetic):
        gray(root / "synthetic" / ("b" if number else "a") / f"{number}.png", number)
    for number in range(real):
        gray(root / "real" / f"{number}.png", 100 + number)
    layouts = ClassFolders(root / "synthetic"), ImageFolder(root / "real")
    one, other = (ImageStore(layout, layout.records(), 3, None, "memory") for layout in layouts)
    return one, other


def level(image: Tensor) -> int:
    """Of a uint8 image."""
    return int(image[0, 0, 0])


def test_each_pass_holds_every_image_once_with_its_own_label_and_key(tmp_path: Path) -> None:
    pairs = TrainingPairs(*stores(tmp_path), Augmentation(), False, 0)
    samples = [pairs[position] for position in range(12)]
    for start in (0, 4, 8):
        assert sorted(level(each["synthetic"].image) for each in samples[start : start + 4]) == [0, 1, 2, 3]
    for start in (0, 3, 6, 9):
        assert sorted(level(each["real"]) for each in samples[start : start + 3]) == [100, 101, 102]
    for each in samples:
        number = level(each["synthetic"].image)
        assert int(each["synthetic"].label) == (number > 0)
        assert each["synthetic"].key == f"{'b' if number else 'a'}/{number}.png"


def test_a_position_is_the_same_whenever_it_is_asked_for(tmp_path: Path) -> None:
    synthetic, real = stores(tmp_path)

    def positions(seed: int, order: list[int]) -> list[tuple[int, int]]:
        pairs = TrainingPairs(synthetic, real, Augmentation(), False, seed)
        found = {at: (level(pairs[at]["synthetic"].image), level(pairs[at]["real"])) for at in order}
        return [found[at] for at in sorted(order)]

    forth = list(range(12))
    assert positions(0, forth) == positions(0, forth[::-1])
    assert positions(0, forth) != positions(1, forth)


@pytest.fixture
def striped(tmp_path: Path) -> ImageStore:
    """One image whose columns are numbered by their levels, and a mask that repeats the numbers."""
    columns = torch.arange(8).repeat(6, 1)
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / folder).mkdir()
        Image.fromarray(columns.to(torch.uint8).numpy()).convert(mode).save(tmp_path / folder / "0.png")
    layout = MaskFolders(tmp_path, tuple("abcdefgh"))
    return ImageStore(layout, layout.records(), 3, None, "memory")


def test_image_and_mask_are_cropped_alike_and_the_two_domains_apart(striped: ImageStore) -> None:
    pairs = TrainingPairs(striped, striped, Augmentation(crop=(2, 3)), False, 0)
    apart = 0
    for position in range(8):
        sample = pairs[position]
        columns = sample["synthetic"].image[0].long()
        assert columns.shape == (2, 3)
        assert torch.equal(columns, sample["synthetic"].label.as_subclass(Tensor))
        apart += not torch.equal(sample["synthetic"].image, sample["real"])
    assert apart


def test_validation_is_as_long_as_the_longer_side_and_the_shorter_wraps_around(tmp_path: Path) -> None:
    pairs = ValidationPairs(*stores(tmp_path), None)
    assert len(pairs) == 4
    assert [level(pairs[at]["real"]) for at in range(4)] == [100, 101, 102, 100]
    assert [int(pairs[at]["synthetic"].label) for at in range(4)] == [0, 1, 1, 1]
    few = ValidationPairs(*stores(tmp_path / "few", 2, 5), None)
    assert [level(few[at]["synthetic"].image) for at in range(len(few))] == [0, 1, 0, 1, 0]


def test_validation_looks_at_the_middle(striped: ImageStore) -> None:
    sample = ValidationPairs(striped, striped, (2, 4))[0]
    assert sample["synthetic"].label.tolist() == [[2, 3, 4, 5]] * 2
    assert sample["real"].shape == (3, 2, 4)


def test_without_synthetic_labels_the_label_is_empty(tmp_path: Path) -> None:
    _, real = stores(tmp_path)
    assert real.annotation(0) == Annotation()
    assert TrainingPairs(real, real, Augmentation(), False, 0)[0]["synthetic"].label.numel() == 0


def test_each_pass_holds_every_sample_once_in_another_order() -> None:
    order = Shuffled(10, seed=0, domain=SYNTHETIC)
    passes = [[order[position] for position in range(start, start + 10)] for start in (0, 10, 20)]
    assert all(sorted(numbers) == list(range(10)) for numbers in passes)
    assert passes[0] != passes[1] != passes[2]


def test_domains_and_seeds_are_shuffled_independently() -> None:
    def first(seed: int, domain: int) -> list[int]:
        order = Shuffled(50, seed, domain)
        return [order[position] for position in range(50)]

    assert first(0, SYNTHETIC) != first(0, REAL)
    assert first(0, SYNTHETIC) != first(1, SYNTHETIC)


def test_balanced_sampling_draws_every_class_equally_often_and_every_member() -> None:
    classes = [0] * 20 + [1] * 4 + [2] * 2
    order = ClassBalanced(classes, seed=0, domain=SYNTHETIC)
    drawn = [order[position] for position in range(120)]
    assert Counter(classes[number] for number in drawn) == {0: 40, 1: 40, 2: 40}
    assert set(drawn) == set(range(26))


def test_processes_share_out_the_positions_of_a_step() -> None:
    first = list(islice(PositionBatches(2, 0, rank=0, processes=2), 3))
    second = list(islice(PositionBatches(2, 0, rank=1, processes=2), 3))
    assert sorted(chain.from_iterable(first + second)) == list(range(12))
    assert first[0] + second[0] == [0, 1, 2, 3]


def test_draws_differ_by_position() -> None:
    draws = {float(torch.rand((), generator=generator_at(0, SYNTHETIC, position))) for position in range(50)}
    assert len(draws) == 50


def save_halves(path: Path, kind: str, low: int, high: int, seed: int) -> None:
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
        save_halves(tmp_path / "synthetic" / kind / f"{number}.png", kind, 10, 60, number)
    for number in range(16):
        kind = "top" if number < 5 else "left"
        save_halves(tmp_path / "real" / f"{kind}-{number}.png", kind, 120, 220, 100 + number)
    return tmp_path


def matched_pairs(
    folder: Path, matching: str | None, seed: int = 0, crop: tuple[int, int] | None = None
) -> TrainingPairs:
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
    assert agreements(matched_pairs(folders, None)) < 0.7
    assert agreements(matched_pairs(folders, "thumbnail")) == 1
    drawn = [kind_of(matched_pairs(folders, "thumbnail")[position]["real"]) for position in range(64)]
    assert Counter(drawn)["top"] == 32  # of sixteen real images five are such


def test_whole_images_are_matched_with_several_others(folders: Path) -> None:
    drawn = matched_pairs(folders, "thumbnail")
    assert drawn.matches is not None
    for near in drawn.matches.nearest // CROPS:
        assert len(set(near.tolist())) == NEIGHBORS


def test_every_synthetic_image_comes_with_its_own_label_and_in_several_crops(folders: Path) -> None:
    drawn = matched_pairs(folders, "thumbnail", crop=(16, 16))
    crops: dict[str, set[bytes]] = {}
    for position in range(8 * 40):
        sample = drawn[position]["synthetic"]
        assert drawn.synthetic.layout.label_space.names[int(sample.label)] == str(sample.key).partition("/")[0]
        crops.setdefault(str(sample.key), set()).add(sample.image.numpy().tobytes())
    assert len(crops) == 8
    assert all(4 < len(found) <= CROPS for found in crops.values())


def test_pairs_follow_from_the_seed_alone(folders: Path) -> None:
    first, again, other = (matched_pairs(folders, "thumbnail", seed, crop=(16, 16)) for seed in (0, 0, 1))
    for position in (0, 7, 100):
        assert torch.equal(first[position]["real"], again[position]["real"])
    assert not all(torch.equal(first[position]["real"], other[position]["real"]) for position in range(8))


def test_features_that_are_not_there_are_named(folders: Path) -> None:
    with pytest.raises(InputError, match=r"data\.matching is colors; expected thumbnail, "):
        UnpairedImages(folders / "synthetic", folders / "real", matching="colors")


def test_a_method_trains_on_matched_crops_and_a_run_keeps_how_they_are_matched(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["--data.synthetic", str(folders / "synthetic"), "--data.real", str(folders / "real")]
    place = ["--trainer.default-root-dir", str(folders), "--run", "run", "--device", "cpu"]
    warm = ["--model.refiner-warmup-steps", "1", "--model.discriminator-warmup-steps", "0"]
    flags = ["fit", "-c", "simgan", *warm, "--data.channels", "1", *sides, *place]
    assert main([*flags, "--steps", "3", "--data.matching", "thumbnail"]) == 0
    assert "matching: thumbnail" in (folders / "run" / "config.yaml").read_text()
    assert main([*flags, "--steps", "6", "--resume"]) == 2
    assert "trained with data.matching=thumbnail, not None" in capsys.readouterr().err
