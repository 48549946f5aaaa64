"""The rows of the digits table: which translator, on what the classifier is trained, what it is tested on."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from digits import CLASSES, Digits, Name, Pairs, accuracy, fit, load, translate

from refine.data.augment import AFFINE
from refine.errors import InputError
from refine.json_files import write_json
from refine.methods import CUT, FDA, ColorTransfer, CyCADA, CycleGAN, FeatureAdaptation, SelfTraining, Task
from refine.methods.translator import Translator


@dataclass(frozen=True)
class Setting:
    """What all seeds of one table have in common. Sizes are of the networks, steps of batches.

    Attributes:
        name: Of the output's folder.
        features: Width of the generators.
        blocks: Their residual blocks.
        discriminator_features: Width of the discriminators.
        discriminator_layers: Their strided layers.
        batch_size: Of the translators.
        steps: Of the translators.
        learning_rate: Of the translators.
        cycle_weight: Of CycleGAN and CyCADA.
        semantic_weight: Of CyCADA's semantic term, wherever f_S reads.
        task_steps: Of every classifier: the same for all rows.
        task_learning_rate: The classifiers' highest.
        task_batch_size: Theirs.
        feature_steps: Of the feature stage.
        feature_learning_rate: Of both its players.
        self_training_steps: Of a classifier that also learns from the target's unlabeled digits.
    """

    name: str
    features: int
    blocks: int
    discriminator_features: int
    discriminator_layers: int
    batch_size: int
    steps: int
    learning_rate: float
    cycle_weight: float
    semantic_weight: float
    task_steps: int
    task_learning_rate: float
    task_batch_size: int
    feature_steps: int
    feature_learning_rate: float
    self_training_steps: int


SMALL = Setting(
    name="small",
    features=16,
    blocks=3,
    discriminator_features=16,
    discriminator_layers=2,
    batch_size=8,
    steps=3000,
    learning_rate=1e-3,
    cycle_weight=10.0,
    semantic_weight=1.0,
    task_steps=800,
    task_learning_rate=1e-3,
    task_batch_size=128,
    feature_steps=500,
    feature_learning_rate=1e-4,
    self_training_steps=1200,
)
FULL = Setting(
    name="full",
    features=64,
    blocks=6,
    discriminator_features=64,
    discriminator_layers=3,
    batch_size=64,
    steps=30_000,
    learning_rate=2e-4,
    cycle_weight=10.0,
    semantic_weight=1.0,
    task_steps=10_000,
    task_learning_rate=1e-3,
    task_batch_size=128,
    feature_steps=10_000,
    feature_learning_rate=2e-5,
    self_training_steps=10_000,
)


class Unit(NamedTuple):
    """One seed of one direction."""

    seed: int
    source: Name
    target: Name
    folder: Path
    data: Path

    def place(self, row: str) -> Path:
        """Where a row keeps its fits."""
        return self.folder / f"seed-{self.seed}" / f"{self.source}-{self.target}" / row.replace(" ", "-")

    def result(self, row: str) -> Path:
        """Where its accuracy stands once it is done."""
        return self.place(row) / "accuracy.json"


def color_statistics(unit: Unit, setting: Setting) -> Translator:
    """Mean and standard deviation of the gray levels."""
    return ColorTransfer(channels=1, steps=100)


def fda(unit: Unit, setting: Setting) -> Translator:
    """The low frequencies' amplitudes."""
    return FDA(channels=1, beta=0.05, steps=100)


def cyclegan(unit: Unit, setting: Setting) -> Translator:
    """Without labels, and without identity loss: the digits have to change their size."""
    return CycleGAN(
        channels=1,
        features=setting.features,
        blocks=setting.blocks,
        discriminator_features=setting.discriminator_features,
        discriminator_layers=setting.discriminator_layers,
        cycle_weight=setting.cycle_weight,
        identity_weight=0.0,
        learning_rate=setting.learning_rate,
        steps=setting.steps,
        seed=unit.seed,
    )


def cycada(unit: Unit, setting: Setting) -> Translator:
    """The same, under the classifier of the row "source only", which reads what came back: there it is at home."""
    return _cycada(unit, setting, 0.0, setting.semantic_weight)


def cycada_refined(unit: Unit, setting: Setting) -> Translator:
    """The same, but that classifier reads the refined digits, as in the paper."""
    return _cycada(unit, setting, setting.semantic_weight, 0.0)


def _cycada(unit: Unit, setting: Setting, refined: float, cycled: float) -> CyCADA:
    return CyCADA(
        task=str(unit.place("source only") / "task" / "last.ckpt"),
        semantic_weight=refined,
        cycle_semantic_weight=cycled,
        channels=1,
        features=setting.features,
        blocks=setting.blocks,
        discriminator_features=setting.discriminator_features,
        discriminator_layers=setting.discriminator_layers,
        cycle_weight=setting.cycle_weight,
        identity_weight=0.0,
        learning_rate=setting.learning_rate,
        steps=setting.steps,
        seed=unit.seed,
    )


def cut(unit: Unit, setting: Setting) -> Translator:
    """One direction, patches held together by contrast."""
    return CUT(
        channels=1,
        features=setting.features,
        blocks=setting.blocks,
        discriminator_features=setting.discriminator_features,
        discriminator_layers=setting.discriminator_layers,
        nce_layers=[0, 4, 8, 12],
        locations=64,
        learning_rate=setting.learning_rate,
        steps=setting.steps,
        seed=unit.seed,
    )


