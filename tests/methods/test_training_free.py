"""What all training-free translators share, shown with the simplest of them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.methods.color_transfer import ColorTransfer
from refine.methods.training_free import fit_statistics
from tests.methods.steps import run_steps
from tests.methods.test_color_transfer import batch


def test_a_run_that_was_resumed_holds_the_statistics_of_the_whole_run(tmp_path: Path) -> None:
    given = [batch(seed) for seed in range(4)]
    whole, half, resumed = (ColorTransfer(steps=4) for _ in range(3))
    run_steps(whole, given)
    run_steps(half, given[:2]).save_checkpoint(tmp_path / "half.ckpt")
    stored = torch.load(tmp_path / "half.ckpt", weights_only=True)
    resumed.load_state_dict(stored["state_dict"])
    resumed.on_load_checkpoint(stored)
    run_steps(resumed, given[2:])
    assert resumed.steps_done == 4
    assert resumed.state_dict().keys() == whole.state_dict().keys()
    for name, sums in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], sums)


def test_each_step_counts_the_batches_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def sum_of_two_equal_processes(self: object, part: Tensor, *args: object, reduce_op: str) -> Tensor:
        return 2 * part if reduce_op == "sum" else part

    monkeypatch.setattr("lightning.pytorch.strategies.SingleDeviceStrategy.reduce", sum_of_two_equal_processes)
    both, twice = ColorTransfer(steps=1), ColorTransfer()
    run_steps(both, [batch(0)])
    fit_statistics(twice, [batch(0)["synthetic"].image] * 2, [batch(0)["real"]] * 2)
    assert int(both.real.count) == 2 * 6 * 12 * 12
    for name, sums in twice.state_dict().items():
        assert torch.equal(both.state_dict()[name], sums)


def test_several_processes_find_a_parameter_to_share_that_no_file_holds() -> None:
    transfer = ColorTransfer()
    assert [weight.requires_grad for weight in transfer.parameters()] == [True]  # DDP refuses a module without
    assert sorted(transfer.state_dict()) == [
        f"{side}.{sums}" for side in ("real", "synthetic") for sums in ("count", "squares", "total")
    ]
    transfer.load_state_dict(transfer.state_dict())  # strictly: nothing is missed


def test_images_of_another_number_of_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="1 channels, and these statistics are of 3"):
        ColorTransfer(channels=3).real.add(torch.zeros(1, 1, 4, 4))
