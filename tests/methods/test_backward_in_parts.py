"""CycleGAN descends its generators' loss part by part: the same gradient as of the sum, in less memory."""

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

from refine.data.samples import UnpairedBatch
from refine.methods.cyclegan import CycleGAN
from tests.methods.steps import run_steps
from tests.methods.test_cyclegan import batch, small


def loss_in_one(method: CycleGAN, one: UnpairedBatch) -> Tensor:
    """The generators' loss of the paper, as a sum."""
    synthetic, real = one["synthetic"].image, one["real"]
    forth, back = method.synthetic_to_real, method.real_to_synthetic
    refined, simulated = forth(synthetic), back(real)
    loss = method.adversarial.generator(method.real_discriminator(refined))
    loss = loss + method.adversarial.generator(method.synthetic_discriminator(simulated))
    cycles = (back(refined) - synthetic).abs().mean() + (forth(simulated) - real).abs().mean()
    identities = (forth(real) - real).abs().mean() + (back(synthetic) - synthetic).abs().mean()
    total: Tensor = loss + method.cycle_weight * cycles + method.identity_weight * identities
    return total


class Gradients(Callback):
    """Keeps those of the generators."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if optimizer is trainer.optimizers[0]:
            weights = pl_module.named_parameters()
            self.found = {name: weight.grad.clone() for name, weight in weights if weight.grad is not None}


def test_the_gradient_is_that_of_the_sum() -> None:
    method, gradients = small(), Gradients()
    loss = loss_in_one(method, batch())
    weights = {n: w for n, w in method.named_parameters() if n.startswith(("synthetic_to_real", "real_to_synthetic"))}
    wanted = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
    trainer = run_steps(method, [batch()], [gradients])
    assert gradients.found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(gradients.found[name], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(trainer.callback_metrics["loss/generators"], loss.detach())


class Kept:
    """Bytes of the tensors that autograd keeps for the way back, each storage once."""

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}
        self.now = self.peak = 0

    def pack(self, tensor: Tensor) -> "_Held":
        return _Held(self, tensor.detach())


class _Held:
    def __init__(self, kept: Kept, tensor: Tensor) -> None:
        self.kept, self.tensor = kept, tensor
        self.storage, self.bytes = tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()
        kept.holders[self.storage] = kept.holders.get(self.storage, 0) + 1
        kept.now += self.bytes * (kept.holders[self.storage] == 1)
        kept.peak = max(kept.peak, kept.now)

    def __del__(self) -> None:
        self.kept.holders[self.storage] -= 1
        self.kept.now -= self.bytes * (self.kept.holders[self.storage] == 0)


@pytest.mark.parametrize(("identity", "share"), [(5.0, 0.4), (0.0, 0.6)])
def test_a_step_keeps_a_part_of_what_the_sum_keeps(identity: float, share: float) -> None:
    method, one = small(identity_weight=identity), batch(side=32)
    together, apart = Kept(), Kept()
    with saved_tensors_hooks(together.pack, lambda held: held.tensor):
        loss_in_one(method, one)
    method = small(identity_weight=identity)
    with saved_tensors_hooks(apart.pack, lambda held: held.tensor):
        run_steps(method, [one])
    if identity == 0:  # the function above has the two identity passes, which this step leaves out
        extra = Kept()
        with saved_tensors_hooks(extra.pack, lambda held: held.tensor):
            (method.synthetic_to_real(one["real"]), method.real_to_synthetic(one["real"]))
        together.peak -= extra.peak
    assert apart.peak < share * together.peak
