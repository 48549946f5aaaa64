"""How much of the bare network's speed `refine apply` keeps: images/s of both in one run, as a ratio.

    python scripts/bench_apply.py [--images 48] [--size 256] [--batch-size 4] [--rounds 3]

The bare network is the same refiner on the same tensors, already decoded and batched, nothing written. Rounds
alternate, so that a machine that drifts slows both.
"""

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from refine import SimGAN, apply_checkpoint
from refine.data.images import batches, list_images
from refine.interop.bundle import write_bundle


def main() -> None:
    """Print a line for each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(0)
    method = SimGAN(channels=3).eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_bundle(method, folder / "bundle")
        make_images(folder / "in", args.images, args.size)
        images = list(batches(list_images(folder / "in"), 3, None, args.batch_size))
        method.to(device)
        bare_network(method, images[:1], device)  # warm up
        rates: dict[str, list[float]] = {"network": [], "apply": []}
        for number in range(args.rounds):
            rates["network"].append(args.images / bare_network(method, images, device))
            started = time.perf_counter()
            output = folder / f"out-{number}"
            apply_checkpoint(folder / "bundle", folder / "in", output, batch_size=args.batch_size)
            rates["apply"].append(args.images / (time.perf_counter() - started))
            shown = ", ".join(f"{name} {values[-1]:.2f} images/s" for name, values in rates.items())
            print(f"round {number + 1}: {shown}, ratio {rates['apply'][-1] / rates['network'][-1]:.2f}", flush=True)
    ratios = [a / n for a, n in zip(rates["apply"], rates["network"], strict=True)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"SimGAN refiner, {args.size}x{args.size} RGB to PNG, {device}, {torch.get_num_threads()} threads: "
        f"apply reaches {statistics.median(ratios):.0%} of the bare network "
        f"(median of {args.rounds}); peak memory {peak:.0f} MiB"
    )


def make_images(folder: Path, count: int, size: int) -> None:
    """Pictures with the redundancy of photographs: smooth shapes with some noise."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        noisy = np.asarray(coarse, np.int16) + rng.integers(-4, 5, (size, size, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:05d}.png")


def bare_network(method: SimGAN, images: list[torch.Tensor], device: torch.device) -> float:
    """Seconds for every batch through the network alone."""
    started = time.perf_counter()
    with torch.inference_mode():
        for batch in images:
            method(batch.to(device))
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
