import pytest
import torch

from refine.networks.patch_projection import PatchProjection, draw_locations


def layers(size: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, 3, 6, 5, generator=generator), torch.randn(size, 8, 2, 2, generator=generator)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_layer_gives_vectors_of_norm_one() -> None:
    found = PatchProjection([3, 8], features=16)(layers(), draw_locations(layers(), 7, seeded()))
    assert [tuple(vectors.shape) for vectors in found] == [(2, 7, 16), (2, 4, 16)]
    for vectors in found:
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(vectors.shape[:2]))


def test_a_vector_depends_on_its_own_location_alone() -> None:
    project = PatchProjection([3], features=16)
    image = layers()[0]
    places = torch.tensor([0, 7, 29])
    before = project([image], [places])[0]
    image[:, :, 1, 2] += 1.0  # row 1 of width 5: number 7
    moved = (project([image], [places])[0] - before).abs().amax(dim=(0, 2))
    assert moved[1] > 1e-4
    assert moved[[0, 2]].max() == 0


def test_no_location_is_drawn_twice_and_all_are_within_the_layer() -> None:
    for places, count in zip(draw_locations(layers(), 7, seeded()), (7, 4), strict=True):
        assert len(set(places.tolist())) == count
    assert set(draw_locations(layers(), 256, seeded())[0].tolist()) == set(range(30))


def test_the_generator_alone_decides_the_locations() -> None:
    first, again, other = (draw_locations(layers(), 7, seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_autocast_changes_nothing() -> None:
    project = PatchProjection([3], features=16)
    wanted = project(layers()[:1], [torch.arange(30)])[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = project(layers()[:1], [torch.arange(30)])[0]
        half = project([layers()[0].bfloat16()], [torch.arange(30)])[0]
    assert torch.equal(found, wanted)
    assert half.dtype == torch.float32


def test_weights_start_small_and_biases_at_zero() -> None:
    weights = dict(PatchProjection([256], features=256).named_parameters())
    assert float(weights["heads.0.2.weight"].detach().std()) == pytest.approx(0.02 / 16, rel=0.05)
    assert float(weights["heads.0.2.bias"].abs().max()) == 0


def test_a_layer_without_a_head_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        PatchProjection([3])(layers(), draw_locations(layers(), 7, seeded()))
