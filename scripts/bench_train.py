"""What training through `refine` costs beside a plain loop over the same networks: steps/s of both, as a ratio.

    python scripts/bench_train.py [--steps 30] [--size 64] [--batch-size 4] [--rounds 3]
    python scripts/bench_train.py --flops

The plain loop runs the method's own update on one batch that is already in memory: no Lightning, no reading, no
augmentation, no logging. Rounds alternate, so that a machine that drifts slows both.
"""

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from bench_apply import make_images
from lightning.pytorch import Trainer
from plain_steps import cut_step, cyclegan_step, simgan_step
from torch.utils.flop_counter import FlopCounterMode

from refine import CUT, CycleGAN, SimGAN, UnpairedImages
from refine.training.steps import StopAfterSteps

Method = CycleGAN | SimGAN | CUT

WARM_UP = 4
"""Steps that are not counted."""


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flops", action="store_true", help="count operations of the published networks instead")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    if args.flops:
        print_operations()
    else:
        print_times(args.steps, args.size, args.batch_size, args.rounds)


def print_times(steps: int, size: int, batch_size: int, rounds: int) -> None:
    """Ratios of the times of a step."""
    makers: dict[str, Callable[[], Method]] = {
        "SimGAN": lambda: SimGAN(
            channels=3, refiner_warmup_steps=0, discriminator_warmup_steps=0, steps=steps + WARM_UP
        ),
        "CycleGAN": lambda: CycleGAN(features=32, blocks=6, steps=steps + WARM_UP),
        "CUT": lambda: CUT(features=32, blocks=6, steps=steps + WARM_UP),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("synthetic", "real"):
            make_images(folder / name, 32, size)
        for name, make in makers.items():
            ratios = []
            for number in range(rounds):
                plain = steps / plain_loop(make(), steps, batch_size, size)
                ours = steps / fit(make(), folder, batch_size)
                ratios.append(plain / ours)
                print(f"{name}, round {number + 1}: plain {plain:.2f} steps/s, fit {ours:.2f} steps/s", flush=True)
            time_ratio = statistics.median(ratios)
            print(
                f"{name}, {size}x{size}, batch {batch_size}, {torch.get_num_threads()} threads: "
                f"a step takes {time_ratio:.2f} x the plain loop's time; "
                f"{min(1.0, 1 / time_ratio):.0%} of it is spent in the networks"
            )


def print_operations() -> None:
    """Floating-point operations of one step of the published networks at 256x256, batch 1."""
    makers: dict[str, Callable[[], Method]] = {
        "CycleGAN with identity loss": lambda: CycleGAN(steps=1),
        "CycleGAN without identity loss": lambda: CycleGAN(identity_weight=0.0, steps=1),
        "CUT": lambda: CUT(steps=1),
        "FastCUT, a step that is not mirrored": lambda: CUT(nce_weight=10.0, identity_nce_weight=0.0, steps=1),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("synthetic", "real"):
            make_images(folder / name, 2, 256)
        for name, make in makers.items():
            with FlopCounterMode(display=False) as counter:
                fit(make(), folder, batch_size=1)
            print(f"{name}, 256x256, batch 1: {counter.get_total_flops() / 1e9:.0f} GFLOP a step", flush=True)


def fit(method: Method, folder: Path, batch_size: int) -> float:
    """Seconds of the steps of a fit, its start not counted."""
    data = UnpairedImages(folder / "synthetic", folder / "real", layout="images", batch_size=batch_size, shift=2)
    clock = Clock()
    trainer = Trainer(
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        limit_val_batches=0,
        callbacks=[StopAfterSteps(), clock],
    )
    trainer.fit(method, datamodule=data)
    return clock.seconds


class Clock(StopAfterSteps):
    """Measures from the first step to the last."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: object, batch: object, batch_idx: int) -> None:
        """Start after the first steps, which are slower everywhere."""
        if batch_idx == WARM_UP:
            self._started = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: object) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - getattr(self, "_started", time.perf_counter())


def plain_loop(method: Method, steps: int, batch_size: int, size: int) -> float:
    """Seconds of the same steps on the same networks, without any of our training code around them."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    method.to(device)
    synthetic, real = (torch.rand(batch_size, 3, size, size, device=device) * 2 - 1 for _ in range(2))
    if isinstance(method, SimGAN):
        step = simgan_step(method)
    else:
        step = cyclegan_step(method) if isinstance(method, CycleGAN) else cut_step(method)
    for number in range(steps + WARM_UP):
        if number == WARM_UP:
            started = time.perf_counter()
        step(number, synthetic, real)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
