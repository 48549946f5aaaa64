"""Training of judges on images that look different each time, so that a judge learns what is shown.

Trained judges of an audit that is not finished stay in its output folder: a second run goes on with them.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

import refine
from refine.audit.judges import EnsembleMember, JudgeEnsemble, networks_for
from refine.audit.options import AuditOptions, usual_steps
from refine.audit.perturbations import randomize_content
from refine.data.images import to_float
from refine.data.labeled_images import LabeledImages
from refine.data.pairs import REAL, SYNTHETIC, generator_at, labeled_order
from refine.data.samples import Labeled
from refine.devices import choose_device
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.labels import KindName, LabelKind
from refine.methods.checkpoint import load_method
from refine.methods.frozen_task import fit_briefly
from refine.methods.task import Task
from refine.networks.task_networks import NetworkName
from refine.terminal import counted

UNFINISHED = ".unfinished-judges"
"""Folder of trained judges in the output folder of an audit."""
WIDTHS: dict[NetworkName, int] = {"small-cnn": 32, "small-detector": 32}
"""Widths of small networks that need more than their usual 16: judges see harder images than other models."""
LEARNING_RATES: dict[NetworkName, float] = {"lenet": 2e-3, "resnet18": 1e-3, "lraspp": 2e-3}
"""The highest; others take `Task`'s."""


class JudgeBatches(IterableDataset[Labeled]):
    """The batches of one judge's training: a pure function of its arguments.

    Args:
        sources: ``(N, C, H, W)`` uint8 each, the same labels: each drawn image comes from one of them.
        labels: ``(N, ...)``, as `LabeledImages.labels`.
        chosen: Numbers of the images to draw from.
        kind: Kind of the labels.
        batch_size: Images per step.
        steps: Number of batches.
        seed: Seed of all draws.
    """

    def __init__(
        self,
        sources: tuple[Tensor, ...],
        labels: Tensor,
        chosen: list[int],
        kind: LabelKind,
        batch_size: int,
        steps: int,
        seed: int,
    ) -> None:
        self.sources, self.labels, self.chosen, self.kind = sources, labels, chosen, kind
        self.batch_size, self.steps, self.seed = batch_size, steps, seed
        self.order = labeled_order(kind, labels[chosen], seed, SYNTHETIC)

    def __iter__(self) -> Iterator[Labeled]:
        for step in range(self.steps):
            positions = range(step * self.batch_size, (step + 1) * self.batch_size)
            numbers = [self.chosen[self.order[position]] for position in positions]
            draws = generator_at(self.seed, REAL, step)
            which = torch.randint(len(self.sources), (self.batch_size, 1, 1, 1), generator=draws)
            images = self.sources[0][numbers]
            for place, source in enumerate(self.sources[1:], 1):
                images = torch.where(which == place, source[numbers], images)
            yield Labeled(randomize_content(to_float(images), draws, self.kind), self.labels[numbers], [])


def _load_unfinished(place: Path) -> Task | None:
    """Return the judge of a folder, on the CPU; None where it is missing or damaged."""
    try:
        task = load_method(place) if place.is_dir() else None
    except InputError:
        return None
    return task if isinstance(task, Task) else None


def _save_unfinished(place: Path, task: Task) -> None:
    try:
        shutil.rmtree(place, ignore_errors=True)
        write_bundle(task, place)
    except OSError as error:
        raise InputError(f"{place.parent}: cannot be written ({error.strerror}); choose another --output") from error


def remove_unfinished(output: Path) -> None:
    """Remove the trained judges that an audit kept until it was finished."""
    shutil.rmtree(output / UNFINISHED, ignore_errors=True)


def train_judges(
    name: str,
    sources: tuple[Tensor, ...],
    labels: Tensor,
    folds: Tensor,
    kind: LabelKind,
    names: Sequence[str],
    options: AuditOptions,
    output: Path | None = None,
) -> JudgeEnsemble:
    """Train a judge on the other folds, for each fold and architecture.

    Args:
        name: Name of the ensemble.
        sources: ``(n, C, H, W)`` uint8 each: images that show these labels.
        labels: ``(n, ...)``, as `LabeledImages.labels`.
        folds: ``(n,)`` numbers from 0 on.
        kind: Kind of the labels.
        names: Names of the classes or targets.
        options: Architectures, steps, batch size, seed (of initial weights, sampling and randomization) and device.
        output: Output folder of the audit: each judge is kept there until the audit is finished, and those of one that
            was stopped are taken. None: nothing is kept.

    Raises:
        InputError: If the images outside a fold lack a class.
    """
    device, batch_size = choose_device(options.device).type, options.batch_size or kind.judges.batch_size
    steps = options.steps or usual_steps(kind.judges.steps, len(folds))
    learned = {
        "images": [LabeledImages(images, labels, ()).digest() for images in sources],
        "folds": folds.tolist(),
        "batch_size": batch_size,
        "device": device,
    }
    versions = [refine.__version__, str(torch.__version__)]
    planned: list[tuple[EnsembleMember, JudgeBatches, Path | None, Task | None]] = []
    for fold in range(int(folds.max()) + 1):
        chosen = (folds != fold).nonzero()[:, 0].tolist()
        if kind.one_class and set(labels[chosen].tolist()) != set(labels.tolist()):
            raise InputError("a class has too few images to be judged by models that never saw them; leave it out")
        for place, network in enumerate(networks_for(kind, options.networks)):
            task = Task(
                classes=list(names),
                channels=sources[0].shape[1],
                width=WIDTHS.get(network, 16),
                learning_rate=LEARNING_RATES.get(network, 3e-3),
                steps=steps,
                seed=options.seed * 1000 + fold * 10 + place,
                kind=cast(KindName, kind.name),
                network=network,
            )
            batches = JudgeBatches(sources, labels, chosen, kind, batch_size, steps, task.seed)
            # A judge is taken for another one only where the same training would have made it.
            record = {"task": task.description(), "learned": learned, "versions": versions}
            digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
            kept = None if output is None else output / UNFINISHED / digest
            before = None if kept is None else _load_unfinished(kept)
            planned.append((EnsembleMember(f"{network}-{place}", fold, task), batches, kept, before))
    done = sum(before is not None for *_, before in planned)
    if done:
        print(f"{done} of {len(planned)} {name} judges were trained before")
    members = []
    with counted(steps * len(planned), f"training {name} judges", steps * done, "steps") as advance:
        for member, batches, kept, before in planned:
            task = before or fit_briefly(member.task, batches, device, advance)
            if before is None and kept is not None:
                _save_unfinished(kept, task)
            members.append(member._replace(task=task.to(torch.device(device))))
    return JudgeEnsemble(name, tuple(members))
