import statistics

import pytest
import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features import FeatureExtractor
from refine.metrics.kernel import kernel
from refine.metrics.skvd import (
    AlignedDistance,
    AlignedPatches,
    aligned_distance,
    cut_patches,
    describe_patches,
    draw_corners,
    equal_cells,
    label_grids,
    match_patches,
    patch_side,
)
from tests.metrics.scenes import Appearance, scenes

Scenes = tuple[Tensor, Tensor]


def skvd(
    synthetic: Scenes,
    real: Scenes,
    extractor: FeatureExtractor | None = None,
    patches: int = 8,
    seed: int = 0,
    batch_size: int = 16,
) -> AlignedDistance:
    """Of images with maps that are in memory."""
    found = [
        describe_patches(
            zip(torch.split(to_float(images), batch_size), torch.split(maps, batch_size), strict=True),
            len(images),
            [extractor or Appearance()],
            patches,
            seed,
        )
        for images, maps in (synthetic, real)
    ]
    return aligned_distance(found[0], found[1], seed=seed)


def aligned(synthetic: Scenes, real: Scenes, patches: int = 4, seed: int = 0) -> float:
    return skvd(synthetic, real, patches=patches, seed=seed).layers["appearance"]


def plain(synthetic: Tensor, real: Tensor) -> float:
    network = Appearance()
    return float(kernel(network(to_float(synthetic)), network(to_float(real))))