ROWS: dict[str, Callable[[Unit, Setting], Translator] | None] = {
    "source only": None,
    "feature only": None,
    "color statistics": color_statistics,
    "fda": fda,
    "cyclegan": cyclegan,
    "cycada pixel": cycada,
    "cycada pixel + feature": None,
    "cut": cut,
    "target-supervised": None,
    "cycada pixel on refined": cycada_refined,
    "self-training": None,
    "cycada pixel + self-training": None,
}
"""In this order: f_S is the classifier of "source only"; a feature stage starts from another row's classifier."""


FEATURE_STAGES = {"feature only": "source only", "cycada pixel + feature": "cycada pixel"}
"""Rows of the feature stage: the row whose classifier it starts from, on whose training images. The first is the
control that says what the second owes to its translator."""

SELF_TRAINED = {"self-training": "source only", "cycada pixel + self-training": "cycada pixel"}
"""Rows of a classifier that learns from the target's unlabeled digits, too: the row whose images have the labels. The
first needs no translator."""

NEEDS = {
    **FEATURE_STAGES,
    **SELF_TRAINED,
    "cycada pixel": "source only",
    "cycada pixel on refined": "source only",
}
"""Rows that use another row's classifier."""


def run_row(row: str, unit: Unit, setting: Setting, until: float | None) -> float:
    """The accuracy on the target's test images in percent, from disk where it stands there already.

    Raises:
        OutOfTime: If the time is over first.
        InputError: If what stands there was measured with another setting.
    """
    result, taken = unit.result(row), asdict(setting)
    if row in SELF_TRAINED:  # a row of this name was another once
        taken |= {"labeled": SELF_TRAINED[row], "affine": list(AFFINE)}
    else:
        del taken["self_training_steps"]
    if row in NEEDS:
        run_row(NEEDS[row], unit, setting, until)
    if not result.is_file():
        started = time.time()
        learn = _adapted if row in FEATURE_STAGES else _self_trained if row in SELF_TRAINED else _task
        task = learn(row, unit, setting, until)
        percent = accuracy(task, load(unit.data, unit.target, "test"))
        last_piece = round(time.time() - started)
        stored = {"accuracy": percent, "row": row, "seed": unit.seed, "seconds": last_piece, "setting": taken}
        write_json(stored, result)
    found = json.loads(result.read_text())
    if found.get("setting") != taken:
        raise InputError(f"{result}: measured with another setting; choose another --output, or remove its folder")
    return float(found["accuracy"])


def classifier(setting: Setting, seed: int, self_training: bool = False) -> Task:
    """The one of every row, before its first step."""
    kind = SelfTraining if self_training else Task
    return kind(
        classes=CLASSES,
        channels=1,
        network="lenet",
        optimizer="adam",
        weight_decay=0.0,
        learning_rate=setting.task_learning_rate,
        steps=setting.self_training_steps if self_training else setting.task_steps,
        seed=seed,
    )


def _task(row: str, unit: Unit, setting: Setting, until: float | None) -> Task:
    """The classifier of a row, fitted on what the row says."""
    target = load(unit.data, unit.target, "train")
    labeled = target if row == "target-supervised" else _translated(row, unit, setting, until)
    task = classifier(setting, unit.seed)
    pairs = Pairs(labeled, target.images, setting.task_batch_size, unit.seed)
    fit(task, pairs, unit.place(row) / "task", until)
    return task


def _translated(row: str, unit: Unit, setting: Setting, until: float | None) -> Digits:
    """The source's training digits as the row's translator shows them; "source only" has none."""
    source, target = load(unit.data, unit.source, "train"), load(unit.data, unit.target, "train")
    make = ROWS[row]
    if make is None:
        return source
    torch.manual_seed(unit.seed)
    translator = make(unit, setting)
    pairs = Pairs(source, target.images, setting.batch_size, unit.seed)
    fit(translator, pairs, unit.place(row) / "translator", until)
    return Digits(translate(translator, source.images), source.labels)


def _adapted(row: str, unit: Unit, setting: Setting, until: float | None) -> Task:
    """The classifier of another row, adapted from that row's training images to the target's unlabeled ones."""
    before = FEATURE_STAGES[row]
    labeled = _translated(before, unit, setting, until)
    method = FeatureAdaptation(
        start=str(unit.place(before) / "task" / "last.ckpt"),
        channels=1,
        learning_rate=setting.feature_learning_rate,
        discriminator_learning_rate=setting.feature_learning_rate,
        steps=setting.feature_steps,
        seed=unit.seed,
    )
    target = load(unit.data, unit.target, "train")
    fit(method, Pairs(labeled, target.images, setting.task_batch_size, unit.seed), unit.place(row), until)
    return method


def _self_trained(row: str, unit: Unit, setting: Setting, until: float | None) -> Task:
    """A fresh classifier, from another row's training images and the target's unlabeled ones."""
    labeled = _translated(SELF_TRAINED[row], unit, setting, until)
    target = load(unit.data, unit.target, "train")
    task = classifier(setting, unit.seed, self_training=True)
    pairs = Pairs(labeled, target.images, setting.task_batch_size, unit.seed)
    fit(task, pairs, unit.place(row), until)
    return task
