"""Makes datasets/nuclei/real and datasets/nuclei/test from pictures of cell nuclei; the card is datasets/nuclei.md.

    python scripts/make_nuclei_data.py ../shared/data/nuclei

The pictures to adapt to are picked without a look at their masks.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from refine.data.images import opened
from refine.errors import InputError
from refine.files import write_whole

OUTPUT = Path(__file__).resolve().parent.parent / "datasets" / "nuclei"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; 2 on bad input, with one line that says what is wrong."""
    parser = argparse.ArgumentParser(description="Make the real pictures of nuclei.")
    parser.add_argument("source", type=Path, help="folder with images/ and masks/")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: datasets/nuclei")
    parser.add_argument("--adapt", type=int, default=36, help="unlabeled pictures (default: 36)")
    parser.add_argument("--test", type=int, default=20, help="labeled pictures (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the selection (default: 0)")
    given = parser.parse_args(args)
    try:
        names = sorted(path.name for path in (given.source / "images").glob("*.png"))
        if not min(given.adapt, given.test) > 0 or given.adapt + given.test > len(names):
            raise InputError(
                f"{given.source / 'images'}: {len(names)} pictures; {given.adapt} and {given.test} are asked"
            )
        for folder in (given.output / "real", given.output / "test"):
            if folder.exists():
                raise InputError(f"{folder}: is there already; remove it, so that nothing old stays in the dataset")
        picked = [names[place] for place in np.random.default_rng(given.seed).permutation(len(names))]
        for name in picked[: given.adapt]:
            write_whole(given.output / "real" / name, smaller(given.source / "images" / name))
        for name in picked[given.adapt : given.adapt + given.test]:
            for part in ("images", "masks"):
                write_whole(given.output / "test" / part / name, smaller(given.source / part / name))
    except (InputError, OSError) as error:
        print(f"make_nuclei_data: {error}", file=sys.stderr)
        return 2
    print(f"{given.output}: {given.adapt} pictures to adapt to, {given.test} to test on")
    return 0


def smaller(path: Path) -> bytes:
    """The same pixels in a PNG as small as Pillow can make it; masks of fewer than 256 nuclei in 8 bits."""
    with opened(path) as image:
        pixels = np.array(image)
    content = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) if pixels.max() < 256 else pixels).save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(main())
