import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch

import refine
from refine.benchmark.augmentation import JITTER
from refine.benchmark.plan import TEST, Fit
from refine.benchmark.stored import StoredFits
from tests.benchmark.test_plan import plan


def test_predictions_of_the_same_training_are_others_where_the_test_images_stand_in_another_order(
    tmp_path: Path,
) -> None:
    one, other, fit = plan(), plan(), Fit("good+3_real", 0, 0)
    other.folds[0].reverse()  # it trains on the other blocks
    assert one.real_pool(fit).keys == other.real_pool(fit).keys
    assert StoredFits(one, tmp_path).digest(fit) != StoredFits(other, tmp_path).digest(fit)
    assert StoredFits(one, tmp_path).digest(Fit("bad", 0)) == StoredFits(other, tmp_path).digest(Fit("bad", 0))


def test_predictions_that_were_stored_before_rows_had_several_translators_are_still_taken(tmp_path: Path) -> None:
    one, fit = plan(), Fit("bad", 0)
    record = {
        "fit": ["bad", 0, None],
        "source": [["bad"], 0, False],
        "sets": [one.sets["bad"].digest()],
        "test": one.sets[TEST].digest(),
        "tested": list(range(10)),
        "real": None,
        "classes": list(one.classes),
        "protocol": asdict(one.protocol),
        "jitter": JITTER,
        "versions": [refine.__version__, str(torch.__version__), torch.cuda.is_available()],
    }
    stored = StoredFits(one, tmp_path)
    assert stored.digest(fit) == hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    assert stored.path(fit).name == "bad-0.npz"


def test_folders_of_a_row_have_files_of_their_own(tmp_path: Path) -> None:
    stored = StoredFits(plan(), tmp_path)
    assert stored.path(Fit("bad", 0, 3, 2)).name == "bad,2-0-3.npz"
    assert stored.path(Fit("bad,2", 0, 3)).name == "bad%2C2-0-3.npz"
