import os
import subprocess
import sys
from pathlib import Path

import pytest

from refine.cli import main

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


SLOW = pytest.mark.slow  # each starts an interpreter or two, for much the same lines


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("train_simgan.sh", marks=SLOW),
        pytest.param("train_cyclegan.sh", marks=SLOW),
        pytest.param("train_cycada.sh", marks=SLOW),
        pytest.param("train_cut.sh", marks=SLOW),
    ],
)
def test_a_training_script_runs_a_step(name: str, tmp_path: Path) -> None:
    task = tmp_path / "task" / "last.ckpt"
    if "cycada" in name:
        recipes = ["-c", "models/task.yaml", "-c", "datasets/traffic-lights.yaml", "--trainer.accelerator", "cpu"]
        assert (
            main(["fit", *recipes, "--trainer.default-root-dir", str(tmp_path), "--run", "task", "--steps", "1"]) == 0
        )
    before = list(tmp_path.iterdir())
    environment = {
        **os.environ,
        "REFINE": str(Path(sys.executable).parent / "refine"),
        "DATASET": "datasets/traffic-lights.yaml",
        "OMP_NUM_THREADS": "1",
        "TASK": str(task),
    }
    quick = ["--trainer.fast-dev-run", "true", "--trainer.accelerator", "cpu", "--data.batch-size", "2"]
    where = ["--trainer.default-root-dir", str(tmp_path)]
    command = ["bash", str(SCRIPTS / name), *quick, *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == before  # a fast_dev_run leaves nothing


def test_a_typo_stops_the_script(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "REFINE": str(Path(sys.executable).parent / "refine"),
        "DATASET": "datasets/nothing.yaml",
    }
    command = ["bash", str(SCRIPTS / "train_simgan.sh")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert "datasets/nothing.yaml: no such file" in done.stderr


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW) for name in ("train_simgan.sh", "train_cyclegan.sh")])
def test_a_training_script_takes_folders_relative_to_where_it_is_called(
    name: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "REFINE": str(Path(sys.executable).parent / "refine"), "OMP_NUM_THREADS": "1"}
    environment |= {"SYNTHETIC": "synthetic", "REAL": "real"}
    quick = ["--trainer.fast-dev-run", "true", "--trainer.accelerator", "cpu"]
    done = subprocess.run(
        ["bash", str(SCRIPTS / name), *quick],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=pair[0].parent,
    )
    assert done.returncode == 0, done.stderr
