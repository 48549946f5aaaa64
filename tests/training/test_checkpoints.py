from pathlib import Path

import pytest
import torch

from refine.cli import main
from refine.methods.checkpoint import read_checkpoint
from refine.training.checkpoints import Checkpoints
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


def test_an_interrupted_writing_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = run_steps(small(), [batch()])
    monkeypatch.setattr(type(trainer), "log_dir", str(tmp_path))
    Checkpoints._save(trainer, "last.ckpt")
    kept = (tmp_path / "last.ckpt").read_bytes()

    def killed(path: Path) -> None:
        Path(path).write_bytes(b"half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        Checkpoints._save(trainer, "last.ckpt")
    assert (tmp_path / "last.ckpt").read_bytes() == kept


def test_the_best_checkpoint_is_the_one_nearest_to_real(pair: tuple[Path, Path], tmp_path: Path) -> None:
    small_net = ["--model.features", "4", "--model.blocks", "1", "--model.refiner_warmup_steps", "0"]
    small_net += ["--model.discriminator_warmup_steps", "0"]
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch_size", "4"]
    where = ["--trainer.default_root_dir", str(tmp_path), "--run", "run", "--trainer.accelerator", "cpu"]
    steps = ["--steps", "12", "--trainer.val_check_interval", "4"]
    assert main(["fit", "-c", "models/simgan.yaml", *small_net, *data, *where, *steps]) == 0
    last = read_checkpoint(tmp_path / "run" / "last.ckpt")
    best = read_checkpoint(tmp_path / "run" / "best.ckpt")
    assert best["refine"]["steps_done"] in {4, 8, 12}
    assert last["callbacks"]["Checkpoints"]["best"] == best["callbacks"]["Checkpoints"]["best"]
    assert torch.isfinite(torch.tensor(last["callbacks"]["Checkpoints"]["best"]))