def sides(count: int, dimension: int, seed: int, shift: float = 0.0) -> tuple[AlignedPatches, AlignedPatches]:
    """One patch an image, no two labels alike but the pair's own: matched one to one, in order."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.arange(count, dtype=torch.uint8)[:, None].expand(count, 256)
    a, b = (torch.randn(count, dimension, generator=generator) for _ in range(2))
    first, second = ({"layer": rows} for rows in (a + shift, b))
    return AlignedPatches(first, cells, torch.arange(count)), AlignedPatches(second, cells, torch.arange(count))


@pytest.mark.parametrize("shared", ["none", "synthetic", "real"])
def test_the_distance_is_the_mean_over_pairs_of_matches_that_share_no_image(shared: str) -> None:
    synthetic, real = sides(12, 3, seed=0, shift=0.5)
    image = {"none": torch.arange(12), "synthetic": torch.arange(12) // 3, "real": torch.arange(12) % 5}[shared]
    if shared == "synthetic":
        synthetic = synthetic._replace(images=image)
    if shared == "real":
        real = real._replace(images=image)
    x, y = synthetic.features["layer"].double().numpy(), real.features["layer"].double().numpy()
    terms = [
        (x[i] @ x[j] / 3 + 1) ** 3
        + (y[i] @ y[j] / 3 + 1) ** 3
        - (x[i] @ y[j] / 3 + 1) ** 3
        - (x[j] @ y[i] / 3 + 1) ** 3
        for i in range(12)
        for j in range(12)
        if image[i] != image[j]
    ]
    found = aligned_distance(synthetic, real)
    assert found.layers["layer"] == pytest.approx(statistics.fmean(terms))
    assert (found.patches, found.matched, found.used, found.agreement) == (12, 12, 12, 1.0)


def test_the_distance_of_shifted_normals_is_the_closed_form() -> None:
    # E (x·y + 1)³ in one dimension, independent x ~ N(m, 1) and y ~ N(n, 1): 1 + 3mn + 3(m²+1)(n²+1) + (m³+3m)(n³+3n)
    def moment(m: float, n: float) -> float:
        return 1 + 3 * m * n + 3 * (m * m + 1) * (n * n + 1) + (m**3 + 3 * m) * (n**3 + 3 * n)

    expected = moment(0.8, 0.8) + moment(0, 0) - 2 * moment(0.8, 0)
    found = [aligned_distance(*sides(200, 1, seed, 0.8)).layers["layer"] for seed in range(20)]
    error = statistics.stdev(found) / 20**0.5
    assert abs(statistics.fmean(found) - expected) < 3 * error


def test_images_of_one_distribution_have_no_distance_in_the_mean_however_many_patches_an_image_gives() -> None:
    found = [aligned(scenes(16, 0.3, seed), scenes(16, 0.3, 100 + seed), patches=8) for seed in range(25)]
    # patches of one image are alike in light: counted as pairs of the domain they would make this 0.05
    assert abs(statistics.fmean(found)) < 3 * statistics.stdev(found) / 25**0.5
    assert abs(statistics.fmean(found)) < 0.02


def test_another_layout_moves_the_plain_distance_and_hardly_the_aligned_one() -> None:
    real = scenes(60, 0.3, seed=1)
    more_sky = scenes(60, 0.7, seed=2)
    assert plain(more_sky[0], real[0]) > 1
    assert abs(aligned(more_sky, real)) < 0.1


def test_another_appearance_moves_both() -> None:
    real = scenes(60, 0.3, seed=1)
    brighter = scenes(60, 0.3, seed=2, brightness=25)
    assert plain(brighter[0], real[0]) > 0.25
    assert aligned(brighter, real) > 0.25


def test_patches_without_a_match_are_left_out_and_counted() -> None:
    images, maps = scenes(12, 0.5, seed=0)
    other = maps.clone()
    other[:6] = 9  # nothing of the real side
    found = skvd((images, other), (images, maps), patches=2)
    assert (found.patches, found.matched) == (24, 12)


def test_every_layer_has_a_distance_of_its_own() -> None:
    class Layered(Appearance):
        def layers(self, images: Tensor) -> dict[str, Tensor]:
            found = self(images)
            return {"appearance-mean": found[:, :3], "appearance-spread": found[:, 3:]}

    synthetic, real = scenes(20, 0.3, seed=1, brightness=25), scenes(20, 0.3, seed=2)
    layers = skvd(synthetic, real, Layered()).layers
    assert list(layers) == ["appearance-mean", "appearance-spread"]
    assert layers["appearance-mean"] > 10 * abs(layers["appearance-spread"])


def test_the_same_seed_gives_the_same_figure_whatever_the_batch() -> None:
    synthetic, real = scenes(12, 0.4, seed=1), scenes(12, 0.3, seed=2)
    one, other = (skvd(synthetic, real, batch_size=size).layers["appearance"] for size in (5, 12))
    assert one == pytest.approx(other, abs=1e-6)
    assert aligned(synthetic, real, seed=3) != aligned(synthetic, real, seed=4)


def test_domains_without_a_common_class_are_one_clear_error() -> None:
    images, maps = scenes(4, 0.5, seed=0)
    with pytest.raises(InputError, match=r"of 32 patches none .* 50% of its cells; are the classes"):
        skvd((images, maps + 20), (images, maps))


def test_matches_of_a_single_image_are_one_clear_error() -> None:
    images, maps = scenes(1, 0.5, seed=0)
    with pytest.raises(InputError, match="all matched patches are from one image"):
        skvd((images, maps), (images, maps))


def test_a_network_that_gives_nan_is_named() -> None:
    class Broken(Appearance):
        name = "broken"

        def __call__(self, images: Tensor) -> Tensor:
            return torch.full((len(images), 2), float("nan"))

    images, maps = scenes(4, 0.5, seed=0)
    with pytest.raises(InputError, match="features 'broken' are NaN"):
        skvd((images, maps), (images, maps), Broken())


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("size", [(48, 48), (64, 128), (480, 360)])
def test_a_patch_is_an_eighth_of_the_image(size: tuple[int, int]) -> None:
    share = patch_side(size) ** 2 / (size[0] * size[1])
    assert 0.11 < share <= 0.125
    assert patch_side((4, 400)) == 4  # it fits into a very long image


def test_corners_reach_every_place_and_stay_inside() -> None:
    corners = draw_corners((20, 12), 400, 3, generator())
    side = patch_side((20, 12))
    assert corners.shape == (400, 3, 2)
    assert corners.amin(dim=(0, 1)).tolist() == [0, 0]
    assert corners.amax(dim=(0, 1)).tolist() == [20 - side, 12 - side]


def test_corners_do_not_depend_on_how_many_images_come_at_once() -> None:
    whole, parts = generator(), generator()
    together = draw_corners((20, 12), 5, 3, whole)
    assert torch.equal(together, torch.cat([draw_corners((20, 12), count, 3, parts) for count in (2, 3)]))


def test_images_and_maps_are_cut_at_the_same_places() -> None:
    maps = torch.arange(2 * 20 * 12).reshape(2, 20, 12)
    corners = draw_corners((20, 12), 2, 3, generator())
    patches, labels = cut_patches(maps[:, None].float(), corners), cut_patches(maps, corners)
    side = patch_side((20, 12))
    assert patches.shape == (6, 1, side, side)
    assert torch.equal(patches[:, 0].long(), labels)
    y, x = corners[1, 2].tolist()
    assert torch.equal(labels[5], maps[1, y : y + side, x : x + side])


def test_a_grid_keeps_ids_as_they_are() -> None:
    maps = torch.zeros(1, 64, 64, dtype=torch.int64)
    maps[:, 32:] = 7
    maps[:, :, 60:] = 255
    cells = label_grids(maps).reshape(16, 16)
    assert torch.unique(cells[:8, :15]).tolist() == [0]
    assert torch.unique(cells[8:, :15]).tolist() == [7]
    assert torch.unique(cells[:, 15]).tolist() == [255]


def test_agreement_counts_cells_of_one_class_and_none_without_a_class() -> None:
    first = torch.tensor([[1, 1, 2, 255], [3, 3, 3, 3]], dtype=torch.uint8)
    second = torch.tensor([[1, 2, 2, 255], [1, 1, 2, 2], [255, 255, 255, 255]], dtype=torch.uint8)
    assert equal_cells(first, second).tolist() == [[2, 3, 0], [0, 0, 0]]


def test_each_patch_is_matched_with_the_one_most_like_it_or_left_out() -> None:
    first = torch.tensor([[1, 1, 2, 2], [4, 4, 4, 4], [5, 5, 6, 1]], dtype=torch.uint8)
    second = torch.tensor([[1, 2, 1, 1], [5, 5, 0, 0], [1, 1, 2, 3]], dtype=torch.uint8)
    found = match_patches(first, second, generator())
    assert found.first.tolist() == [0, 2]
    assert found.second.tolist() == [2, 1]
    assert found.agreement.tolist() == [0.75, 0.5]  # half is enough
    assert match_patches(first, second, generator(), least=0.6).first.tolist() == [0]


def test_equally_good_patches_are_all_used() -> None:
    road = torch.ones(60, 256, dtype=torch.uint8)
    assert len(torch.unique(match_patches(road, road[:10], generator()).second)) == 10


def test_a_better_patch_is_never_lost_to_the_draw() -> None:
    first = torch.zeros(50, 256, dtype=torch.uint8)
    second = torch.zeros(20, 256, dtype=torch.uint8)
    second[:, 0] = 1
    second[7, 0] = 0
    assert torch.unique(match_patches(first, second, generator()).second).tolist() == [7]
