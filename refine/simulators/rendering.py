"""Rendered datasets: images, labels, a line of values for each image, what all was made with; and data for `fit`."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, features
from PIL import __version__ as pillow_version

from refine.data import UnpairedImages
from refine.data.open_layout import LayoutOption
from refine.data.store import Cache
from refine.data.unpaired import Workers
from refine.errors import DiskFull, InputError
from refine.files import temporary_beside
from refine.json_files import read_json
from refine.simulators.digits import DigitImage, DigitsParameters, draw_digit, sample_digit
from refine.simulators.meter import MeterImage, MeterParameters, draw_meter, sample_meter
from refine.simulators.nuclei import NucleiImage, NucleiParameters, draw_nuclei, sample_nuclei
from refine.simulators.options import SimulatorName
from refine.simulators.ranges import Ranges, parameters_of
from refine.terminal import track

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class Simulator(NamedTuple):
    """A parametric renderer of labeled images."""

    version: int
    """Raised whenever the same values are drawn differently."""
    parameters: type[Ranges]
    sample: Callable[[int, int, Any], Any]
    """Values of an image, given its number, the seed and the parameters: a pure function."""
    draw: Callable[[int, Any], dict[str, Pixels]]
    """PNGs by their paths, the image first, then its labels, given an image's number and its values."""


def _digit(index: int, image: DigitImage) -> dict[str, Pixels]:
    return {f"{image.digit}/digit-{index:05d}-{image.digit}.png": draw_digit(image)}


def _meter(index: int, image: MeterImage) -> dict[str, Pixels]:
    return {f"meter-{index:05d}.png": draw_meter(image)}


def _nuclei(index: int, image: NucleiImage) -> dict[str, Pixels]:
    name, (levels, ids) = f"nuclei-{index:05d}.png", draw_nuclei(image)
    return {f"images/{name}": levels, f"masks/{name}": ids}


SIMULATORS: dict[SimulatorName, Simulator] = {
    "digits": Simulator(1, DigitsParameters, sample_digit, _digit),
    "meter": Simulator(1, MeterParameters, sample_meter, _meter),
    "nuclei": Simulator(1, NucleiParameters, sample_nuclei, _nuclei),
}
"""Digits lie in a folder a class and take turns, ``index % 10``; meters take turns by tenths, and their values stand in
``parameters.jsonl``, a table of targets; nuclei lie in ``images``, and the number of the nucleus at each pixel in
``masks``, of 16 bits."""


def render(
    name: SimulatorName,
    output: Path | str,
    count: int,
    seed: int,
    parameters: Ranges | None = None,
    progress: bool = True,
) -> None:
    """Write ``count`` labeled images, or nothing at all.

    ``output`` gets 8-bit PNGs and their labels (see `SIMULATORS`), ``parameters.jsonl`` with a line of values an image
    (``path`` is relative to ``output``), and ``render.json`` with seed, count, ranges and versions. A folder that
    already holds this very rendering is left as it is.

    Args:
        name: The simulator: ``digits``, ``meter`` or ``nuclei``.
        output: A folder that does not exist, or is empty, or holds the same rendering.
        count: Images, from 1 on.
        seed: 0 to 2³²-1; image number i is a pure function of (seed, i).
        parameters: What each image's values are drawn from; None takes the simulator's defaults.
        progress: Show a bar, if a person looks at the terminal.

    Raises:
        InputError: If ``count`` or ``seed`` is out of range, or ``output`` holds something else.
        DiskFull: If the disk filled up; nothing is left behind.
    """
    output = Path(output).resolve()  # `.` has no name, and a link to an empty folder is filled where it leads
    parameters = parameters or SIMULATORS[name].parameters()
    description = _description(name, count, seed, parameters)
    if _is_rendered(output, description):
        return
    partial = temporary_beside(output)
    try:
        partial.mkdir(parents=True)
        _write(partial, name, description, parameters, progress)
        try:
            partial.replace(output)  # at once: nobody ever sees half of it
        except OSError as error:
            if not _is_rendered(output, description):  # otherwise another process was faster, with the same bytes
                cure = "name a folder that does not exist yet"
                raise InputError(f"{output}: cannot be put in place ({error.strerror}); {cure}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(error.errno, f"{output}: no space left to render {count} images; make room") from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def render_digits(
    output: Path | str, count: int, seed: int, parameters: DigitsParameters | None = None, progress: bool = True
) -> None:
    """`render` the digits."""
    render("digits", output, count, seed, parameters, progress)


def ensure_rendered(cache: Path, name: SimulatorName, count: int, seed: int, parameters: Ranges | None = None) -> Path:
    """The folder of a rendering inside ``cache``, rendered if it is missing; arguments and errors of `render`.

    Its name holds a hash of everything that the pixels depend on, versions too: what lies there is never stale.
    """
    parameters = parameters or SIMULATORS[name].parameters()
    description = json.dumps(_description(name, count, seed, parameters), sort_keys=True)
    folder = cache / f"{name}-{hashlib.sha256(description.encode()).hexdigest()[:12]}"
    render(name, folder, count, seed, parameters)
    return folder


