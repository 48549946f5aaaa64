"""What training through `refine` costs beside a plain loop over the same networks: steps/s of both, as a ratio.

    python scripts/bench_train.py [--steps 30] [--size 64] [--batch-size 4] [--rounds 3]

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
from torch import Tensor, nn

from refine import CycleGAN, SimGAN, UnpairedImages
from refine.methods.simgan import PAPER_PIXELS
from refine.training.stopping import StopAfterSteps

Method = CycleGAN | SimGAN

WARM_UP = 4
"""Steps that are not counted."""


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    makers: dict[str, Callable[[], Method]] = {
        "SimGAN": lambda: SimGAN(
            channels=3, refiner_warmup_steps=0, discriminator_warmup_steps=0, steps=args.steps + WARM_UP
        ),
        "CycleGAN": lambda: CycleGAN(features=32, blocks=6, steps=args.steps + WARM_UP),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("synthetic", "real"):
            make_images(folder / name, 32, args.size)
        for name, make in makers.items():
            ratios = []
            for number in range(args.rounds):
                plain = args.steps / plain_loop(make(), args.steps, args.batch_size, args.size)
                ours = args.steps / fit(make(), folder, args.batch_size)
                ratios.append(plain / ours)
                print(f"{name}, round {number + 1}: plain {plain:.2f} steps/s, fit {ours:.2f} steps/s", flush=True)
            time_ratio = statistics.median(ratios)
            print(
                f"{name}, {args.size}x{args.size}, batch {args.batch_size}, {torch.get_num_threads()} threads: "
                f"a step takes {time_ratio:.2f} x the plain loop's time; "
                f"{min(1.0, 1 / time_ratio):.0%} of it is spent in the networks"
            )


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
        self.seconds = time.perf_counter() - self._started


def plain_loop(method: Method, steps: int, batch_size: int, size: int) -> float:
    """Seconds of the same steps on the same networks, without any of our training code around them."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    method.to(device)
    synthetic, real = (torch.rand(batch_size, 3, size, size, device=device) * 2 - 1 for _ in range(2))
    step = simgan_step(method) if isinstance(method, SimGAN) else cyclegan_step(method)
    for number in range(steps + WARM_UP):
        if number == WARM_UP:
            started = time.perf_counter()
        step(number, synthetic, real)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


Step = Callable[[int, Tensor, Tensor], None]


def simgan_step(method: SimGAN) -> Step:
    """Both players' updates, written out."""
    optimizers = [torch.optim.SGD(network.parameters(), 1e-3) for network in (method.refiner, method.discriminator)]

    def step(number: int, synthetic: Tensor, real: Tensor) -> None:
        refining = method.player(number) == "refiner"
        freeze(method.discriminator, refining)
        if refining:
            refined = method.refiner(synthetic)
            similarity = (refined - synthetic).abs().mean() * PAPER_PIXELS
            loss = method.adversarial.refiner(method.discriminator(refined)).mean() + 0.1 * similarity
        else:
            with torch.no_grad():
                refined = method.refiner(synthetic)
            on_real, on_refined = method.discriminator(torch.cat([real, refined])).chunk(2)
            loss = method.adversarial.discriminator(on_real, on_refined).mean()
        descend(optimizers[0 if refining else 1], loss)

    return step


def cyclegan_step(method: CycleGAN) -> Step:
    """Both players' updates, written out."""
    forth, back = method.synthetic_to_real, method.real_to_synthetic
    judges = [method.real_discriminator, method.synthetic_discriminator]
    generators = torch.optim.Adam([*forth.parameters(), *back.parameters()], 2e-4, (0.5, 0.999))
    discriminators = torch.optim.Adam([weight for judge in judges for weight in judge.parameters()], 2e-4, (0.5, 0.999))

    def step(number: int, synthetic: Tensor, real: Tensor) -> None:
        for judge in judges:
            freeze(judge, True)
        refined, simulated = forth(synthetic), back(real)
        loss = (judges[0](refined) - 1).square().mean() + (judges[1](simulated) - 1).square().mean()
        loss = loss + 10 * ((back(refined) - synthetic).abs().mean() + (forth(simulated) - real).abs().mean())
        loss = loss + 5 * ((forth(real) - real).abs().mean() + (back(synthetic) - synthetic).abs().mean())
        descend(generators, loss)
        for judge in judges:
            freeze(judge, False)
        loss = torch.zeros((), device=real.device)
        for judge, good, bad in ((judges[0], real, refined.detach()), (judges[1], synthetic, simulated.detach())):
            loss = loss + 0.5 * ((judge(good) - 1).square().mean() + judge(bad).square().mean())
        descend(discriminators, loss)

    return step


def freeze(network: nn.Module, frozen: bool) -> None:
    """Whether its weights get gradients."""
    network.requires_grad_(not frozen)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    optimizer.step()


if __name__ == "__main__":
    main()
