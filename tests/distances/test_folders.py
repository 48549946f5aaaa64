from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import refine.distances.folders
from refine.distances.features import FeatureSet, gather, set_distances
from refine.distances.folders import FolderFeatures, folder_features, scan
from refine.errors import InputError
from refine.metrics.frechet import frechet
from refine.metrics.kernel import kernel
from refine.metrics.sliced_wasserstein import draw_places


def save(path: Path, level: int, size: tuple[int, int] = (20, 18), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).convert(mode).save(path)


def test_scan_counts_formats_finds_color_and_the_median_size(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "a" / f"{number}.png", 9, (20, 18))
    save(tmp_path / "b" / "x.JPG", 9, (40, 30))
    (tmp_path / "refine-manifest.jsonl").write_text("{}\n")
    folder = scan(tmp_path, 3)
    assert folder.formats == {"jpeg": 1, "png": 2}
    assert folder.median_size() == (18, 20)
    assert not folder.color
    save(tmp_path / "c.png", 9, mode="P")
    assert scan(tmp_path, 3).color


def test_scan_takes_the_images_that_are_meant_by_a_glob_like_that_of_apply(tmp_path: Path) -> None:
    for name in ("0.png", "rgb/0.png", "rgb/day/0.png", "rgb/day/1.png", "masks/0.png"):
        save(tmp_path / name, 9)
    assert scan(tmp_path, 1, "rgb/*.png").keys == ["rgb/0.png"]  # a star stays in its folder
    assert len(scan(tmp_path, 1, "rgb/**/*.png").images) == 3
    with pytest.raises(InputError, match=r"found 1 images that match 'masks/\*', .* at least 2"):
        scan(tmp_path, 2, "masks/*")
    with pytest.raises(InputError, match="expected a pattern relative to the input"):
        scan(tmp_path, 1, "../*.png")


