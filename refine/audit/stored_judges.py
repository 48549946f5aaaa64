"""An audit's judges on disk, and how a finished audit judges images again without training: `refine apply --audit`."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

import numpy as np
import torch
from torch import Tensor

from refine.archives import read_npz
from refine.audit.judges import EnsembleMember, Examples, JudgeEnsemble
from refine.audit.pairs import Pairs
from refine.audit.result import AUDIT_AGAIN, JUDGES, Audit, Certificate, ensemble_of, read_audit, read_certificates
from refine.audit.verdicts import DIGITS, verdict_of
from refine.data.images import resize_levels
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.json_files import read_typed, write_json
from refine.labels import KindName
from refine.methods.checkpoint import load_method
from refine.methods.task import Task

INDEX, LABELS = "judges.json", "labels.npz"


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
    """Raise `InputError` where something that no audit left stands in the place of the judges: `store` replaces it."""
    folder = output / JUDGES
    if folder.exists() and not (folder / INDEX).is_file():
        raise InputError(f"{folder}: holds something else than an audit's judges; choose another --output")


def store(output: Path, pairs: Pairs, folds: Tensor, ensembles: Sequence[JudgeEnsemble]) -> None:
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
        np.savez_compressed(temporary / LABELS, labels=pairs.labels.numpy(), folds=folds.numpy())
        index: JudgeIndex = {
            "kind": cast(KindName, pairs.kind.name),
            "names": list(pairs.names),
            "size": pairs.size,
            "channels": pairs.synthetic.shape[1],
            "keys": list(pairs.keys),
            "families": listed,
        }
        write_json(index, temporary / INDEX)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --output") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_stored(output: Path, trust: tuple[str, ...] = ()) -> StoredJudges:
    """Read what `store` wrote.

    Raises:
        InputError: If something is missing or damaged.
    """
    folder = output / JUDGES
    index = read_typed(folder / INDEX, JudgeIndex, AUDIT_AGAIN)
    keys = index["keys"]
    try:
        labels, folds = map(torch.from_numpy, read_npz(folder / LABELS, ("labels", "folds")))
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
        raise InputError(f"{folder / INDEX}: {bundle!r} leads out of the folder; {AUDIT_AGAIN}")
    task = load_method(folder / bundle, trust)
    if not isinstance(task, Task):
        raise InputError(f"{folder / bundle}: holds {type(task).__name__}, expected a task model; {AUDIT_AGAIN}")
    return EnsembleMember(listed["network"], listed["fold"], task)


class Auditor:
    """A finished audit that judges images again, at each strength of the change.

    Args:
        verdicts: The certificate of each image, by key.
        audit: What `audit.json` holds.
        stored: The judges.
    """

    def __init__(self, verdicts: dict[str, Certificate], audit: Audit, stored: StoredJudges) -> None:
        self.verdicts, self.audit, self.stored = verdicts, audit, stored
        names = {ensemble.name for ensemble in stored.ensembles}
        self.records = {name: record for name, record in audit["judges"].items() if ensemble_of(name) in names}

    @property
    def model(self) -> str | None:
        """Sha256 of the checkpoint whose output was audited; None where nobody recorded it."""
        found = self.audit["provenance"].get("model")
        return None if found is None else str(found)

    @classmethod
    def load(cls, folder: Path, trust: tuple[str, ...] = ()) -> "Auditor":
        """Read the output folder of an audit.

        Raises:
            InputError: If a file is missing or damaged.
        """
        return cls(read_certificates(folder), read_audit(folder), load_stored(folder, trust))

    def __call__(self, key: str, synthetic: Tensor, refined: Tensor) -> Certificate:
        """Judge one image again.

        Args:
            key: Under which it was audited.
            synthetic: ``(C, H, W)`` uint8, gray or RGB.
            refined: The same shape.

        Raises:
            InputError: If the key was not audited.
        """
        stored = self.stored
        if key not in stored.places:
            raise InputError(f"{key}: is not an image of this audit; {AUDIT_AGAIN}")
        one = slice(stored.places[key], stored.places[key] + 1)
        example = Examples(self._seen(refined), stored.folds[one], stored.labels[one])
        scores = dict(self.verdicts[key]["scores"]) if key in self.verdicts else {}
        for ensemble in stored.ensembles:
            for name, score in ensemble.deciding_scores(example).items():
                scores[f"{ensemble.name}: {name}"] = round(float(score), DIGITS)
        verdict, reasons = verdict_of(scores, self.records)
        rest = {name: record for name, record in self.audit["judges"].items() if name not in self.records}
        doubts = [name for name, record in rest.items() if record["competent"] and scores[name] > record["threshold"]]
        if verdict == "pass" and doubts:  # evidence that is not measured again is not gone either
            verdict, reasons = "review", [f"Unusual at full strength: {name}." for name in doubts]
        before = self.verdicts.get(key)
        if before and before["by"] == "person" and before["verdict"] == "fail" and before["audit_verdict"] == "pass":
            # What the person saw these judges did not see at full strength, so their word counts at none.
            verdict, reasons = "fail", before["reasons"]
        return Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=scores)

    def _seen(self, image: Tensor) -> Tensor:
        """``(1, C, H, W)`` uint8 as judges see it."""
        gray = torch.tensor([0.299, 0.587, 0.114])
        if image.shape[0] == 3 and self.stored.channels == 1:
            image = (image.float() * gray[:, None, None]).sum(0, keepdim=True).round().to(torch.uint8)
        return resize_levels(image.expand(self.stored.channels, -1, -1), self.stored.size)[None]
