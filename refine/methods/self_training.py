"""Self-training: FixMatch (Sohn et al. 2020, arXiv 2001.07685) with a mean teacher (arXiv 1703.01780)."""

from typing import cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from refine.data.augment import random_affine, randomize_appearance
from refine.data.samples import Labeled, TrainingData, UnpairedBatch
from refine.data.store import tell
from refine.errors import InputError
from refine.labels import LabelKind
from refine.methods.optimization import MovingAverage, own_draws
from refine.methods.task import Task
from refine.networks.layers import with_channels

LABELED, MOVED, REAL = 1, 2, 3
"""Purposes of a step's draws: affine changes of the labeled and of the real images, and how the real ones look."""

KEPT = 0.99
"""Share of the running means of class shares that stays at each step; less in the first steps, as of the teacher."""

RARE = 0.25
"""A class that the real images are taken for this much more rarely than the labels show it may be lost."""


class SelfTraining(Task):
    """A task model that learns from labeled images and, by its own predictions, from unlabeled real ones.

    A teacher, the moving average of the weights, looks at each real image as it is. Where it is sure, its answer is the
    label from which the student learns on a strongly changed view of the same image. Labeled images (refined, or raw)
    are seen as they come. Images that have one class each are scaled, moved, turned and slanted, too (`random_affine`):
    a class has to survive a turn of 20 degrees. The result is the teacher, a task model like any other.

    Args:
        threshold: Probability from which on the teacher's class counts, of images or of pixels. Paper: 0.95. Targets
            have no probability: all count.
        unlabeled_weight: Weight of the loss on real images. Paper: 1.
        ema: Decay of the teacher's average. Mean teacher: 0.99 at first.
        supervised_share: Share of the steps, at first, that learn from the labeled images alone.
        align: Scale the teacher's class probabilities so that over time each class is as frequent as among the labeled
            images (ReMixMatch, arXiv 1911.09785, section 3.1). Of classes of images only.
        strength: Of the strong changes of light, color, blur and noise, see `randomize_appearance`.
        steps: Training steps, and the schedule's horizon.

    The other arguments are those of `Task`.

    Raises:
        InputError: As `Task`, or if an argument is out of range.
    """

    threshold: float = 0.95
    unlabeled_weight: float = 1.0
    ema: float = 0.99
    supervised_share: float = 0.2
    align: bool = True
    strength: float = 1.0
    steps: int = 500

    def build(self) -> None:
        """Make the networks, where the classes are known already."""
        self.require_at_least(0, "unlabeled_weight", "strength", least_is=" (off)")
        for name in ("threshold", "ema", "supervised_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least 0 and less than 1")
        super().build()

    def _make_network(self, classes: list[str], kind: LabelKind) -> None:
        super()._make_network(classes, kind)
        self.average = MovingAverage(self.model, self.ema)
        even = torch.full((len(classes),), 1.0 / len(classes))
        self.register_buffer("labeled_shares", even)
        self.register_buffer("real_shares", even.clone())
        self.labeled_shares: Tensor
        self.real_shares: Tensor

    def exported_prefixes(self) -> tuple[str, ...]:
        """The teacher alone."""
        return ("average.",)

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """As `Task`, and refuse labels that predictions cannot stand for.

        Raises:
            InputError: As `Task`, or if the labels are of such a kind.
        """
        super().prepare(stage, data)
        self.label_kind.require_pseudo_labels()

    def on_fit_start(self) -> None:
        """Begin as `Task`, the teacher with the student's weights."""
        super().on_fit_start()
        if self.pretrained is not None and self.steps_done == 0:
            self.average.network.load_state_dict(self.model.state_dict())

    def forward(self, images: Tensor) -> Tensor:
        """The teacher's outputs, as those of `Task`."""
        outputs: Tensor = self.average(with_channels(images, self.channels))
        return outputs

    def features(self, images: Tensor) -> Tensor:
        """The input of the teacher's last layer, as that of `Task`."""
        found: Tensor = self.average.network.eval().features(with_channels(images, self.channels))  # type: ignore[operator]  # a network of ours
        return found

    def _views(self, labeled: Tensor, real: Tensor) -> Tensor:
        """``(B + B', C, H, W)``: labeled images weakly changed, and real ones strongly."""
        if self.label_kind.one_class:
            labeled = random_affine(labeled, self.generator(purpose=LABELED))
            real = random_affine(real, self.generator(purpose=MOVED))
        return torch.cat([labeled, randomize_appearance(real, self.generator(purpose=REAL), self.strength)])

    def training_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """One step of the student on labeled and on real images, then one of the teacher after it."""
        if isinstance(batch, Labeled):
            raise InputError("self-training needs real images beside the labeled ones")
        labeled, real = batch["synthetic"], batch["real"]
        guessed, weight = self._guess(real, labeled.label)
        with own_draws(self.generator().initial_seed(), self.device):
            outputs = self.model(with_channels(self._views(labeled.image, real), self.channels))
        on_labeled, on_real = outputs.split([len(labeled.image), len(real)])
        supervised = self.loss(on_labeled, labeled.label)
        agreed = (self.label_kind.loss_per_image(on_real, guessed) * weight).mean()
        begun = self.steps_done >= self.supervised_share * self.steps
        loss = supervised + self.unlabeled_weight * begun * agreed
        self.descend(cast(LightningOptimizer, self.optimizers()), loss)
        cast(LambdaLR, self.lr_schedulers()).step()
        self.average.update(self.model)
        self.log_dict({"loss/task": supervised, "loss/real": agreed, "self_training/sure": weight.mean()})
        if self.label_kind.one_class:
            self.log("self_training/rarest_class", (self.real_shares / self.labeled_shares).min())
        self.count_step()

    @torch.no_grad()
    def _guess(self, real: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Labels for real images, and their weights; the shares of classes move on."""
        estimate = self.estimate(real).float()
        if self.label_kind.one_class:
            shown = (labels[:, None] == torch.arange(estimate.shape[1], device=labels.device)).float().mean(0)
            moved = 1.0 - min((1 + self.steps_done) / (10 + self.steps_done), KEPT)
            self.labeled_shares.lerp_(shown, moved)
            self.real_shares.lerp_(estimate.mean(0), moved)
            if self.align:
                estimate = estimate * self.labeled_shares / self.real_shares.clamp_min(1e-6)
                estimate = estimate / estimate.sum(1, keepdim=True)
        return self.label_kind.pseudo_labels(estimate, self.threshold)

    def lost_classes(self) -> list[str]:
        """Return the classes that the real images are taken for much more rarely than the labeled images show them: a
        sign, without a label, that self-training took one class for another."""
        if not self.label_kind.one_class:
            return []
        rare = self.real_shares < RARE * self.labeled_shares
        return [name for name, is_rare in zip(self.classes or [], rare.tolist(), strict=True) if is_rare]

    def on_train_end(self) -> None:
        """Say which classes may be lost; the short fits of other commands have no datamodule, and say nothing."""
        lost = self.lost_classes() if getattr(self.trainer, "datamodule", None) is not None else []
        if lost:
            tell(
                f"hardly any real image is taken for {', '.join(lost)}: if the real images show it, self-training has "
                "lost it; look at a few predictions, and compare with a task model without self-training"
            )
