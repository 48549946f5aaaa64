from pathlib import Path

import numpy as np
import torch

from refine.benchmark.plan import Fit
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


def test_folders_of_a_row_have_files_of_their_own(tmp_path: Path) -> None:
    stored = StoredFits(plan(), tmp_path)
    assert stored.path(Fit("bad", 0, 3, 2)).name == "bad,2-0-3.npz"
    assert stored.path(Fit("bad,2", 0, 3)).name == "bad%2C2-0-3.npz"


def test_predictions_that_cannot_be_read_are_made_anew(tmp_path: Path) -> None:
    stored, fit = StoredFits(plan(), tmp_path), Fit("bad", 0)
    stored.save(fit, torch.arange(3))
    path = stored.path(fit)
    assert torch.equal(stored.load(fit), torch.arange(3))  # type: ignore[arg-type]  # it is there
    whole = path.read_bytes()
    with path.open("wb") as file:
        np.save(file, np.zeros(3))  # no archive
    assert stored.load(fit) is None
    path.write_bytes(whole[:-30])
    assert stored.load(fit) is None
    np.savez(path, digest=np.array(stored.digest(fit)), predictions=np.array(["text"]))
    assert stored.load(fit) is None
