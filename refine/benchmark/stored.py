"""Predictions of finished fits on disk, so that a second run goes on where the first one stopped."""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from torch import Tensor

import refine
from refine.benchmark.augmentation import JITTER
from refine.benchmark.plan import TEST, Fit, Plan
from refine.files import write_whole
from refine.npz_file import read_npz

FOLDER = "fits"

LONGEST = 80
"""Letters of a row's name in a file's name."""


class StoredFits:
    """Reads and writes the predictions of a plan's fits.

    A file is taken for a fit's only if it was made of the same images, labels, settings and versions.

    Args:
        plan: What predictions follow from.
        folder: Where they lie.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.sets = {name: images.digest() for name, images in plan.sets.items()}

    def path(self, fit: Fit) -> Path:
        """``ROW-SEED.npz``, or ``ROW-SEED-BLOCK.npz``; of a row's second folder ``ROW,1-SEED.npz``, and so on."""
        block = "" if fit.fold is None else f"-{fit.fold}"
        folder = f",{fit.translator}" if fit.translator else ""  # no row's name has a comma in a file's name
        return self.folder / f"{quote(fit.row, safe='+ ')[:LONGEST]}{folder}-{fit.seed}{block}.npz"

    def digest(self, fit: Fit) -> str:
        """Of everything that the predictions of a fit follow from: of the row's folders, the fit's own."""
        plan, source = self.plan, self.plan.rows[fit.row]
        record = {
            "fit": fit[:3],
            "source": source,
            "sets": [self.sets[name] for name in plan.set_names(fit)],
            "test": self.sets[TEST],
            "tested": plan.tested(fit),
            "real": plan.real_pool(fit).take(plan.real_picks(fit)).digest() if source.real != 0 else None,
            "classes": plan.classes,
            # Of devices the kind alone, and no number of threads: fewer --jobs shall find what more of them left.
            "protocol": asdict(plan.protocol) | {"device": torch.device(plan.protocol.device).type},
            "jitter": JITTER,
            "versions": [refine.__version__, str(torch.__version__)],
        }
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()

    def load(self, fit: Fit) -> Tensor | None:
        """The predictions, if they are there."""
        try:
            digest, predictions = read_npz(self.path(fit), ("digest", "predictions"))
            return torch.from_numpy(predictions) if str(digest) == self.digest(fit) else None
        except (OSError, ValueError, TypeError):  # not there, or cut short: fitted anew
            return None

    def save(self, fit: Fit, predictions: Tensor) -> None:
        """Write the predictions of a finished fit.

        Raises:
            InputError: If the folder cannot be written to.
        """
        content = io.BytesIO()
        np.savez_compressed(content, digest=np.array(self.digest(fit)), predictions=predictions.numpy())
        write_whole(self.path(fit), content.getvalue())
