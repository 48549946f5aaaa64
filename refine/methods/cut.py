"""CUT and FastCUT (Park et al., ECCV 2020, arXiv 2007.15651)."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.losses.adversarial import AdversarialName, patch_accuracy
from refine.losses.adversarial import adversarial_loss as _adversarial
from refine.losses.patch_nce import PatchNCE
from refine.losses.self_regularization import FeatureMap
from refine.losses.self_similarity import patches, self_similarity_loss
from refine.methods.base import two_optimizers
from refine.methods.feature_networks import load_feature_network
from refine.methods.optimization import constant_then_linear, moving_average, require_bound
from refine.methods.translator import Translator
from refine.networks.discriminators import PatchGAN
from refine.networks.generators import PaddingMode, ResnetBlock, ResnetGenerator
from refine.networks.layers import Initialization, Norm, initialize
from refine.networks.patch_projection import PatchProjection, draw_locations

MIRROR = 1
"""The coin for mirroring must not hang together with the locations."""


class CUT(Translator):
    """One translator whose output must show, place by place, what its input shows.

    Nothing in it knows the labels, and things may change their size where that makes the images look more real:
    look at the pictures and audit the result. Defaults are CUT's; the recipe ``fastcut`` holds FastCUT's.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Width of the generator. Paper: 64.
        blocks: Residual blocks. Paper: 9.
        antialias: Blur where the generator changes scale (Zhang 2019, arXiv 1904.11486). Released code: yes, and
            in the discriminator too, which here does not.
        norm: Of both networks. Paper: ``instance``.
        padding: Inside the residual blocks. Paper: ``reflect``.
        discriminator_features: Width of the discriminator. Paper: 64.
        discriminator_layers: Strided layers of the PatchGAN. Paper: 3 (70x70 patches).
        spectral_norm: Bound the discriminator's layers (Miyato et al. 2018, arXiv 1802.05957). Paper: no.
        adversarial_loss: Paper: ``least-squares``. ``wasserstein`` needs ``spectral_norm``.
        nce_weight: Weight of the contrastive loss on synthetic images, λ_X (mean over layers and locations).
            Paper: 1, FastCUT 10; released code: 0.5, since it averages both terms where λ_Y is not 0.
        identity_nce_weight: Weight of the contrastive loss on real images, λ_Y. Paper: 1; released code: 0.5; FastCUT
            0: no real image passes through the generator.
        nce_layers: Layers of the generator whose features are compared, 0 (the padded image) to the last residual
            block. Paper: 0, 4, 8, 12, 16.
        locations: Compared in each layer and image; all of them where a layer has fewer. Paper: 256.
        projection_features: Width of the projection heads. Paper: 256.
        temperature: Divides the cosines. Paper: 0.07.
        similarity_weight: Weight of the self-similarity loss on synthetic images (F-LSeSim, arXiv 2104.00854; its code:
            10 of VGG-16's features, with no contrast: both other weights 0). Paper: 0, off.
        feature_network: Whose features it compares: ``vgg16`` (torchvision's weights, from the usual cache), or a task
            model's checkpoint or bundle; None: patches of pixels. Only training needs the file.
        flip_equivariance: Show the generator mirrored images in half of the steps, and compare with features of the
            images that are not mirrored. Paper: no, FastCUT yes.
        initialization: ``normal`` or ``xavier``, both of scale 0.02. Released code: ``xavier``.
        ema: Decay of a moving average of the generator's weights, such as 0.999; `refine` then uses the average.
            Paper: 0, no average.
        learning_rate: Adam's, for both players. Released code: 2e-4.
        steps: Training steps.
        constant_share: Share of the steps before the learning rate begins to fall, linearly to zero at the last
            step. Released code: 0.5 (200 + 200 epochs), FastCUT 0.75 (150 + 50).
        seed: Seeds the draws of locations and mirrorings.

    Raises:
        InputError: If an argument is out of range.
    """

    players = ("generator", "discriminator")
    local_files = ("feature_network",)

    channels: int = 3
    features: int = 64
    blocks: int = 9
    antialias: bool = True
    norm: Norm = "instance"
    padding: PaddingMode = "reflect"
    discriminator_features: int = 64
    discriminator_layers: int = 3
    spectral_norm: bool = False
    adversarial_loss: AdversarialName = "least-squares"
    nce_weight: float = 0.5
    identity_nce_weight: float = 0.5
    nce_layers: Sequence[int] = (0, 4, 8, 12, 16)
    locations: int = 256
    projection_features: int = 256
    temperature: float = 0.07
    similarity_weight: float = 0.0
    feature_network: str | None = None
    flip_equivariance: bool = False
    initialization: Initialization = "xavier"
    ema: float = 0.0
    learning_rate: float = 2e-4
    steps: int = 400_000
    constant_share: float = 0.5
    seed: int = 0

    def build(self) -> None:
        """Make the generator with its projection heads, the discriminator, and the losses."""
        super().build()
        self.nce_layers = list(self.nce_layers)
        self._require_ranges()
        self.synthetic_to_real = ResnetGenerator(
            self.channels, self.features, self.blocks, padding=self.padding, norm=self.norm, antialias=self.antialias
        )
        self._require_layers()
        compared = self.synthetic_to_real.encoded_channels(self.nce_layers)
        self.projection = PatchProjection(compared, self.projection_features)
        size = (self.channels, self.discriminator_features, self.discriminator_layers)
        self.real_discriminator = PatchGAN(*size, self.norm, self.spectral_norm)
        initialize(self, self.initialization)
        self.average = moving_average(self.synthetic_to_real, self.ema)
        self.adversarial = _adversarial(self.adversarial_loss)
        self.patch_nce = PatchNCE(self.temperature)
        self.structure: FeatureMap = patches
        self.multiple = self.synthetic_to_real.multiple
        self.smallest_side = self.synthetic_to_real.smallest_side

    def _require_ranges(self) -> None:
        self.require_at_least(0, "blocks", "discriminator_layers")
        self.require_at_least(1, "features", "discriminator_features", "projection_features")
        self.require_positive("learning_rate")
        require_bound(self.adversarial_loss, self.spectral_norm, "spectral_norm to true")
        self.require_at_least(0, "similarity_weight", "identity_nce_weight", "nce_weight", least_is=" (off)")
        if not self.nce_weight > 0 and not self.similarity_weight > 0:
            raise InputError("nce_weight and similarity_weight are 0; one of them must keep things in their place")
        if self.feature_network is not None and not self.similarity_weight > 0:
            raise InputError("feature_network=FILE needs a similarity_weight of more than 0")
        if self.locations < 2 or not self.temperature > 0 or not 0 <= self.constant_share <= 1:
            raise InputError(
                f"locations is {self.locations}, temperature is {self.temperature}, constant_share is "
                f"{self.constant_share}; expected at least 2, more than 0, and 0 to 1"
            )

    def _require_layers(self) -> None:
        layers = self.synthetic_to_real.layers
        last = max((number for number, layer in enumerate(layers) if isinstance(layer, ResnetBlock)), default=0)
        rising = self.nce_layers == sorted(set(self.nce_layers))
        if not self.nce_layers or not rising or self.nce_layers[0] < 0 or self.nce_layers[-1] > last:
            raise InputError(
                f"nce_layers is {self.nce_layers}; expected rising numbers from 0 to {last}, the last residual block "
                f"of a generator with blocks={self.blocks}"
            )

    @property
    def smallest_training_side(self) -> int:
        """The discriminator's last normalized layer needs more than one score."""
        return max(self.smallest_side, 3 << self.discriminator_layers)

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Read the feature network: only training needs it."""
        super().prepare(stage, data)
        if stage == "fit" and self.feature_network is not None:
            self.structure = load_feature_network(Path(self.feature_network))
            side = self.smallest_training_side
            if self.structure(torch.zeros(1, self.channels, side, side)).ndim != 4:
                raise InputError(
                    f"{self.feature_network}: its features have no places to compare; name a segmenter's or a "
                    "detector's checkpoint, or vgg16, or leave out feature_network"
                )

    def exported_prefixes(self) -> tuple[str, ...]:
        """The generator is all that refining needs."""
        return ("average.",) if self.average is not None else ("synthetic_to_real.",)

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1]; by the averaged generator where there is one."""
        refined: Tensor = (self.average or self.synthetic_to_real)(images)
        return refined

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """Update the generator and its projection heads, then the discriminator, on one unpaired batch."""
        generator, discriminator = two_optimizers(self)
        real = batch["real"]
        refined = self._update_generator(generator, batch["synthetic"].image, real)
        self._update_discriminator(discriminator, real, refined.float())
        for schedule in cast(list[LambdaLR], self.lr_schedulers()):
            schedule.step()
        self.count_step()

    def _update_generator(self, optimizer: LightningOptimizer, synthetic: Tensor, real: Tensor) -> Tensor:
        images = torch.cat([synthetic, real]) if self.identity_nce_weight > 0 else synthetic
        mirrored = self.flip_equivariance and torch.rand(1, generator=self.generator(purpose=MIRROR)).tolist()[0] < 0.5
        shown = images.flip(-1) if mirrored else images
        with self.toggled_optimizer(optimizer):
            outputs, seen = self.synthetic_to_real.forward_with_features(shown, self.nce_layers)
            if mirrored:
                with torch.no_grad():
                    seen = self.synthetic_to_real.encode(images, self.nce_layers)
            contrasted = self.nce_weight > 0 or self.identity_nce_weight > 0
            nce = self._contrast(outputs, seen, mirrored) if contrasted else outputs.new_zeros(len(outputs))
            refined = outputs[: len(synthetic)]
            adversarial = self.adversarial.generator(self.real_discriminator(refined))
            nce_synthetic = nce[: len(synthetic)].mean()
            loss = adversarial + self.nce_weight * nce_synthetic
            if self.identity_nce_weight > 0:
                nce_real = nce[len(synthetic) :].mean()
                loss = loss + self.identity_nce_weight * nce_real
                self.log("loss/nce_real", nce_real)
            if self.similarity_weight > 0:
                inputs = self.structure(shown[: len(synthetic)])
                similarity = self_similarity_loss(self.structure(refined), inputs).mean()
                loss = loss + self.similarity_weight * similarity
                self.log("loss/self_similarity", similarity)
            self.descend(optimizer, loss)
        if self.average is not None:
            self.average.update(self.synthetic_to_real)
        self.log_dict(
            {
                "loss/generator": loss,
                "loss/adversarial_refined": adversarial,
                "loss/nce": nce_synthetic,
                "change/mean_absolute": (refined.detach() - shown[: len(synthetic)]).abs().mean(),
            }
        )
        return refined.detach()

    def _contrast(self, outputs: Tensor, seen: Sequence[Tensor], mirrored: bool) -> Tensor:
        """Contrastive loss of each output, ``(B,)``, against what the encoder saw in its input."""
        shown = self.synthetic_to_real.encode(outputs, self.nce_layers)
        places = draw_locations(shown, self.locations, self.generator(outputs.device))
        queries = self.projection([layer.flip(-1) if mirrored else layer for layer in shown], places)
        with torch.no_grad():
            keys = self.projection(seen, places)
        losses = [self.patch_nce(query, key).mean(dim=1) for query, key in zip(queries, keys, strict=True)]
        return torch.stack(losses).mean(dim=0)

    def _update_discriminator(self, optimizer: LightningOptimizer, real: Tensor, refined: Tensor) -> None:
        with self.toggled_optimizer(optimizer):
            on_real, on_refined = self.real_discriminator(real), self.real_discriminator(refined)
            loss = self.adversarial.discriminator(on_real, on_refined)
            self.descend(optimizer, loss)
        accuracy_real, accuracy_refined = patch_accuracy(on_real, on_refined, self.adversarial.threshold)
        self.log_dict(
            {
                "loss/discriminator": loss,
                "discriminator/accuracy_real": accuracy_real,
                "discriminator/accuracy_refined": accuracy_refined,
            }
        )

    def decay(self, step: int) -> float:
        """The learning rate's factor at a training step: one at first, then linear to zero."""
        return constant_then_linear(step, self.steps, round(self.steps * self.constant_share))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam with β₁ 0.5 for each player; the projection heads play with the generator."""
        players = [
            itertools.chain(self.synthetic_to_real.parameters(), self.projection.parameters()),
            self.real_discriminator.parameters(),
        ]
        optimizers = [torch.optim.Adam(player, self.learning_rate, (0.5, 0.999)) for player in players]
        return optimizers, [LambdaLR(optimizer, self.decay) for optimizer in optimizers]
