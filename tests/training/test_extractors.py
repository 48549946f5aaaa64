import json
from pathlib import Path

import pytest

from refine.cli import main
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from refine.training.extractors import extractors


def test_a_task_models_checkpoint_serves_as_features_and_gives_the_metric_its_name(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch_size", "4"]
    where = ["--trainer.default_root_dir", str(tmp_path), "--run", "task", "--trainer.accelerator", "cpu"]
    assert main(["fit", "-c", "models/task.yaml", *data, *where, "--steps", "3", "--model.width", "4"]) == 0
    task = str(tmp_path / "task" / "last.ckpt")
    sides = ["--synthetic", str(pair[0]), "--refined", str(pair[0]), "--real", str(pair[1])]
    assert main(["evaluate", *sides, "--features", task, "swd", "--output", str(tmp_path / "metrics.json")]) == 0
    rows = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert set(rows) == {"synthetic", "refined", "real_floor"}
    assert set(rows["refined"]) == {"swd", "fid[task]", "kid[task]"}
    assert rows["refined"]["kid[task]"]["value"] == rows["synthetic"]["kid[task]"]["value"]  # the same images


def test_a_translators_checkpoint_has_no_features(pair: tuple[Path, Path], tmp_path: Path) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch_size", "2"]
    where = ["--trainer.default_root_dir", str(tmp_path), "--run", "gan", "--trainer.accelerator", "cpu"]
    small = ["--model.features", "4", "--model.blocks", "1", "--steps", "1"]
    assert main(["fit", "-c", "models/simgan.yaml", *data, *where, *small]) == 0
    with pytest.raises(InputError, match="holds SimGAN; features come from a task model"):
        extractors([str(tmp_path / "gan" / "last.ckpt")], None)


def test_a_name_that_is_neither_is_refused() -> None:
    with pytest.raises(InputError, match="inception"):
        extractors(["inception-99"], None)


def test_two_networks_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bundle(Task(["a", "b"], width=4), tmp_path / name)
    with pytest.raises(InputError, match="two: one network called 'task' is given already"):
        extractors([str(tmp_path / "one"), "swd", str(tmp_path / "two")], None)
