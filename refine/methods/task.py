"""The task model: a network that is fitted on labels. Benchmark, judge, f_S of CyCADA and feature extractor alike."""

from pathlib import Path
from typing import ClassVar, Literal, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from refine.data.samples import Labeled, TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.labels import KINDS, KindName, LabelKind, LabelSpace, kind_learned_by
from refine.methods.base import Method
from refine.methods.optimization import OptimizerName, build_optimizer, own_draws, warm_up_and_cosine
from refine.networks.layers import with_channels
from refine.networks.task_networks import NetworkName, TaskNetwork, build_network, require_batch
from refine.networks.torchvision_resnet import load_backbone


class Task(Method):
    """A classifier, segmenter, regressor or detector, trained on labels.

    Args:
        classes: Names of the classes (of images, pixels or objects) or of the targets, in the order of their numbers.
            None takes those of the data when training starts.
        channels: 1 (gray) or 3 (RGB).
        width: Of the small networks (small-cnn, unet, small-regressor, small-detector).
        learning_rate: The highest: it rises over the first tenth of the steps, then falls as a cosine to zero.
        weight_decay: The optimizer's.
        steps: Training steps, and the schedule's horizon.
        seed: Seeds the initial weights, and dropout.
        kind: What is learned: ``class``, ``mask`` (a class for each pixel), ``targets`` (numbers) or ``objects``
            (boxes). None takes the data's; where ``classes`` are given, the one that the network is for, else
            ``class``.
        network: ``small-cnn``, ``lenet`` or ``dtn`` for classes, ``unet``, ``lraspp`` or ``deeplabv3`` for masks,
            ``small-regressor`` for targets, ``resnet18`` or ``resnet50`` for classes and targets, ``small-detector``
            for objects. None takes small-cnn, unet, small-regressor or small-detector.
        pretrained: File of torchvision's weights that the trunk of a torchvision network begins with; read
            before a new run starts, and never downloaded.
        optimizer: ``adamw``, ``adam`` (weight decay as a penalty) or ``sgd`` (momentum 0.9).
        schedule_shape: ``cosine`` as above, or ``constant``: no rise and no fall.

    Raises:
        InputError: If there are fewer than two classes (of objects, none) or no target, a name stands twice, or the
            network does not learn this kind of label.
    """

    players: ClassVar[tuple[str, ...]] = ("task",)
    local_files = ("pretrained",)

    classes: list[str] | None = None
    channels: int = 3
    width: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    steps: int = 500
    seed: int = 0
    kind: KindName | None = None
    network: NetworkName | None = None
    pretrained: str | Path | None = None
    optimizer: OptimizerName = "adamw"
    schedule_shape: Literal["cosine", "constant"] = "cosine"

    def build(self) -> None:
        """Make the network, where the classes are known already."""
        super().build()
        self.model: TaskNetwork
        if self.kind is not None:
            KINDS[self.kind].network(self.network)
        if self.classes is not None:
            self._make_network(self.classes, self.label_kind)

    def _make_network(self, classes: list[str], kind: LabelKind) -> None:
        kind.require_names(classes)
        self.classes, self.kind, self.network = classes, cast(KindName, kind.name), kind.network(self.network)
        self.model = build_network(self.network, self.channels, len(classes), self.width, self.seed)

    @property
    def label_kind(self) -> LabelKind:
        """Return the kind of label that it learns."""
        return kind_learned_by(self.network) if self.kind is None else KINDS[self.kind]

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Take kind and names over from the data, or hold the given ones against them; a new run reads `pretrained`.

        Raises:
            InputError: If the data has no labels, labels of another kind or other names, objects of which a label is
                missing, or batches too small, or the file is not there or holds other weights.
        """
        if data is not None:
            found = self._require_labels(data.label_space, data.synthetic)
            if not found.every_image and stage == "fit":
                data.require_labels()  # the data itself lets them be missing: translators need none
            if self.classes is None:
                self._make_network(list(data.label_space.names), found)
            require_batch(self.network, data.batch_size, data.training_size)
        if self.classes is None:
            raise InputError("the task model does not know its classes; give classes=[...]")
        if stage == "fit" and self.pretrained is not None and self.is_new_run:
            load_backbone(self.model, Path(self.pretrained))  # a wrong file must not leave a run's folder behind

    def _require_labels(self, space: LabelSpace, where: Path) -> LabelKind:
        found = KINDS.get(space.kind)
        if found is None:
            choices = ", ".join(f"layout={kind.example_layout}" for kind in KINDS.values())
            raise InputError(
                f"a task model learns labels; {where} has none (use {choices}, or another with such labels)"
            )
        if self.kind is not None and self.kind != found.name:
            raise InputError(
                f"the task's kind is {self.kind}, but the labels of {where} are of kind {found.name}; "
                f"use layout={self.label_kind.example_layout}, or set kind={found.name}"
            )
        if self.classes is not None and list(self.classes) != list(space.names):
            raise InputError(
                f"the task's classes are {', '.join(self.classes)}, but {where} has {', '.join(space.names)}"
            )
        return found

    def on_fit_start(self) -> None:
        """Begin with the weights of a file, where one was named and the run is new: only here Lightning knows."""
        if self.pretrained is not None and self.steps_done == 0:
            load_backbone(self.model, Path(self.pretrained))

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(B, K)``, of masks ``(B, K, H, W)``, or targets ``(B, K)``, of ``(B, C, H, W)`` in [-1, 1].

        Of objects, the maps of `SmallDetector`, ``(B, K + 4, ⌈H / 4⌉, ⌈W / 4⌉)``.

        Gray images go through an RGB network as three channels.

        Raises:
            ValueError: If the images are RGB and the network is gray.
        """
        outputs: Tensor = self.model(with_channels(images, self.channels))
        return outputs

    def features(self, images: Tensor) -> Tensor:
        """Return the input of the last layer: ``(B, D)``, of masks and objects ``(B, D, h, w)``. Gradients pass.

        Raises:
            ValueError: As `forward`.
        """
        return self.model.features(with_channels(images, self.channels))

    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """The training loss of the outputs of `forward`, ``()``; labels have the shapes that their `LabelKind` says."""
        return self.label_kind.loss(outputs, label)

    @torch.no_grad()
    def estimate(self, images: Tensor) -> Tensor:
        """Probabilities, targets or boxes: what `predict` decides by. No gradient; nothing random in eval mode."""
        return self.label_kind.estimate(self(images), (images.shape[-2], images.shape[-1]))

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """``(B, K)`` or ``(B, K, H, W)`` in [0, 1] that sum to one over K. No gradient; nothing random in eval mode.

        Raises:
            InputError: If the model predicts targets or objects.
        """
        if not self.label_kind.has_probabilities:
            raise InputError(f"a task model of {self.kind} has no probabilities; use one of classes or masks")
        return self.estimate(images)

    def predict(self, images: Tensor) -> Tensor:
        """The most probable class, ``(B,)`` or ``(B, H, W)`` int64, or the targets ``(B, K)``. No gradient.

        Of objects, ``(B, M, 6)`` rows of class, score, left, top, right and bottom in pixels, as `boxes_of`.
        """
        return self.label_kind.decided(self.estimate(images))

    def training_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """One step down the loss of labeled images: of an unpaired batch, the synthetic ones."""
        labeled = _labeled(batch)
        with own_draws(self.generator().initial_seed(), self.device):
            outputs = self(labeled.image)
        loss = self.loss(outputs, labeled.label)
        self.descend(cast(LightningOptimizer, self.optimizers()), loss)
        cast(LambdaLR, self.lr_schedulers()).step()
        self.log("loss/task", loss)
        if self.label_kind.one_class:
            predicted = self.label_kind.decided(outputs.detach())
            self.log("task/accuracy", self.label_kind.agreement(predicted, labeled.label))
        self.count_step()

    def on_validation_epoch_start(self) -> None:
        """Forget the validation before."""
        self._kept: list[tuple[Tensor, ...]] = []

    def validation_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """Accuracy, or errors of targets, on held-out labeled images; pixels and boxes are kept for the end."""
        labeled = _labeled(batch)
        predicted, names = self.predict(labeled.image), self.classes or []
        scores = self.label_kind.batch_scores(predicted, labeled.label, names)
        for name, score in scores.items():
            self.log(name, score, batch_size=len(labeled.label), sync_dist=True)
        if not scores:
            self._kept.append(self.label_kind.kept(predicted, labeled.label, len(names)))

    def on_validation_epoch_end(self) -> None:
        """IoU over all pixels, or precision over all boxes, of this validation, on all processes."""
        if not self._kept:
            return
        every = [
            cast(Tensor, self.all_gather(torch.cat(parts))).reshape(-1, *parts[0].shape[1:])
            for parts in zip(*self._kept, strict=True)
        ]
        for name, score in self.label_kind.set_scores(every, self.classes or []).items():
            self.log(name, score.to(self.device), sync_dist=True)  # equal by now; without it Lightning warns

    def schedule(self, step: int) -> float:
        """The learning rate's factor at a training step, 0 to 1."""
        return 1.0 if self.schedule_shape == "constant" else warm_up_and_cosine(step, self.steps)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The one that was named, over all weights."""
        optimizer = build_optimizer(self.optimizer, self.model.parameters(), self.learning_rate, self.weight_decay)
        return [optimizer], [LambdaLR(optimizer, self.schedule)]


def _labeled(batch: Labeled | UnpairedBatch) -> Labeled:
    return batch if isinstance(batch, Labeled) else batch["synthetic"]
