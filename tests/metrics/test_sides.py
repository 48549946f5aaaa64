from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import refine.metrics.sides
from refine.errors import InputError
from refine.metrics.folders import scan
from refine.metrics.patches import draw_places
from refine.metrics.sides import Side, read_side


class Levels:
    """Gives the mean gray level of each image, 0 … 255."""

    name, sha256, resize, input_range = "levels", None, "none", "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        return (images.mean(dim=(1, 2, 3), keepdim=True).flatten(1) + 1) * 127.5


class Broken(Levels):
    def __call__(self, images: Tensor) -> Tensor:
        return super().__call__(images) * torch.nan


def save(path: Path, level: int, size: tuple[int, int] = (20, 18), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).convert(mode).save(path)


def read(
    folder: Path,
    seed: int = 0,
    batch_size: int = 3,
    extractor: Levels | None = None,
    half: int = 2,
    keep: bool = True,
    moments: bool = True,
    clusters: Tensor | None = None,
) -> Side:
    return read_side(
        scan(folder, 2),
        channels=1,
        size=(18, 20),
        extractors=[extractor or Levels()],
        half=half,
        keep=keep,
        moments=moments,
        clusters=clusters,
        places=draw_places((18, 20), torch.Generator().manual_seed(0), 5),
        seed=seed,
        batch_size=batch_size,
        device="cpu",
        advance=lambda done: None,
    )


def test_every_image_is_read_once_in_an_order_that_depends_on_the_seed_alone(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png", 20 * number)
    side = read(tmp_path).whole
    levels = side.features[0].flatten().round().int().tolist()
    assert side.images == 10
    assert sorted(levels) == list(range(0, 200, 20)) != levels
    patches = (side.descriptors[0].mean(dim=(1, 2, 3)) + 1) * 127.5
    torch.testing.assert_close(patches, side.features[0].flatten())
    torch.testing.assert_close(read(tmp_path, batch_size=10).whole.descriptors, side.descriptors)
    assert not torch.equal(read(tmp_path, seed=1).whole.features[0], side.features[0])


def test_patches_of_a_bounded_number_of_images_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        save(tmp_path / f"{number}.png", number)
    monkeypatch.setattr(refine.metrics.sides, "MOST_DESCRIBED", 5)
    side = read(tmp_path, half=4)
    assert len(side.whole.descriptors[0]) == 5
    assert len(side.whole.features[0]) == side.whole.images == 8
    patches = [(part.descriptors[0].mean(dim=(1, 2, 3)) + 1) * 127.5 for part in (side.whole, *side.halves)]
    assert [len(part) for part in patches] == [5, 2, 2]
    torch.testing.assert_close(patches[0][:4], torch.cat(patches[1:]))  # no image is in both halves


def test_features_that_are_not_numbers_stop_it(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / f"{number}.png", number)
    with pytest.raises(InputError, match="features 'levels' are NaN or infinite"):
        read(tmp_path, extractor=Broken())


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    for number in range(10):
        save(tmp_path / f"{number}.png", 20 * number)
    return tmp_path


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_halves_are_disjoint_slices_of_the_whole(ten: Path, batch_size: int) -> None:
    side = read(ten, half=4, batch_size=batch_size, clusters=torch.arange(10) // 2)
    for part, places in ((side.whole, slice(0, 10)), (side.halves[0], slice(0, 4)), (side.halves[1], slice(4, 8))):
        levels = side.whole.features[0][places]
        assert part.keys == side.whole.keys[places]
        assert part.clusters.tolist() == [int(Path(key).stem) // 2 for key in part.keys]
        assert torch.equal(part.features[0], levels)
        assert part.moments[0].count == part.images == len(levels)
        torch.testing.assert_close(part.moments[0].mean(), levels.double().mean(dim=0))
        torch.testing.assert_close(part.moments[0].covariance(), levels.double().var(dim=0)[None])
    assert [int(Path(key).stem) * 20 for key in side.whole.keys] == side.whole.features[0].flatten().round().tolist()


def test_a_second_half_may_be_smaller_where_the_folder_is(ten: Path) -> None:
    halves = read(ten, half=7).halves
    assert [part.images for part in halves] == [7, 3]
    assert [part.moments[0].count for part in halves] == [7, 3]


def test_only_what_is_needed_is_kept(ten: Path) -> None:
    streamed, kept = read(ten, keep=False), read(ten, moments=False)
    for part in (streamed.whole, *streamed.halves):
        assert (part.features, len(part.moments), part.dimensions) == ([], 1, [1])
    for part in (kept.whole, *kept.halves):
        assert (len(part.features), part.moments, part.dimensions) == (1, [], [1])
    assert kept.whole.clusters.sort().values.tolist() == list(range(10))  # each image is its own


class Sized(Levels):
    """Brings images to its own size: 4x4."""

    resize = "to 4x4"

    def __init__(self) -> None:
        self.native: list[tuple[int, ...]] = []

    def prepare(self, images: Tensor) -> Tensor:
        self.native.append(tuple(images.shape))
        return torch.nn.functional.adaptive_avg_pool2d(images, (4, 4))

    def embed(self, prepared: Tensor) -> Tensor:
        assert prepared.shape[1:] == (1, 4, 4)
        return super().__call__(prepared)

    def __call__(self, images: Tensor) -> Tensor:
        raise AssertionError("an image was resized before")


def test_a_network_that_resizes_is_given_the_files_images_one_at_a_time(tmp_path: Path) -> None:
    sizes = [(20, 18), (40, 10), (7, 9), (300, 200)]
    for number, size in enumerate(sizes):
        save(tmp_path / f"{number}.png", 20 * number, size)
    extractor = Sized()
    side = read(tmp_path, batch_size=3, extractor=extractor).whole
    assert sorted(extractor.native) == sorted((1, 1, height, width) for width, height in sizes)
    assert sorted(side.features[0].flatten().round().tolist()) == [0, 20, 40, 60]
    assert [level.shape[0] for level in side.descriptors] == [4]  # patches are of one common size
