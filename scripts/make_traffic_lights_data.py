"""Makes datasets/traffic-lights from the Udacity crops; the card is datasets/traffic-lights.md.

    python scripts/make_traffic_lights_data.py ../shared/data/traffic_lights/crops

The crops are named `[real|sim]_index_state.jpg`. The index is the frame's number in its recording, so names are
padded with zeros: their order is that of the recording, and blocks of neighbors can be cut from it. Some
simulator frames have two crops with lamps of different states; these lie in different folders under one name.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from refine.errors import InputError

DATASETS = Path(__file__).resolve().parent.parent / "datasets"
NAME = re.compile(r"(?P<side>real|sim)_(?P<index>\d{1,4})_(?P<state>\d)\.jpe?g")
SIDES = {"real": "real", "sim": "synthetic"}
STATES = {"0": "red", "1": "yellow", "2": "green", "4": "none"}
HEIGHT, WIDTH = 64, 32
"""Between the simulator's crops (138x70 on average) and the camera's (92x34)."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; 2 on bad input, with one line that says what is wrong."""
    parser = argparse.ArgumentParser(description="Make the traffic lights' dataset from the Udacity crops.")
    parser.add_argument("source", type=Path, help="the folder of crops")
    parser.add_argument(
        "--output", type=Path, default=DATASETS / "traffic-lights", help="default: datasets/traffic-lights"
    )
    given = parser.parse_args(args)
    try:
        images = {target: resized(crop) for target, crop in plan(given.source).items()}
        for folder in sorted({given.output / target.parts[0] for target in images}):
            if folder.exists():
                raise InputError(f"{folder}: is there already; remove it, so that nothing old stays in the dataset")
        for target, image in images.items():
            (given.output / target).parent.mkdir(parents=True, exist_ok=True)
            image.save(given.output / target, optimize=True)
    except (InputError, OSError) as error:
        print(f"make_traffic_lights_data: {error}", file=sys.stderr)
        return 2
    for folder, count in sorted(Counter(target.parent.as_posix() for target in images).items()):
        print(f"{given.output / folder}: {count}")
    return 0


def plan(source: Path) -> dict[Path, Path]:
    """Each image's path inside the dataset, and the crop that it comes from.

    Raises:
        InputError: If there is no crop, a name says no side, index or state, or two crops would get one name.
    """
    crops = sorted(path for path in source.glob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not crops:
        raise InputError(f"{source}: no crop here; expected names such as real_1020_2.jpg")
    targets: dict[Path, Path] = {}
    for crop in crops:
        match = NAME.fullmatch(crop.name)
        if match is None or match["state"] not in STATES:
            raise InputError(f"{crop}: expected [real|sim]_index_state.jpg with a state out of {', '.join(STATES)}")
        name = f"{match['side']}_{int(match['index']):04d}.png"
        target = Path(SIDES[match["side"]], STATES[match["state"]], name)
        if target in targets:
            raise InputError(f"{crop}: a second crop for {target}; give it an index of its own")
        targets[target] = crop
    return targets


def resized(crop: Path) -> Image.Image:
    """The crop as RGB of 64x32 pixels (height x width), antialiased; its aspect is not kept.

    Raises:
        InputError: If the file cannot be decoded.
    """
    try:
        with Image.open(crop) as image:
            return image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise InputError(f"{crop}: cannot be read as an image ({error})") from error


if __name__ == "__main__":
    sys.exit(main())