def test_scan_names_a_file_that_is_no_image_and_opens_no_format_that_starts_another_program(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 9)
    (tmp_path / "1.png").write_text("text")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        scan(tmp_path, 1)
    Image.new("RGB", (7, 3)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        scan(tmp_path, 1)


def test_sixteen_bits_of_either_byte_order_are_gray(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (20, 18), bytes(2 * 20 * 18)).save(tmp_path / "big.tif")
    assert not scan(tmp_path, 1).color


class Levels:
    """Gives the mean gray level of each image, 0 … 255."""

    name, sha256, resize, input_range = "levels", None, "none", "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        return (images.mean(dim=(1, 2, 3), keepdim=True).flatten(1) + 1) * 127.5


class Broken(Levels):
    def __call__(self, images: Tensor) -> Tensor:
        return super().__call__(images) * torch.nan


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


PLACES = draw_places((18, 20), torch.Generator().manual_seed(0), 5)


def read(
    folder: Path,
    seed: int = 0,
    batch_size: int = 3,
    extractor: Levels | None = None,
    half: int = 2,
    keep: bool = True,
    moments: bool = True,
    clusters: Tensor | None = None,
) -> FolderFeatures:
    return folder_features(
        scan(folder, 2),
        channels=1,
        size=(18, 20),
        extractors=[extractor or Levels()],
        half=half,
        keep=keep,
        moments=moments,
        clusters=clusters,
        places=PLACES,
        seed=seed,
        batch_size=batch_size,
        device="cpu",
        advance=lambda done: None,
    )


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    for number in range(10):
        save(tmp_path / f"{number}.png", 20 * number)
    return tmp_path


def levels_of_patches(found: FeatureSet) -> Tensor:
    return (found.descriptors[0].mean(dim=(1, 2, 3)) + 1) * 127.5


def test_every_image_is_read_once_in_an_order_that_depends_on_the_seed_alone(ten: Path) -> None:
    found = read(ten).whole
    levels = found.features[0].flatten().round().int().tolist()
    assert found.images == 10
    assert sorted(levels) == list(range(0, 200, 20)) != levels
    torch.testing.assert_close(levels_of_patches(found), found.features[0].flatten())
    torch.testing.assert_close(read(ten, batch_size=10).whole.descriptors, found.descriptors)
    assert not torch.equal(read(ten, seed=1).whole.features[0], found.features[0])


def test_patches_of_a_bounded_number_of_images_are_kept(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refine.distances.folders, "MOST_DESCRIBED", 5)
    found = read(ten, half=5)
    assert len(found.whole.features[0]) == found.whole.images == 10
    patches = [levels_of_patches(part) for part in (found.whole, *found.halves)]
    assert [len(part) for part in patches] == [5, 2, 2]
    torch.testing.assert_close(patches[0][:4], torch.cat(patches[1:]))  # no image is in both halves


def test_features_that_are_not_numbers_stop_it(ten: Path) -> None:
    with pytest.raises(InputError, match=rf"{ten}: features 'levels' are NaN or infinite"):
        read(ten, extractor=Broken())


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_halves_are_disjoint_slices_of_the_whole(ten: Path, batch_size: int) -> None:
    found = read(ten, half=4, batch_size=batch_size, clusters=torch.arange(10) // 2)
    for part, places in ((found.whole, slice(0, 10)), (found.halves[0], slice(0, 4)), (found.halves[1], slice(4, 8))):
        levels = found.whole.features[0][places]
        assert torch.equal(part.features[0], levels)
        assert part.clusters is not None
        assert part.clusters.tolist() == [round(level / 20) // 2 for level in levels.flatten().tolist()]
        assert part.moments[0].count == part.images == len(levels)
        torch.testing.assert_close(part.moments[0].mean(), levels.double().mean(dim=0))
        torch.testing.assert_close(part.moments[0].covariance(), levels.double().var(dim=0)[None])


def test_a_second_half_may_be_smaller_where_the_folder_is(ten: Path) -> None:
    halves = read(ten, half=7).halves
    assert [part.images for part in halves] == [7, 3]
    assert [part.moments[0].count for part in halves] == [7, 3]


def test_only_what_is_needed_is_kept(ten: Path) -> None:
    streamed, kept = read(ten, keep=False), read(ten, moments=False)
    for part in (streamed.whole, *streamed.halves):
        assert (part.features, len(part.moments), part.dimensions) == ([], 1, [1])
    for part in (kept.whole, *kept.halves):
        assert (len(part.features), len(part.moments), part.dimensions) == (1, 0, [1])
    assert kept.whole.clusters is not None
    assert kept.whole.clusters.sort().values.tolist() == list(range(10))  # each image is its own


def test_a_network_that_resizes_is_given_the_files_images_one_at_a_time(tmp_path: Path) -> None:
    sizes = [(20, 18), (40, 10), (7, 9), (300, 200)]
    for number, size in enumerate(sizes):
        save(tmp_path / f"{number}.png", 20 * number, size)
    extractor = Sized()
    found = read(tmp_path, batch_size=3, extractor=extractor).whole
    assert sorted(extractor.native) == sorted((1, 1, height, width) for width, height in sizes)
    assert sorted(found.features[0].flatten().round().tolist()) == [0, 20, 40, 60]
    assert [level.shape[0] for level in found.descriptors] == [4]  # patches are of one common size


def test_sets_are_gathered_in_batches_and_compared_by_name() -> None:
    images = torch.rand(9, 1, 18, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = gather(torch.split(images, 4), [Levels()], PLACES, most_described=7)
    assert (found.images, len(found.descriptors[0]), len(found.features[0])) == (9, 7, 9)
    part = found.part(torch.tensor([8, 2, 0]))
    assert (part.images, part.features[0].tolist()) == (3, found.features[0][[8, 2, 0]].tolist())
    assert torch.equal(part.descriptors[0], found.descriptors[0][[2, 0]])  # the last image's were not kept
    one, other = found.random_halves(0)
    assert (one.images, other.images) == (4, 4)
    assert len({float(level) for half in (one, other) for level in half.features[0]}) == 8
    distances = set_distances(one, other, [Levels()], seed=0)
    assert list(distances) == ["swd", "kid[levels]", "fid[levels]"]
    assert distances["kid[levels]"] == kernel(one.features[0], other.features[0])
    assert distances["fid[levels]"] == frechet(one.features[0], other.features[0])
    assert set_distances(one, one, [Levels()], seed=0)["swd"] == 0
