"""Makes datasets/digits/real and datasets/digits/test from MNIST; the card is datasets/digits.md.

    python scripts/make_digits_data.py ../shared/data/mnist/mnist.npz

The training images are picked without a look at their labels, and go into one flat folder: the unlabeled side.
"""

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.errors import InputError

DATASETS = Path(__file__).resolve().parent.parent / "datasets"
ARRAYS = ("x_train", "x_test", "y_test")

Arrays = dict[str, NDArray[np.uint8]]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; 2 on bad input, with one line that says what is wrong."""
    parser = argparse.ArgumentParser(description="Make the digits' real images from MNIST.")
    parser.add_argument("source", type=Path, help="mnist.npz, or the folder that holds it")
    parser.add_argument("--output", type=Path, default=DATASETS / "digits", help="default: datasets/digits")
    parser.add_argument("--train", type=int, default=2000, help="unlabeled training images (default: 2000)")
    parser.add_argument("--test-per-class", type=int, default=100, help="labeled test images a class (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the selection (default: 0)")
    given = parser.parse_args(args)
    try:
        arrays = read_mnist(given.source)
        picked, tested = select(arrays, given.train, given.test_per_class, given.seed)
        for folder in (given.output / "real", given.output / "test"):
            if folder.exists():
                raise InputError(f"{folder}: is there already; remove it, so that nothing old stays in the dataset")
        for index in picked:
            write(given.output / "real" / f"mnist-train-{index:05d}.png", arrays["x_train"][index])
        for index in tested:
            digit = str(arrays["y_test"][index])
            write(given.output / "test" / digit / f"mnist-test-{index:05d}.png", arrays["x_test"][index])
    except (InputError, OSError) as error:
        print(f"make_digits_data: {error}", file=sys.stderr)
        return 2
    print(f"{given.output}: {len(picked)} unlabeled training images, {len(tested)} labeled test images")
    return 0


def read_mnist(source: Path) -> Arrays:
    """The arrays of Keras' ``mnist.npz``, checked.

    Raises:
        InputError: If the file is not there, is no npz of plain arrays, or an array has an unexpected shape.
    """
    file = source / "mnist.npz" if source.is_dir() else source
    try:
        with np.load(file, allow_pickle=False) as archive:  # pickles would run code
            arrays: Arrays = {name: archive[name] for name in ARRAYS}
    except (OSError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: cannot be read as mnist.npz ({error})") from error
    except KeyError as error:
        raise InputError(f"{file}: expected the arrays {', '.join(ARRAYS)}; {error}") from error
    for name in ("x_train", "x_test"):
        shape, kind = arrays[name].shape, arrays[name].dtype
        if len(shape) != 3 or shape[1:] != (28, 28) or kind != np.uint8:
            raise InputError(f"{file}: expected {name} of (N, 28, 28) uint8, found {shape} {kind}")
    if arrays["y_test"].shape != arrays["x_test"].shape[:1]:
        raise InputError(f"{file}: {arrays['y_test'].shape} labels for {len(arrays['x_test'])} test images")
    return arrays


def select(arrays: Arrays, train: int, test_per_class: int, seed: int) -> tuple[list[int], list[int]]:
    """Indices of the training images, any class, and of as many test images of each class; both sorted.

    Raises:
        InputError: If there are fewer images than asked for.
    """
    generator = np.random.default_rng(seed)
    if not 0 < train <= len(arrays["x_train"]):
        raise InputError(f"--train {train}: there are {len(arrays['x_train'])} training images")
    picked = generator.choice(len(arrays["x_train"]), train, replace=False)
    tested: list[int] = []
    for digit in range(10):
        of_class = np.flatnonzero(arrays["y_test"] == digit)
        if not 0 < test_per_class <= len(of_class):
            raise InputError(f"--test-per-class {test_per_class}: there are {len(of_class)} test images of {digit}")
        tested += generator.choice(of_class, test_per_class, replace=False).tolist()
    return sorted(picked.tolist()), sorted(tested)


def write(path: Path, image: NDArray[np.uint8]) -> None:
    """One 8-bit gray PNG, as small as Pillow can make it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
