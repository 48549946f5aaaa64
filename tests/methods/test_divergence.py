"""Every method that descends a loss stops at the first step at which one is not finite."""

from pathlib import Path

import pytest
import torch

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import TrainingDiverged
from tests.methods.steps import run_steps
from tests.methods.test_precision import MAKE, batch

LEARNING = ["simgan", "cyclegan", "cyclegan-r1", "cycada", "cut", "feature-adaptation", "task-small-cnn"]


def broken() -> UnpairedBatch:
    one = batch(masks=False)
    nothing = torch.full_like(one["real"], torch.nan)
    return {"synthetic": Labeled(nothing, one["synthetic"].label, one["synthetic"].key), "real": nothing}


@pytest.mark.parametrize("name", LEARNING)
def test_a_loss_that_is_not_finite_stops_the_run_before_it_moves_a_weight(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = MAKE[name](tmp_path)
    with pytest.raises(TrainingDiverged, match=r"training stopped at step 2: a loss is nan; .* lower learning rate"):
        run_steps(method, [batch(masks=False), batch(masks=False), broken(), batch(masks=False)])
    assert method.steps_done == 2
    assert all(bool(torch.isfinite(weight).all()) for weight in method.parameters())
