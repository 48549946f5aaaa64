"""Training of judges on images that look different each time, so that a judge learns what is shown; and judges on disk.

Trained judges of an audit that is not finished stay in its output folder: a second run goes on with them. Those of a
finished one are stored for `refine apply --audit`.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

import refine
from refine.archives import read_npz
from refine.audit.judges import EnsembleMember, JudgeEnsemble, networks_for
from refine.audit.options import AuditOptions, usual_steps
from refine.audit.pairs import Pairs
from refine.audit.perturbations import randomize_content
from refine.audit.result import AUDIT_AGAIN, JUDGES
from refine.data.images import to_float
from refine.data.pairs import REAL, SYNTHETIC, generator_at, labeled_order
from refine.data.samples import Labeled
from refine.data.store import LabeledImages
from refine.devices import choose_device
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.json_files import read_typed, write_json
from refine.labels import KindName, LabelKind
from refine.methods.checkpoint import load_method
from refine.methods.frozen_task import fit_briefly
from refine.methods.task import Task
from refine.networks.task_networks import NetworkName
from refine.terminal import counted

INDEX_FILE, LABELS_FILE = "judges.json", "labels.npz"
"""Files in the folder of judges, next to a bundle for each of them."""
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


class ListedMember(TypedDict):
    """One judge in the index."""

    bundle: str
    """Name of its folder."""
    network: str
    fold: int


class ListedEnsemble(TypedDict):
    """One ensemble in the index."""

    name: str
    members: list[ListedMember]


class JudgeIndex(TypedDict):
    """Content of `judges.json`."""

    kind: KindName
    names: list[str]
    size: tuple[int, int]
    channels: int
    keys: list[str]
    families: list[ListedEnsemble]


class StoredJudges(NamedTuple):
    """Judges and what they judge by."""

    size: tuple[int, int]
    """Height and width that they judge at."""
    channels: int
    places: dict[str, int]
    """Number of each key in the next two."""
    folds: Tensor
    labels: Tensor
    ensembles: tuple[JudgeEnsemble, ...]


def require_free(output: Path) -> None:
    """Raise `InputError` where something that no audit left stands in the place of the judges, to be replaced."""
    folder = output / JUDGES
    if folder.exists() and not (folder / INDEX_FILE).is_file():
        raise InputError(f"{folder}: holds something else than an audit's judges; choose another --output")


def store_judges(output: Path, pairs: Pairs, folds: Tensor, ensembles: Sequence[JudgeEnsemble]) -> None:
    """Write the judges of an audit; what an interrupted audit left of them is replaced.

    Raises:
        InputError: If the place cannot be written to.
    """
    folder, temporary = output / JUDGES, output / f".{JUDGES}.tmp"
    try:
        for old in (temporary, folder):
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
        temporary.mkdir(parents=True)
        listed: list[ListedEnsemble] = []
        for ensemble in ensembles:
            members: list[ListedMember] = []
            for place, member in enumerate(ensemble.members):
                name = f"{ensemble.name}-{place}"
                write_bundle(member.task, temporary / name)
                members.append({"bundle": name, "network": member.network, "fold": member.fold})
            listed.append({"name": ensemble.name, "members": members})
        np.savez_compressed(temporary / LABELS_FILE, labels=pairs.labels.numpy(), folds=folds.numpy())
        index: JudgeIndex = {
            "kind": cast(KindName, pairs.kind.name),
            "names": list(pairs.names),
            "size": pairs.size,
            "channels": pairs.synthetic.shape[1],
            "keys": list(pairs.keys),
            "families": listed,
        }
        write_json(index, temporary / INDEX_FILE)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --output") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_judges(output: Path, trust: tuple[str, ...] = ()) -> StoredJudges:
    """Read what `store_judges` wrote.

    Raises:
        InputError: If something is missing or damaged.
    """
    folder = output / JUDGES
    index = read_typed(folder / INDEX_FILE, JudgeIndex, AUDIT_AGAIN)
    keys = index["keys"]
    try:
        labels, folds = map(torch.from_numpy, read_npz(folder / LABELS_FILE, ("labels", "folds")))
        ensembles = tuple(
            JudgeEnsemble(one["name"], tuple(_load_member(folder, member, trust) for member in one["members"]))
            for one in index["families"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: its judges cannot be read ({reason}); {AUDIT_AGAIN}") from error
    if not (len(keys),) == labels.shape[:1] == folds.shape:
        found = f"{len(keys)} keys, labels of {tuple(labels.shape)} and folds of {tuple(folds.shape)}"
        raise InputError(f"{folder}: {found}; {AUDIT_AGAIN}")
    places = {key: place for place, key in enumerate(keys)}
    return StoredJudges(index["size"], index["channels"], places, folds, labels, ensembles)


def _load_member(folder: Path, listed: ListedMember, trust: tuple[str, ...]) -> EnsembleMember:
    bundle = listed["bundle"]
    if Path(bundle).name != bundle or bundle in {"", ".."}:
        raise InputError(f"{folder / INDEX_FILE}: {bundle!r} leads out of the folder; {AUDIT_AGAIN}")
    task = load_method(folder / bundle, trust)
    if not isinstance(task, Task):
        raise InputError(f"{folder / bundle}: holds {type(task).__name__}, expected a task model; {AUDIT_AGAIN}")
    return EnsembleMember(listed["network"], listed["fold"], task)
