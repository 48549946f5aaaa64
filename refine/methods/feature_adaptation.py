"""CyCADA, feature stage (Hoffman et al., ICML 2018, arXiv 1711.03213), after ADDA (arXiv 1702.05464)."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from refine.data.samples import Labeled, TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.labels import LabelKind
from refine.losses.adversarial import Vanilla, patch_accuracy
from refine.methods.base import Plain, two_optimizers
from refine.methods.frozen_task import FrozenTask, stored_sha256
from refine.methods.optimization import OptimizerName, own_draws
from refine.methods.task import Task
from refine.networks.discriminators import FeatureDiscriminator

PROBE = 32
"""Side of the image that tells how many features a network has."""


class FeatureAdaptation(Task):
    """A task model that learns to see real images as it sees translated ones, without real labels.

    It starts from a task model that was trained on translated images. A discriminator tells what that model,
    frozen, says of translated images from what this one says of real ones; this one learns to be taken for it.
    The result is a task model like any other.

    Statistics of batch normalization follow the real images, and only at steps at which the task model learns from
    them; the supervised loss leaves them alone.

    Args:
        start: Checkpoint or bundle of the task model to start from. Only training needs the file.
        on: What the discriminator sees: the ``outputs`` (logits; released digits code) or the ``features``.
        task_weight: Weight of the supervised loss on the translated images. Paper: 0.
        accuracy_gate: The task model moves at a step only if the discriminator was right on more than this share
            of what it saw. Released digits code: 0.6. Below 0 it is always open.
        discriminator_features: Width of the discriminator. Released digits code: 500.
        learning_rate: Adam's, for the task model. Released digits code: 1e-5, 200 epochs of batches of 128.
        discriminator_learning_rate: Adam's, for the discriminator. Released digits code: 1e-5.
        betas: Adam's, for both. Released digits code: 0.9 and 0.999.
        weight_decay: Adam's, for both. Released digits code: 0.
        classes: As in the start; None takes them from it. So are ``channels``, ``width``, ``kind`` and ``network``.
        steps: Training steps.
        seed: Seeds the discriminator's weights, and dropout.

    Raises:
        InputError: As `Task`, if ``task_weight`` is below 0, or if one of ``betas`` is not from 0 to below 1.
    """

    players = ("task", "discriminator")
    local_files = ("start",)

    start: str | Path | None = None
    on: Literal["outputs", "features"] = "outputs"
    task_weight: float = 0.0
    accuracy_gate: float = 0.6
    discriminator_features: int = 500
    learning_rate: float = 1e-5
    discriminator_learning_rate: float = 1e-5
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    steps: int = 10_000
    pretrained: str | Path | None = field(init=False, default=None)
    optimizer: OptimizerName = field(init=False, default="adam")
    schedule_shape: Literal["cosine", "constant"] = field(init=False, default="constant")

    def build(self) -> None:
        """Make the networks, where the classes are known already; else the start tells them."""
        if not self.task_weight >= 0:
            raise InputError(f"task_weight is {self.task_weight}; expected 0 (off) or more")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas is {list(self.betas)}; expected two numbers from 0 to below 1")
        super().build()
        self.adversarial = Vanilla()
        self._source: FrozenTask | None = None
        self._start_sha256: str | None = None

    def _make_network(self, classes: list[str], kind: LabelKind) -> None:
        super()._make_network(classes, kind)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.discriminator = FeatureDiscriminator(self._width_of_what_is_seen(), self.discriminator_features)

    @torch.no_grad()
    def _width_of_what_is_seen(self) -> int:
        self.model.eval()  # a single image: statistics of batch normalization must not move
        width = self._seen(torch.zeros(1, self.channels, PROBE, PROBE)).shape[1]
        self.model.train()
        return width

    def exported_prefixes(self) -> tuple[str, ...]:
        """The task model alone."""
        return ("model.",)

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Begin with the weights of the start, which training keeps as well, frozen.

        Raises:
            InputError: If no start is named, it cannot be read, or it does not fit the data.
        """
        if stage == "fit" and self._source is None:
            self.begin()
        super().prepare(stage, data)

    def begin(self) -> FrozenTask:
        """Read the start, and take over its network and weights.

        Raises:
            InputError: If none is named, it cannot be read, or it is another network than the one asked for.
        """
        if self.start is None:
            raise InputError(
                "feature adaptation starts from a task model that was trained on translated images: give "
                "--model.start FILE (refine fit -c models/task.yaml writes one)"
            )
        self._source = FrozenTask(Path(self.start))
        task = self._source.task
        for name in ("classes", "kind", "network", "channels"):
            wanted, found = getattr(self, name), getattr(task, name)
            if wanted is not None and wanted != found:
                cure = f"give --data.channels {found}" if name == "channels" else f"leave model.{name} to it"
                raise InputError(f"{self.start}: its {name} is {found}, not {wanted}; {cure}")
        if self.classes is None or self.width != task.width:
            self.width, self.network = task.width, task.network
            self._make_network(list(task.classes or []), task.label_kind)
        if self.steps_done == 0:
            self.model.load_state_dict(task.model.state_dict())
        self._start_sha256 = self._source.sha256
        return self._source

    def inference_state(self) -> dict[str, Plain]:
        """Return the start's digest with the rest."""
        return {**super().inference_state(), "start_sha256": self._start_sha256}

    def load_inference_state(self, state: Mapping[str, Any]) -> None:
        """Take it back.

        Raises:
            InputError: If training would go on with another start.
        """
        super().load_inference_state(state)
        before = stored_sha256(state, "start_sha256")
        if self._source is not None:
            self._source.require_same(before)
        self._start_sha256 = before

    def _seen(self, images: Tensor) -> Tensor:
        return self(images) if self.on == "outputs" else self.features(images)

    def training_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """Update the discriminator; then the task model, if the discriminator was right often enough."""
        if isinstance(batch, Labeled):
            raise InputError("feature adaptation needs real images beside the translated ones")
        labeled, real = batch["synthetic"], batch["real"]
        source = self._source or self.begin()
        task_optimizer, discriminator_optimizer = two_optimizers(self)
        with torch.no_grad():
            source.task.to(real.device)
            of_translated = source.task(labeled.image) if self.on == "outputs" else source.task.features(labeled.image)
        untouched = _statistics(self.model)
        with own_draws(self.generator().initial_seed(), real.device):
            of_real = self._seen(real)
        of_reality = _statistics(self.model)
        with self.toggled_optimizer(discriminator_optimizer):
            on_translated = self.discriminator(of_translated)
            on_real = self.discriminator(of_real.detach())
            discrimination = self.adversarial.discriminator(on_translated, on_real)
            self.descend(discriminator_optimizer, discrimination)
        accuracy = torch.stack(patch_accuracy(on_translated, on_real, self.adversarial.threshold)).mean()
        accuracy = cast(Tensor, self.trainer.strategy.reduce(accuracy, reduce_op="mean"))
        # The one value that a step must wait for: a step of Adam cannot be taken back where the gate turns out closed.
        opened = self.accuracy_gate < 0 or bool(accuracy > self.accuracy_gate)
        with self.toggled_optimizer(task_optimizer):
            adversarial = self.adversarial.generator(self.discriminator(of_real))
            loss = adversarial * float(opened)
            if self.task_weight > 0:
                with own_draws(self.generator().initial_seed(), real.device):
                    supervised = self.loss(self(labeled.image), labeled.label)
                loss = loss + self.task_weight * supervised
                self.log("loss/task", supervised)
            if opened or self.task_weight > 0:
                self.descend(task_optimizer, loss)
        for name, buffer in self.model.named_buffers():
            buffer.copy_((of_reality if opened else untouched)[name])
        self.log_dict(
            {
                "loss/discriminator": discrimination,
                "loss/adversarial": adversarial,
                "discriminator/accuracy": accuracy,
            }
        )
        self.log_number("task/gate", float(opened))
        self.count_step()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam for each player, the task model first."""
        players = (
            (self.model.parameters(), self.learning_rate),
            (self.discriminator.parameters(), self.discriminator_learning_rate),
        )
        betas = self.betas[0], self.betas[1]  # a stored description holds a list
        return [torch.optim.Adam(p, rate, betas, weight_decay=self.weight_decay) for p, rate in players], []


def _statistics(network: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in network.named_buffers()}
