"""Makes datasets/meter/real and datasets/meter/test from photos of meters' drums; the card is datasets/meter.md.

    python scripts/make_meter_data.py ../shared/data/meter_digits/meter_digits.npz

Photos of one day look alike, so each day belongs to one side. The photos to adapt to are picked without a look at their
readings. Photos whose day is not known are left out.
"""

import argparse
import csv
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.errors import InputError
from refine.files import write_whole

OUTPUT = Path(__file__).resolve().parent.parent / "datasets" / "meter"
MOST_OF_A_DAY = 12
"""Photos of one day and side at most: a camera takes hundreds."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; 2 on bad input, with one line that says what is wrong."""
    parser = argparse.ArgumentParser(description="Make the meters' real images.")
    parser.add_argument("source", type=Path, help="meter_digits.npz")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: datasets/meter")
    parser.add_argument("--adapt", type=int, default=400, help="unlabeled images (default: 400)")
    parser.add_argument("--test", type=int, default=250, help="labeled images of other days (default: 250)")
    parser.add_argument("--seed", type=int, default=0, help="of the selection (default: 0)")
    given = parser.parse_args(args)
    try:
        images, values, days = read_meters(given.source)
        adapted, tested = select(days, given.adapt, given.test, given.seed)
        for folder in (given.output / "real", given.output / "test"):
            if folder.exists():
                raise InputError(f"{folder}: is there already; remove it, so that nothing old stays in the dataset")
        for index in adapted:
            write_whole(given.output / "real" / name(days, index), encoded(images[index]))
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["path", "value"])
        for index in tested:
            write_whole(given.output / "test" / name(days, index), encoded(images[index]))
            rows.writerow([name(days, index), f"{values[index] / 10:.1f}"])
        write_whole(given.output / "test" / "values.csv", table.getvalue().encode())
    except (InputError, OSError) as error:
        print(f"make_meter_data: {error}", file=sys.stderr)
        return 2
    counted = len({days[index] for index in adapted}), len({days[index] for index in tested})
    print(
        f"{given.output}: {len(adapted)} images of {counted[0]} days to adapt to, {len(tested)} of {counted[1]} to test"
    )
    return 0


def read_meters(source: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Images ``(N, 32, 20, 3)`` uint8, readings in tenths, and days.

    Raises:
        InputError: If the file is not there, or holds something else.
    """
    try:
        with np.load(source, allow_pickle=False) as archive:  # pickles would run code
            images, values, days = archive["x"], archive["value10"], archive["day"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{source}: cannot be read as meter_digits.npz ({error})") from error
    if images.shape[1:] != (32, 20, 3) or images.dtype != np.uint8 or not len(images) == len(values) == len(days):
        raise InputError(f"{source}: expected x of (N, 32, 20, 3) uint8 with N values and days, found {images.shape}")
    return images, values, days


def select(days: NDArray[Any], adapt: int, test: int, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of images of half of the days, and of the other half, sorted.

    Raises:
        InputError: If there are fewer than asked for.
    """
    generator = np.random.default_rng(seed)
    known = generator.permutation(np.unique(days[days != ""]))
    sides = []
    for half, count in ((known[: len(known) // 2], adapt), (known[len(known) // 2 :], test)):
        few = [generator.permutation(np.flatnonzero(days == day))[:MOST_OF_A_DAY] for day in half]
        pool = np.concatenate([*few, np.empty(0, int)])
        if not 0 < count <= len(pool):
            raise InputError(f"{count} images were asked for; half of the days have {len(pool)}")
        sides.append(sorted(generator.choice(pool, count, replace=False).tolist()))
    return sides[0], sides[1]


def name(days: NDArray[Any], index: int) -> str:
    """File of an image: its day, and its number in the source."""
    return f"{days[index]}-{index:05d}.png"


def encoded(image: NDArray[np.uint8]) -> bytes:
    """A PNG as small as Pillow can make it."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(main())
