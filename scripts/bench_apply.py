"""How much of the bare network's speed `refine apply` keeps: images/s of both in one run, as a ratio.

    python scripts/bench_apply.py [--images 48] [--size 256] [--batch-size 4] [--rounds 3]

The bare network is the same refiner on the same tensors, already decoded and batched, nothing written. Rounds
alternate, so that a machine that drifts slows both. Peak memory is that of a process which does nothing but apply,
with N images and with 4N: it should not grow with the dataset. The same process times its calls to the network.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from refine import SimGAN, apply_checkpoint
from refine.data.layouts import ImageFolder
from refine.data.store import image_batches
from refine.interop.bundle import write_bundle
from refine.methods.translator import Translator


def main() -> None:
    """Print a line for each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, metavar="PATH", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        bundle, source, output = map(Path, args.child)
        print(json.dumps(apply_alone(bundle, source, output, args.batch_size)))
        return
    torch.manual_seed(0)
    method = SimGAN(channels=3).eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_bundle(method, folder / "bundle")
        make_images(folder / "in", args.images, args.size)
        images = list(image_batches(layout := ImageFolder(folder / "in"), layout.records(), 3, None, args.batch_size))
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
        for count in (args.images, 4 * args.images):
            source = folder / f"in-{count}"
            make_images(source, count, args.size)
            peak, share = child(folder / "bundle", source, folder / f"out-of-{count}", args.batch_size)
            print(f"{count} images: peak memory {peak:.0f} MiB, {share:.0%} of the time in the network", flush=True)
    ratios = [a / n for a, n in zip(rates["apply"], rates["network"], strict=True)]
    print(
        f"SimGAN refiner, {args.size}x{args.size} RGB to PNG, {device}, {torch.get_num_threads()} threads: "
        f"apply reaches {statistics.median(ratios):.0%} of the bare network "
        f"(median of {args.rounds})"
    )


def child(bundle: Path, source: Path, output: Path, batch_size: int) -> tuple[float, float]:
    """`apply_alone` in a process of its own."""
    words = ["--batch-size", str(batch_size), "--child", str(bundle), str(source), str(output)]
    done = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, check=True, text=True)
    peak, share = json.loads(done.stdout.splitlines()[-1])
    return peak, share


def apply_alone(bundle: Path, source: Path, output: Path, batch_size: int) -> tuple[float, float]:
    """Peak memory of this process in MiB (Linux), and the share of apply's time that its network took."""
    inside = 0.0
    refine = Translator.refine

    def timed(self: Translator, images: torch.Tensor) -> torch.Tensor:
        nonlocal inside
        started = time.perf_counter()
        refined = refine(self, images)
        if refined.is_cuda:
            torch.cuda.synchronize()
        inside += time.perf_counter() - started
        return refined

    Translator.refine = timed  # type: ignore[method-assign, assignment]  # to measure it from outside
    started = time.perf_counter()
    apply_checkpoint(bundle, source, output, batch_size=batch_size)
    share = inside / (time.perf_counter() - started)
    # Not getrusage: a child's ru_maxrss begins at that of the process which started it.
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return peak / 1024, share


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