def _write(folder: Path, name: SimulatorName, description: dict[str, Any], parameters: Ranges, progress: bool) -> None:
    indices, simulator = range(description["count"]), SIMULATORS[name]
    with (folder / "parameters.jsonl").open("w", encoding="utf-8") as lines:
        for index in track(indices, f"rendering {name}") if progress else indices:
            image = simulator.sample(index, description["seed"], parameters)
            files = simulator.draw(index, image)
            for key, pixels in files.items():
                (folder / key).parent.mkdir(exist_ok=True)
                Image.fromarray(pixels).save(folder / key)
            lines.write(json.dumps({"path": next(iter(files)), **asdict(image)}) + "\n")
    (folder / "render.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _description(name: SimulatorName, count: int, seed: int, parameters: Ranges) -> dict[str, Any]:
    """Everything that the pixels depend on."""
    if count < 1:
        raise InputError(f"count: expected 1 or more images, found {count}")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed: expected 0 to {2**32 - 1}, found {seed}")
    versions = {
        "renderer": SIMULATORS[name].version,
        "pillow": pillow_version,
        "freetype": features.version("freetype2"),
        "matplotlib": matplotlib.__version__,
        "numpy": np.__version__,
    }
    ranges = {name: list(value) for name, value in asdict(parameters).items()}  # as JSON gives them back
    return {"simulator": name, "count": count, "seed": seed, "parameters": ranges, "versions": versions}


def _is_rendered(output: Path, description: dict[str, Any]) -> bool:
    """Whether ``output`` holds this rendering, whole; False if there is nothing yet."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    cure, name = "name another output, or remove it", description["simulator"]
    try:
        found = read_json(output / "render.json", cure)
    except InputError as error:
        raise InputError(f"{output}: holds something other than a rendering of {name}; {cure}") from error
    if found != description:
        keys = [key for key in description if not isinstance(found, dict) or found.get(key) != description[key]]
        raise InputError(f"{output}: holds another rendering (its {' and '.join(keys)} differ); {cure}")
    images = sum(1 for path in output.rglob("*.png") if path.parent.name != "masks")
    if images != description["count"]:
        raise InputError(f"{output}: holds {images} of its {description['count']} images; {cure}")
    return True


def cache_folder() -> Path:
    """Where rendered datasets are kept: ``$REFINE_CACHE``, else ``refine`` in the user's cache folder."""
    own = os.environ.get("REFINE_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refine"


class RenderedImages(UnpairedImages):
    """`UnpairedImages` whose synthetic side a simulator renders.

    Args:
        real: Folder of real images; labels there are never read.
        simulator: ``digits``, ``meter`` or ``nuclei``.
        layout: How the rendered labels are read.
        count: Synthetic images.
        render_seed: Seeds what is drawn.
        parameters: Ranges that replace the simulator's defaults, by name.
        channels: 1 (gray) or 3 (RGB).
        crop: Height and width of random crops of both domains; None takes whole images.
        shift: Random shifts up to so many pixels.
        horizontal_flip: Mirror half of all images left to right.
        vertical_flip: Mirror half of all images top to bottom.
        matching: Features by which each synthetic image is paired with a real one, as in `UnpairedImages`.
        batch_size: Images of each domain in a step, on each process.
        validation_fraction: Share of each domain that is held out of training, by key.
        validation_samples: Images of each domain that validation looks at.
        workers: Processes that read, as in `UnpairedImages`.
        cache: Where decoded images are kept (see `ImageStore`).
        seed: Seeds shuffles and augmentation.

    Raises:
        InputError: As the simulator's parameters.
    """

    def __init__(
        self,
        real: Path,
        simulator: SimulatorName,
        layout: LayoutOption = "auto",
        count: int = 2000,
        render_seed: int = 0,
        parameters: dict[str, Any] | None = None,
        channels: Literal[1, 3] = 3,
        crop: tuple[int, int] | None = None,
        shift: int = 0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        matching: str | None = None,
        batch_size: int = 8,
        validation_fraction: float = 0.1,
        validation_samples: int = 64,
        workers: Workers = "auto",
        cache: Cache = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            cache_folder() / simulator,  # replaced by the folder of this very rendering before it is read
            real,
            layout=layout,
            channels=channels,
            crop=crop,
            shift=shift,
            horizontal_flip=horizontal_flip,
            vertical_flip=vertical_flip,
            matching=matching,
            batch_size=batch_size,
            validation_fraction=validation_fraction,
            validation_samples=validation_samples,
            workers=workers,
            cache=cache,
            seed=seed,
        )
        self.simulator, self.count, self.render_seed = simulator, count, render_seed
        self.parameters: Ranges = parameters_of(SIMULATORS[simulator].parameters, parameters or {})

    def prepare_data(self) -> None:
        """Render, in one process."""
        self.synthetic = ensure_rendered(cache_folder(), self.simulator, self.count, self.render_seed, self.parameters)

    def setup(self, stage: str) -> None:
        """Find the rendering, and read it."""
        self.prepare_data()
        super().setup(stage)


class DigitsData(RenderedImages):
    """`RenderedImages` of the digits simulator: 28x28, gray, ten classes.

    Args:
        real: Folder of real digits; labels there are never read.
        count: Synthetic images.
        render_seed: Seeds what is drawn.
        parameters: The ranges that it is drawn from.
        shift: Random shifts up to so many pixels.
        batch_size: Images of each domain in a step, on each process.
        validation_fraction: Share of each domain that is held out of training, by key.
        validation_samples: Images of each domain that validation looks at.
        workers: Processes that read, as in `UnpairedImages`.
        cache: Where decoded images are kept (see `ImageStore`).
        seed: Seeds shuffles and augmentation.
    """

    def __init__(
        self,
        real: Path,
        count: int = 2000,
        render_seed: int = 0,
        parameters: DigitsParameters = DigitsParameters(),  # noqa: B008  # frozen, and shown by --help
        shift: int = 0,
        batch_size: int = 32,
        validation_fraction: float = 0.1,
        validation_samples: int = 64,
        workers: Workers = "auto",
        cache: Cache = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            real,
            "digits",
            layout="class-folders",
            count=count,
            render_seed=render_seed,
            channels=1,
            shift=shift,
            batch_size=batch_size,
            validation_fraction=validation_fraction,
            validation_samples=validation_samples,
            workers=workers,
            cache=cache,
            seed=seed,
        )
        self.parameters = parameters
