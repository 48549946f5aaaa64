import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refine.data.images import read_image

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_digits_data.py"


def main(*args: object) -> int:
    code: int = runpy.run_path(str(SCRIPT))["main"]([str(arg) for arg in args])
    return code


@pytest.fixture
def arrays() -> dict[str, Any]:
    """A tiny MNIST: the level of an image says which one it is."""
    return {
        "x_train": np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((1, 28, 28), np.uint8),
        "x_test": np.arange(100, 150, dtype=np.uint8)[:, None, None] + np.zeros((1, 28, 28), np.uint8),
        "y_test": (np.arange(50) % 10).astype(np.uint8),
    }


@pytest.fixture
def source(tmp_path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(tmp_path / "mnist.npz", **arrays)
    return tmp_path / "mnist.npz"


def test_training_images_lie_flat_and_test_images_by_class_under_their_index(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "digits"
    assert main(source, "--output", output, "--train", 8, "--test-per-class", 2) == 0
    trained = sorted((output / "real").iterdir())
    assert len(trained) == 8
    for path in trained:
        assert int(read_image(path, 1)[0, 0, 0]) == int(path.stem.removeprefix("mnist-train-"))
    tested = sorted((output / "test").rglob("*.png"))
    assert [path.parent.name for path in sorted(tested)] == [str(digit) for digit in range(10) for _ in range(2)]
    for path in tested:
        index = int(path.stem.removeprefix("mnist-test-"))
        assert index % 10 == int(path.parent.name)
        assert int(read_image(path, 1)[0, 0, 0]) == 100 + index


def test_the_seed_decides_the_selection(source: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        main(source.parent, "--output", tmp_path / name, "--train", 8, "--test-per-class", 2, "--seed", seed)
    for side in ("real", "test"):
        a, b, c = (sorted(path.name for path in (tmp_path / name / side).rglob("*.png")) for name in "abc")
        assert a == b != c


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x_train": np.zeros((40, 28, 28))}, "expected x_train of (N, 28, 28) uint8, found (40, 28, 28) float64"),
        ({"x_test": np.zeros((50, 14, 14), np.uint8)}, "expected x_test of (N, 28, 28) uint8"),
        ({"y_test": np.zeros(3, np.uint8)}, "(3,) labels for 50 test images"),
        ({"y_test": np.array([object()])}, "cannot be read as mnist.npz"),
        ({"y_test": np.zeros(50, np.uint8)}, "--test-per-class 2: there are 0 test images of 1"),
        ({"x_train": np.zeros((7, 28, 28), np.uint8)}, "--train 8: there are 7 training images"),
    ],
)
def test_another_kind_of_file_is_refused_in_one_line(
    tmp_path: Path, arrays: dict[str, Any], change: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "mnist.npz", **arrays | change)
    assert main(tmp_path, "--output", tmp_path / "digits", "--train", 8, "--test-per-class", 2) == 2
    error = capsys.readouterr().err
    assert error.startswith("make_digits_data: ")
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "digits").exists()


def test_missing_files_and_missing_arrays_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path / "nowhere.npz", "--output", tmp_path / "digits") == 2
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((1, 28, 28), np.uint8))
    assert main(tmp_path, "--output", tmp_path / "digits") == 2
    (tmp_path / "text.npz").write_text("no archive")
    assert main(tmp_path / "text.npz", "--output", tmp_path / "digits") == 2
    nowhere, lacking, text = capsys.readouterr().err.splitlines()
    assert "nowhere.npz: cannot be read" in nowhere
    assert "expected the arrays x_train, x_test, y_test" in lacking
    assert "text.npz: cannot be read" in text


def test_a_truncated_archive_is_refused(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(source.read_bytes()[:2000])
    assert main(source, "--output", tmp_path / "digits") == 2
    assert "mnist.npz: cannot be read" in capsys.readouterr().err


def test_images_of_an_earlier_run_never_stay_in_between(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = (source, "--output", tmp_path / "digits", "--train", 8, "--test-per-class", 2)
    assert main(*run) == 0
    assert main(*run) == 2
    assert "real: is there already; remove it" in capsys.readouterr().err
