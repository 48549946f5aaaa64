"""Sizes of methods: presets, and the choice among them by device, images and time.

Everything here is a function of what is known before the first step, never of measured speed: the same command trains
the same network on a fast machine and on a slow one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from refine.data.images import read_header
from refine.data.listing import Listing
from refine.data.store import ODD_SHARE
from refine.errors import InputError
from refine.recipes import recipe_folders
from refine.training.options import PresetName
from refine.yaml_text import read_yaml

Size = tuple[int, int]

GFLOPS = {"cpu": 40.0, "mps": 2_000.0, "cuda": 15_000.0}
"""Billion operations a second that training is taken to make, by kind of device: nominal, for two cores of a CPU."""
MINUTES = {"cpu": 10.0, "mps": 30.0, "cuda": 60.0}
"""Time budget where none is given."""
NOMINAL_AREA = 64 * 64
"""Pixels of the images that the presets' figures are for."""
LEAST_STEPS = 50
LOOKED_AT = 20_000
"""Most images of each domain whose headers are read: one that has another size than the others asks for a crop."""
MULTIPLE = 4
"""Sides of a crop: translators change scale twice."""
WARM_UP_SHARE = 4
"""Warm-ups take this part of the steps at most, the reciprocal of it."""
WARM_UPS = ("refiner_warmup_steps", "discriminator_warmup_steps")


@dataclass(frozen=True)
class Preset:
    """One size of one method; the fields are those of ``models/presets/*.yaml``."""

    name: str
    batch_size: int
    largest_batch: int
    crop: int
    gflop: float
    enough_steps: int
    init_args: Mapping[str, Any]

    def batch_for(self, size: Size, images: int) -> int:
        """Number of images in a batch, so that a step takes as long whatever their size.

        Args:
            size: Height and width of a training image.
            images: Number of images of the smaller domain.
        """
        fitting = round(self.batch_size * NOMINAL_AREA / (size[0] * size[1]))
        return max(1, min(fitting, self.largest_batch, images))

    def steps_in(self, minutes: float, device: str, size: Size, batch: int) -> int:
        """Number of training steps in a time, nominally."""
        steps = (
            int(60 * minutes / self.seconds_a_step(device, size, batch)) // 10 * 10
        )  # what follows from a time is not exact
        return max(LEAST_STEPS, steps)

    def seconds_a_step(self, device: str, size: Size, batch: int) -> float:
        """Time of a training step, nominally."""
        return self.gflop * size[0] * size[1] / NOMINAL_AREA * batch / GFLOPS[device]


def presets_of(class_path: str) -> list[Preset]:
    """Every preset of a method, the smallest first; none where it has one size only."""
    found = []
    for name in get_args(PresetName)[1:]:
        entry = read_yaml(recipe_folders()[0] / "presets" / f"{name}.yaml").get(class_path)
        if entry is not None:
            found.append(Preset(name, **entry))
    return found


def choose_preset(
    presets: Sequence[Preset], asked: str, device: str, minutes: float, sizes: Sequence[Size], images: int
) -> Preset:
    """Return the preset of that name; ``auto`` is the largest one that the time has enough steps for.

    Args:
        presets: The method's, the smallest first.
        asked: A preset's name, or ``auto``.
        device: ``cpu``, ``cuda`` or ``mps``.
        minutes: Time budget.
        sizes: Heights and widths of the images; none where they are not known.
        images: Number of images of the smaller domain.
    """
    for preset in presets:
        if preset.name == asked:
            return preset
    chosen = presets[0]
    for preset in presets[1:]:
        size = fitting_crop(sizes, preset.crop) or (sizes[0] if sizes else (64, 64))
        if preset.steps_in(minutes, device, size, preset.batch_for(size, images)) >= preset.enough_steps:
            chosen = preset
    return chosen


def fitting_crop(sizes: Sequence[Size], longest: int) -> Size | None:
    """Height and width of a crop that fits into every image; None where they are of one size and need none.

    Args:
        sizes: Heights and widths of the images.
        longest: Longest side of a crop.
    """
    if not sizes or (len(set(sizes)) == 1 and max(sizes[0]) <= longest):
        return None
    height, width = (min(longest, _smallest(sizes, axis)) for axis in (0, 1))
    return _down(height), _down(width)


def smaller_crop(crop: Size, sizes: Sequence[Size]) -> Size:
    """A crop, or where it is larger than an image what is left of it."""
    height, width = (min(side, _smallest(sizes, axis)) if sizes else side for axis, side in enumerate(crop))
    return (height if height == crop[0] else _down(height)), (width if width == crop[1] else _down(width))


def shorter_warm_ups(init_args: Mapping[str, Any], fixed: Collection[str], steps: int) -> dict[str, int]:
    """Warm-ups that leave most of few steps to what comes after them.

    Args:
        init_args: SimGAN's arguments.
        fixed: Names of those that are given.
        steps: Training steps in all.

    Returns:
        The warm-ups that change; empty where they are short enough, or given.
    """
    lengths = {name: init_args[name] for name in WARM_UPS if name in init_args}
    free = {name: length for name, length in lengths.items() if name not in fixed}
    most = max(0, steps // WARM_UP_SHARE - (sum(lengths.values()) - sum(free.values())))
    together = sum(free.values())
    return {} if together <= most else {name: length * most // together for name, length in free.items()}


def look_at(folder: Path) -> tuple[list[Size], int]:
    """Heights and widths of a folder's images, of very many some that are spread over it, and how many there are.

    Whatever stands in the way is left to who reads the images: then there are none.
    """
    try:
        keys = Listing(folder).images
    except (OSError, InputError):
        return [], 0
    sizes = []
    for key in keys[:: max(1, -(-len(keys) // LOOKED_AT))]:
        try:
            seen = read_header(folder / key)
        except Exception:  # Pillow raises anything on damaged headers
            continue
        sizes.append((seen.height, seen.width))
    return sizes, len(keys)


def without_odd(sizes: Sequence[Size]) -> list[Size]:
    """Sizes of one domain without the few smallest, which whoever reads the images leaves out."""
    return sorted(sizes, key=min)[int(ODD_SHARE * len(sizes)) :]


def _smallest(sizes: Sequence[Size], axis: int) -> int:
    return min(size[axis] for size in sizes)


def _down(side: int) -> int:
    return max(MULTIPLE, side // MULTIPLE * MULTIPLE)
