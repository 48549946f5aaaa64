"""CycleGAN (Zhu et al., ICCV 2017, arXiv 1703.10593)."""

import itertools
from typing import cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from refine.data.samples import UnpairedBatch
from refine.losses.least_squares import LeastSquares, patch_accuracy
from refine.losses.reconstruction import Reconstruction
from refine.methods.base import two_optimizers
from refine.methods.history import HistoryBuffer
from refine.methods.translator import Translator
from refine.networks.initialization import init_normal
from refine.networks.patchgan import PatchGAN
from refine.networks.resnet_generator import DOWNSAMPLINGS, ResnetGenerator


class CycleGAN(Translator):
    """Translators in both directions, held together by cycle consistency: for large appearance gaps.

    Nothing in it knows the labels: look at the pictures and audit the result. Defaults are the paper's.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Width of the generators. Paper: 64.
        blocks: Residual blocks. Paper: 9, or 6 at 128 pixels.
        discriminator_features: Width of the discriminators. Paper: 64.
        discriminator_layers: Strided layers of the PatchGAN. Paper: 3 (70x70 patches).
        cycle_weight: Weight of each direction's cycle loss (mean over pixels). Paper: 10.
        identity_weight: Weight of each direction's identity loss (mean over pixels). Paper: 5 where color
            must stay (half of the cycle weight), else 0; here 5, because labels are safer with it.
        cycle_noise: Standard deviation of noise that is added to translated images before they go back. Paper: 0.
            With it, hidden faint signals cannot carry what the picture lost (Bashkirova et al. 2019,
            arXiv 1908.01517), so that what the cycle needs, such as a lamp's state, stays visible.
        history_size: Images in each history buffer. Paper: 50.
        learning_rate: Adam's, for both players. Paper: 2e-4.
        steps: Training steps: the learning rate is constant for the first half and falls linearly to zero
            in the second, as the paper's 100 + 100 epochs.
        seed: Seeds the draws from the history buffers.
    """

    players = ("generators", "discriminators")
    multiple = 2**DOWNSAMPLINGS
    smallest_side = 16

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        blocks: int = 9,
        discriminator_features: int = 64,
        discriminator_layers: int = 3,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        cycle_noise: float = 0.0,
        history_size: int = 50,
        learning_rate: float = 2e-4,
        steps: int = 200_000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.features = features
        self.blocks = blocks
        self.discriminator_features = discriminator_features
        self.discriminator_layers = discriminator_layers
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.cycle_noise = cycle_noise
        self.history_size = history_size
        self.learning_rate = learning_rate
        self.steps = steps
        self.seed = seed
        self.synthetic_to_real = ResnetGenerator(channels, features, blocks)
        self.real_to_synthetic = ResnetGenerator(channels, features, blocks)
        self.real_discriminator = PatchGAN(channels, discriminator_features, discriminator_layers)
        self.synthetic_discriminator = PatchGAN(channels, discriminator_features, discriminator_layers)
        init_normal(self)
        self.refined_history = HistoryBuffer(history_size)
        self.simulated_history = HistoryBuffer(history_size)
        self.adversarial = LeastSquares()
        self.reconstruction = Reconstruction()

    @property
    def smallest_training_side(self) -> int:
        """The discriminator's last normalized layer needs more than one score."""
        return max(self.smallest_side, 3 << self.discriminator_layers)

    def exported_prefixes(self) -> tuple[str, ...]:
        """One generator is all that refining needs."""
        return ("synthetic_to_real.",)

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1]."""
        refined: Tensor = self.synthetic_to_real(images)
        return refined

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """Update both generators, then both discriminators, on one unpaired batch."""
        generators, discriminators = two_optimizers(self)
        synthetic, real = batch["synthetic"].image, batch["real"]
        refined, simulated = self._update_generators(generators, synthetic, real)
        self._update_discriminators(discriminators, synthetic, real, refined.float(), simulated.float())
        for schedule in cast(list[LambdaLR], self.lr_schedulers()):
            schedule.step()
        self.count_step()

    def _update_generators(
        self, optimizer: LightningOptimizer, synthetic: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        draws = self.generator(synthetic.device)
        with self.toggled_optimizer(optimizer):
            refined, simulated = self.synthetic_to_real(synthetic), self.real_to_synthetic(real)
            adversarial_refined = self.adversarial.generator(self.real_discriminator(refined))
            adversarial_simulated = self.adversarial.generator(self.synthetic_discriminator(simulated))
            cycle_synthetic = self.reconstruction(self.real_to_synthetic(self._noisy(refined, draws)), synthetic)
            cycle_real = self.reconstruction(self.synthetic_to_real(self._noisy(simulated, draws)), real)
            loss = adversarial_refined + adversarial_simulated + self.cycle_weight * (cycle_synthetic + cycle_real)
            if self.identity_weight > 0:
                identity_real = self.reconstruction(self.synthetic_to_real(real), real)
                identity_synthetic = self.reconstruction(self.real_to_synthetic(synthetic), synthetic)
                loss = loss + self.identity_weight * (identity_real + identity_synthetic)
                self.log_dict({"loss/identity_real": identity_real, "loss/identity_synthetic": identity_synthetic})
            self.descend(optimizer, loss)
        self.log_dict(
            {
                "loss/generators": loss,
                "loss/adversarial_refined": adversarial_refined,
                "loss/adversarial_simulated": adversarial_simulated,
                "loss/cycle_synthetic": cycle_synthetic,
                "loss/cycle_real": cycle_real,
                "change/mean_absolute": (refined.detach() - synthetic).abs().mean(),
            }
        )
        return refined.detach(), simulated.detach()

    def _noisy(self, translated: Tensor, generator: torch.Generator) -> Tensor:
        if self.cycle_noise == 0:
            return translated
        noise = torch.randn(translated.shape, generator=generator, device=translated.device)
        return translated + self.cycle_noise * noise

    def _update_discriminators(
        self,
        optimizer: LightningOptimizer,
        synthetic: Tensor,
        real: Tensor,
        refined: Tensor,
        simulated: Tensor,
    ) -> None:
        generator = self.generator()
        judged_refined = self.refined_history.swap(refined, generator)
        judged_simulated = self.simulated_history.swap(simulated, generator)
        with self.toggled_optimizer(optimizer):
            on_real, on_refined = self.real_discriminator(real), self.real_discriminator(judged_refined)
            loss_real = self.adversarial.discriminator(on_real, on_refined)
            loss_synthetic = self.adversarial.discriminator(
                self.synthetic_discriminator(synthetic), self.synthetic_discriminator(judged_simulated)
            )
            self.descend(optimizer, loss_real + loss_synthetic)
        accuracy_real, accuracy_refined = patch_accuracy(on_real, on_refined)
        self.log_dict(
            {
                "loss/discriminator": loss_real,
                "loss/discriminator_synthetic": loss_synthetic,
                "discriminator/accuracy_real": accuracy_real,
                "discriminator/accuracy_refined": accuracy_refined,
                "history/fill": self.refined_history.fill,
            }
        )

    def decay(self, step: int) -> float:
        """The learning rate's factor at a training step: one for the first half, then linear to zero."""
        constant = self.steps // 2
        return max(0.0, 1.0 - max(0, step - constant) / max(1, self.steps - constant))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam with β₁ 0.5 for each player, generators first."""
        players = [
            itertools.chain(self.synthetic_to_real.parameters(), self.real_to_synthetic.parameters()),
            itertools.chain(self.real_discriminator.parameters(), self.synthetic_discriminator.parameters()),
        ]
        optimizers = [torch.optim.Adam(player, self.learning_rate, (0.5, 0.999)) for player in players]
        return optimizers, [LambdaLR(optimizer, self.decay) for optimizer in optimizers]
