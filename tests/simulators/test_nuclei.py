from dataclasses import replace

import numpy as np
import pytest

from refine.errors import InputError
from refine.simulators.nuclei import SIDE, NucleiImage, NucleiParameters, draw_nuclei, sample_nuclei

PLAIN = NucleiImage(
    count=12.0,
    radius=8.0,
    spread=0.0,
    elongation=1.0,
    clustering=0.0,
    brightness=150.0,
    contrast=0.0,
    ground=10.0,
    texture=0.0,
    grain=1.0,
    blur=0.0,
    noise=0.0,
    own_seed=3,
)


def test_an_image_is_a_pure_function_of_seed_and_index() -> None:
    first, second = (draw_nuclei(sample_nuclei(7, 1, NucleiParameters())) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], draw_nuclei(sample_nuclei(8, 1, NucleiParameters()))[0])


def test_the_mask_is_where_the_nuclei_are_and_numbers_each() -> None:
    levels, ids = draw_nuclei(PLAIN)
    assert levels.shape == ids.shape == (SIDE, SIDE)
    assert (str(levels.dtype), str(ids.dtype)) == ("uint8", "uint16")
    assert np.array_equal(levels == 150, ids > 0)
    assert (levels[ids == 0] == 10).all()
    assert 1 < len(np.unique(ids)) - 1 <= 12
    areas = np.bincount(ids.ravel())[1:]
    assert areas.max() == pytest.approx(np.pi * 8**2, rel=0.05)


def test_blur_texture_and_noise_leave_the_labels_as_they_are() -> None:
    _, ids = draw_nuclei(PLAIN)
    changed = (replace(PLAIN, blur=2.0), replace(PLAIN, texture=0.3, grain=2.0), replace(PLAIN, noise=5.0))
    for image in changed:
        levels, others = draw_nuclei(image)
        assert np.array_equal(ids, others)
        assert levels[ids > 0].mean() > levels[ids == 0].mean() + 50


def test_clusters_touch() -> None:
    def edges(image: NucleiImage) -> int:
        """Pixels next to one of another nucleus."""
        _, ids = draw_nuclei(image)
        left, right = ids[:, :-1], ids[:, 1:]
        return int(((left > 0) & (right > 0) & (left != right)).sum())

    apart, together = (
        sum(edges(replace(PLAIN, clustering=share, own_seed=s)) for s in range(5)) for share in (0.0, 1.0)
    )
    assert together > 3 * apart


def test_faint_nuclei_are_refused() -> None:
    with pytest.raises(InputError, match="at least 8 levels between the two ranges, found 5"):
        NucleiParameters(brightness=(25.0, 200.0), ground=(0.0, 20.0))
