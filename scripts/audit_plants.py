"""Planted label changes: a tenth of the images under the refined picture of another class, again and again."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.judges import Examples
from refine.audit.pairs import Pairs
from refine.audit.result import read_audit
from refine.audit.training import load_judges

SHARE = 0.1


class Draw(NamedTuple):
    """What an audit said of one draw of plants."""

    planted: int
    failed: int
    """Of these, with the verdict fail."""
    not_passed: int
    """Of these, with fail or review."""


def draws(folder: Path, pairs: Pairs, count: int, seed: int = 0) -> list[Draw]:
    """Plant, judge again with the judges that the audit kept, and count.

    A replacement comes from the same fold, so that no judge saw even its synthetic original.

    Args:
        folder: Of the audit.
        pairs: What it audited.
        count: How many draws.
        seed: Of them.
    """
    stored, records = load_judges(folder), read_audit(folder)["judges"]
    places = torch.tensor([stored.places[key] for key in pairs.keys])
    folds = stored.folds[places]
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        chosen = torch.randperm(len(pairs.keys), generator=generator)[: round(SHARE * len(pairs.keys))]
        other = torch.tensor([_other(int(place), pairs.labels, folds, generator) for place in chosen])
        failed, doubted = torch.zeros(2, len(chosen), dtype=torch.bool)
        for judges in stored.ensembles:
            images, labels = pairs.refined[other], pairs.labels[chosen]
            for measure, scores in judges.deciding_scores(Examples(images, folds[chosen], labels)).items():
                record = records[f"{judges.name}: {measure}"]
                failed |= scores > record["fail_threshold"]
                doubted |= scores > record["threshold"]
        found.append(Draw(len(chosen), int(failed.sum()), int((failed | doubted).sum())))
    return found


def _other(place: int, labels: Tensor, folds: Tensor, generator: torch.Generator) -> int:
    fits = ((labels != labels[place]) & (folds == folds[place])).nonzero()[:, 0]
    return int(fits[torch.randint(len(fits), (1,), generator=generator)])
