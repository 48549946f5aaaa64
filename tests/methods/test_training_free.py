"""What all training-free translators share, shown with the simplest of them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.cli import main
from refine.data.images import read_image
from refine.methods.checkpoint import load_translator
from refine.methods.color_transfer import ColorTransfer
from refine.methods.training_free import fit_statistics
from tests.methods.steps import run_steps
from tests.methods.test_color_transfer import batch


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


@pytest.mark.parametrize(("recipe", "count"), [("fda", 5 * 4), ("histogram-matching", 5 * 4 * 32 * 32)])
def test_the_command_line_fits_resumes_exactly_validates_and_applies(
    recipe: str, count: int, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4"]
    where = ["--trainer.accelerator", "cpu", "--trainer.default-root-dir", str(tmp_path)]
    more = ["--model.beta", "0.1"] if recipe == "fda" else []

    def last(run: str, *steps: str, command: str = "fit") -> Path:
        assert main([command, "-c", recipe, *data, *where, *more, "--run", run, *steps]) == 0
        return tmp_path / run / "last.ckpt"

    whole = last("whole", "--steps", "5")
    resumed = last("resumed", "--steps", "5", "--ckpt-path", str(last("half", "--steps", "2")))
    states = [load_translator(file).state_dict() for file in (whole, resumed)]
    assert int(states[0]["real.count"]) == count
    for name, sums in states[0].items():
        assert torch.equal(states[1][name], sums), name
    last("whole", "--ckpt-path", str(whole), command="validate")
    refined = tmp_path / "refined"
    assert main(["apply", "--checkpoint", str(whole), "--input", str(pair[0]), "--output", str(refined)]) == 0
    before, after = (read_image(root / "a" / "a-000.png", 3).float() for root in (pair[0], refined))
    assert float(after.mean() - before.mean()) > 80.0  # the real images are 120 levels brighter
