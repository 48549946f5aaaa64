"""Swapped labels: how many of them an audit finds, by its verdicts and by its order of judge scores."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import torch
from torch import Tensor

from refine.audit.ensembles import REAL, by_real, open_real
from refine.audit.evidence import AuditContext
from refine.audit.judges import Examples, in_folds
from refine.audit.options import AuditOptions
from refine.audit.pairs import Pairs
from refine.audit.result import Certificate
from refine.audit.training import load_judges, store_judges
from refine.audit.verdicts import certify
from refine.data.images import list_images
from refine.data.store import read_labeled

SHARE = 0.1
FIRST = (14, 28, 42)
"""Places in the order of judge scores up to which a person looks."""


class Found(NamedTuple):
    """What an audit says of one draw of swaps."""

    competent: float
    """1 where it gives verdicts, 0 where it is inconclusive."""
    swaps_failed: float
    """Share of the swapped images."""
    swaps_not_passed: float
    others_failed: float
    """Share of the images whose label is right."""
    others_not_passed: float
    auc: float
    """Chance that a swapped image stands before another one in the order of judge scores; of a random order 0.5."""
    found_first: tuple[float, ...]
    """Share of the swapped images among the first `FIRST`."""


def swapped(labels: Tensor, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Labels of which a tenth say another class, and which they are.

    Args:
        labels: ``(N,)``
        classes: How many.
        seed: Of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[: round(SHARE * len(labels))]
    labels, wrong = labels.clone(), torch.zeros(len(labels), dtype=torch.bool)
    labels[chosen] = (labels[chosen] + torch.randint(1, classes, (len(chosen),), generator=generator)) % classes
    wrong[chosen] = True
    return labels, wrong


def swapped_key(key: str, label: str) -> str:
    """Where an image stands once its label is another one; a name may stand in two folders before."""
    return f"{label}/{key.replace('/', '-')}"


def write_swapped(source: Path, target: Path, names: Mapping[str, str]) -> None:
    """A tree of class folders as a user would have it whose labels are wrong.

    Args:
        source: Class folders.
        target: The same with swapped labels.
        names: New key by old key.
    """
    for old, new in names.items():
        (target / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / old, target / new)


def write_block(source: Path, target: Path, classes: Sequence[str], count: int, part: float) -> str:
    """Copy a block of neighboring real crops in which each class stands twice at least; returns which.

    Args:
        source: Class folders; names hold the index of the frame.
        target: The same of the block.
        classes: Names.
        count: How many crops.
        part: Where in the recording it starts, from 0 (at the beginning) to 1 (as late as it can).
    """
    paths = sorted((path for name in classes for path in list_images(source / name)), key=lambda path: path.name)

    def fits(start: int) -> bool:
        block = [path.parent.name for path in paths[start : start + count]]
        return all(block.count(name) >= 2 for name in classes)

    wanted = round(part * (len(paths) - count))
    start = min(
        (place for place in range(len(paths) - count + 1) if fits(place)), key=lambda place: abs(place - wanted)
    )
    block = paths[start : start + count]
    for path in block:
        (target / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.parent.name / path.name)
    return f"{block[0].stem} to {block[-1].stem}"


def judged_by_real(pairs: Pairs, real: Path, folder: Path, seeds: Iterable[int]) -> list[Found]:
    """Draws of swaps before judges of labeled real images, which know nothing of them: trained once, asked each time.

    Args:
        pairs: What is audited, with right labels.
        real: The labeled real images.
        folder: For the judges.
        seeds: Of the draws.
    """
    options = AuditOptions(output=folder)
    images, truth, keys = read_labeled(open_real(pairs, real, "auto"), pairs.synthetic.shape[1], pairs.size)
    own = in_folds(truth, pairs.kind, options.folds, options.seed, torch.arange(len(keys)))
    if not (folder / "judges").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        context = AuditContext(pairs, own, options)
        apart = context.train(REAL, (images,), truth, own)
        store_judges(folder, Pairs(pairs.kind, pairs.names, keys, images, images, truth), own, [apart])
    (apart,) = load_judges(folder).ensembles
    found = []
    for seed in seeds:
        labels, wrong = swapped(pairs.labels, len(pairs.names), seed)
        folds = in_folds(labels, pairs.kind, options.folds, options.seed, torch.arange(len(labels)))
        context = AuditContext(pairs._replace(labels=labels), folds, options)
        evidence, _ = by_real(context, apart, Examples(images, own, truth))
        certificates = certify(pairs.keys, [evidence], evidence.records())
        doubt = {one["key"]: one["scores"][f"{REAL}: class_doubt"] for one in certificates}
        found.append(measured(certificates, dict(zip(pairs.keys, wrong.tolist(), strict=True)), doubt))
    return found


def measured(certificates: Sequence[Certificate], wrong: Mapping[str, bool], ranked_by: Mapping[str, float]) -> Found:
    """Hold verdicts and an order against the truth.

    Args:
        certificates: Of all images.
        wrong: By key, whether the label was swapped.
        ranked_by: Judge scores by key; the highest comes first.
    """
    verdicts = {
        truth: [one["verdict"] for one in certificates if wrong[one["key"]] == truth] for truth in (True, False)
    }

    def share(truth: bool, *names: str) -> float:
        return mean(verdict in names for verdict in verdicts[truth])

    order = sorted(wrong, key=lambda key: -ranked_by[key])
    pairs = [
        (ranked_by[bad] > ranked_by[good]) + 0.5 * (ranked_by[bad] == ranked_by[good])
        for bad in wrong
        for good in wrong
        if wrong[bad] and not wrong[good]
    ]
    swaps = sum(wrong.values())
    return Found(
        float(any(one["verdict"] != "inconclusive" for one in certificates)),
        share(True, "fail"),
        share(True, "fail", "review"),
        share(False, "fail"),
        share(False, "fail", "review"),
        mean(pairs),
        tuple(sum(wrong[key] for key in order[:first]) / swaps for first in FIRST),
    )


def summary(found: Sequence[Found]) -> dict[str, Any]:
    """Means over draws with the lowest and the highest; verdicts over the draws that have any."""
    able = [one for one in found if one.competent]

    def spread(values: Sequence[float]) -> dict[str, float] | None:
        return {"mean": mean(values), "lowest": min(values), "highest": max(values)} if values else None

    verdicts = {
        name: spread([getattr(one, name) for one in able])
        for name in ("swaps_failed", "swaps_not_passed", "others_failed", "others_not_passed")
    }
    order = {
        f"found_in_first_{first}": spread([one.found_first[place] for one in found])
        for place, first in enumerate(FIRST)
    }
    return {"draws": len(found), "competent": len(able), **verdicts, "auc": spread([one.auc for one in found]), **order}
