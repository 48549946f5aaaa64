"""An audit's judges on disk: what it takes to judge an image again, without training."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from refine.audit.judges import Judges, Member
from refine.audit.pairs import Pairs
from refine.audit.result import JUDGES
from refine.errors import InputError
from refine.files import read_json, write_json
from refine.interop.bundle import write_bundle
from refine.labels import LabelKind
from refine.methods.checkpoint import load_method
from refine.methods.task import Task
from refine.npz_file import read_npz

INDEX, LABELS = "judges.json", "labels.npz"
CURE = "audit again"


class Stored(NamedTuple):
    """Judges and what they judge by."""

    kind: LabelKind
    names: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    places: dict[str, int]
    """Number of each key in the next two."""
    folds: Tensor
    labels: Tensor
    families: tuple[Judges, ...]


def require_free(output: Path) -> None:
    """Raise `InputError` where something that no audit left stands in the place of the judges: `store` replaces it."""
    folder = output / JUDGES
    if folder.exists() and not (folder / INDEX).is_file():
        raise InputError(f"{folder}: holds something else than an audit's judges; choose another --output")


def store(output: Path, pairs: Pairs, folds: Tensor, families: Sequence[Judges]) -> None:
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
        listed = []
        for family in families:
            members = []
            for place, member in enumerate(family.members):
                name = f"{family.name}-{place}"
                write_bundle(member.task, temporary / name)
                members.append({"bundle": name, "network": member.network, "fold": member.fold})
            listed.append({"name": family.name, "members": members})
        np.savez_compressed(temporary / LABELS, labels=pairs.labels.numpy(), folds=folds.numpy())
        about = {"kind": pairs.kind, "names": list(pairs.names), "size": list(pairs.size)}
        rest = {"channels": pairs.synthetic.shape[1], "keys": list(pairs.keys), "families": listed}
        write_json({**about, **rest}, temporary / INDEX)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --output") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_stored(output: Path, trust: tuple[str, ...] = ()) -> Stored:
    """What `store` wrote.

    Raises:
        InputError: If something is missing or damaged.
    """
    folder = output / JUDGES
    about = read_json(folder / INDEX, CURE)
    try:
        labels, folds = map(torch.from_numpy, read_npz(folder / LABELS, ("labels", "folds")))
        keys = [str(key) for key in about["keys"]]
        families = tuple(_family(folder, one, trust) for one in about["families"])
        kind, names = cast(LabelKind, str(about["kind"])), tuple(map(str, about["names"]))
        height, width = map(int, about["size"])
        channels = int(about["channels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: its judges cannot be read ({' '.join(str(error).split())}); {CURE}") from error
    if not (len(keys),) == labels.shape[:1] == folds.shape:
        found = f"{len(keys)} keys, labels of {tuple(labels.shape)} and folds of {tuple(folds.shape)}"
        raise InputError(f"{folder}: {found}; {CURE}")
    places = {key: place for place, key in enumerate(keys)}
    return Stored(kind, names, (height, width), channels, places, folds, labels, families)


def _family(folder: Path, listed: Mapping[str, object], trust: tuple[str, ...]) -> Judges:
    members = []
    for one in cast(list[dict[str, object]], listed["members"]):
        bundle = str(one["bundle"])
        if Path(bundle).name != bundle or bundle in {"", ".."}:
            raise InputError(f"{folder / INDEX}: {bundle!r} leads out of the folder; {CURE}")
        task = load_method(folder / bundle, trust)
        if not isinstance(task, Task):
            raise InputError(f"{folder / bundle}: holds {type(task).__name__}, expected a task model; {CURE}")
        members.append(Member(str(one["network"]), int(cast(int, one["fold"])), task))
    return Judges(str(listed["name"]), tuple(members))
