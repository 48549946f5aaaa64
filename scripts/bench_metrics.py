"""What FID and KID cost: our trace of the matrix root against scipy's, in one run; then whole distances.

python scripts/bench_metrics.py [--dimension 2048] [--images 1000 5000]
"""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from refine.metrics.frechet import FeatureMoments, frechet_of_moments
from refine.metrics.kernel import kernel, resampled_kernel

Found = TypeVar("Found")


def main() -> None:
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 3000])
    args = parser.parse_args()
    print(f"{args.dimension}-d features, {torch.get_num_threads()} threads")
    for count in args.images:
        compare(count, args.dimension)


def compare(count: int, dimension: int) -> None:
    """FID by us and by scipy's matrix root from the same features, and KID."""
    ours, theirs = features(count, dimension, 0), features(count, dimension, 1)
    moments, adding = timed(lambda: [moments_of(rows) for rows in (ours, theirs)])
    distance, seconds = timed(lambda: frechet_of_moments(*moments))
    covariances = [each.covariance().numpy() for each in moments]
    root, usual = timed(lambda: scipy.linalg.sqrtm(covariances[0] @ covariances[1]))
    shift = float((moments[0].mean() - moments[1].mean()).square().sum())
    expected = shift + sum(float(np.trace(each)) for each in covariances) - 2 * float(np.trace(root).real)
    print(
        f"N = {count}: FID {seconds:.2f} s (sums {adding:.2f} s) against {usual:.2f} s for scipy's sqrtm: "
        f"{usual / seconds:.1f} times as fast; {distance:.6g} against {expected:.6g}"
    )
    _, plain = timed(lambda: kernel(ours, theirs))
    _, spread = timed(lambda: resampled_kernel(ours, theirs))
    print(f"N = {count}: KID {plain:.2f} s, with its interval {spread:.2f} s")


def moments_of(rows: Tensor) -> FeatureMoments:
    """In batches, as they come from a network."""
    found = FeatureMoments(rows.shape[1])
    for batch in torch.split(rows, 32):
        found.update(batch)
    return found


def features(count: int, dimension: int, seed: int) -> Tensor:
    """Float32, positive and correlated, like those of a network."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimension, dimension, generator=torch.Generator().manual_seed(99)) / dimension**0.5
    mixed: Tensor = torch.randn(count, dimension, generator=generator) @ mixing
    return (mixed + 0.3 + 0.1 * seed).relu()


def timed(work: Callable[[], Found]) -> tuple[Found, float]:
    """What it gave and the seconds it took."""
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


if __name__ == "__main__":
    main()
