"""One training step of each method, written out in plain torch: what `bench_train.py` measures against."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from refine import CUT, CycleGAN, SimGAN
from refine.losses.patch_nce import patch_nce
from refine.methods.simgan import PAPER_PIXELS
from refine.networks.patch_projection import draw_locations

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


def cut_step(method: CUT) -> Step:
    """Both players' updates, written out."""
    forth, judge, heads = method.synthetic_to_real, method.real_discriminator, method.projection
    generators = torch.optim.Adam([*forth.parameters(), *heads.parameters()], 2e-4, (0.5, 0.999))
    discriminators = torch.optim.Adam(judge.parameters(), 2e-4, (0.5, 0.999))
    draws = torch.Generator()

    def step(number: int, synthetic: Tensor, real: Tensor) -> None:
        freeze(judge, True)
        outputs, keys = forth.forward_with_features(torch.cat([synthetic, real]), method.nce_layers)
        refined = outputs[: len(synthetic)]
        shown = forth.encode(outputs, method.nce_layers)
        places = draw_locations(shown, method.locations, draws)
        with torch.no_grad():
            wanted = heads(keys, places)
        contrasts = [patch_nce(query, key).mean() for query, key in zip(heads(shown, places), wanted, strict=True)]
        loss = (judge(refined) - 1).square().mean() + 2 * torch.stack(contrasts).mean()
        descend(generators, loss)
        freeze(judge, False)
        loss = 0.5 * ((judge(real) - 1).square().mean() + judge(refined.detach()).square().mean())
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
