"""Rendered digits: class folders, a line of values for each image, what they were made with; and as data for `fit`."""

import errno
import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, features
from PIL import __version__ as pillow_version

from refine.data import UnpairedImages
from refine.data.store import Cache
from refine.data.unpaired import Workers
from refine.errors import DiskFull, InputError
from refine.files import temporary_beside
from refine.json_files import read_json
from refine.simulators.digits import draw_digit, sample_digit
from refine.simulators.digits_parameters import DigitsParameters
from refine.terminal import track

RENDERER = 1
"""Raised whenever the same values are drawn differently."""

DEFAULTS = DigitsParameters()


def render_digits(
    output: Path | str, count: int, seed: int, parameters: DigitsParameters = DEFAULTS, progress: bool = True
) -> None:
    """Write ``count`` labeled images, or nothing at all.

    ``output`` gets a folder a class with 8-bit gray PNGs of 28x28 pixels (``3/digit-00013-3.png``; names are
    unique in the tree), ``parameters.jsonl`` with a line of values an image (``path`` is relative to ``output``, so
    the file is also a table of targets), and ``render.json`` with seed, count, ranges and versions.
    A folder that already holds this very rendering is left as it is. Digits are balanced: ``index % 10``.

    Args:
        output: A folder that does not exist, or is empty, or holds the same rendering.
        count: Images, from 1 on.
        seed: 0 to 2³²-1; image number i is a pure function of (seed, i).
        parameters: What each image's values are drawn from.
        progress: Show a bar, if a person looks at the terminal.

    Raises:
        InputError: If ``count`` or ``seed`` is out of range, or ``output`` holds something else.
        DiskFull: If the disk filled up; nothing is left behind.
    """
    output = Path(output).resolve()  # `.` has no name, and a link to an empty folder is filled where it leads
    description = _description(count, seed, parameters)
    if _is_rendered(output, description):
        return
    partial = temporary_beside(output)
    try:
        partial.mkdir(parents=True)
        _write(partial, description, parameters, progress)
        try:
            partial.replace(output)  # at once: nobody ever sees half of it
        except OSError as error:
            if not _is_rendered(output, description):  # otherwise another process was faster, with the same bytes
                cure = "name a folder that does not exist yet"
                raise InputError(f"{output}: cannot be put in place ({error.strerror}); {cure}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(error.errno, f"{output}: no space left to render {count} digits; make room") from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def ensure_digits(cache: Path, count: int, seed: int, parameters: DigitsParameters = DEFAULTS) -> Path:
    """The folder of a rendering inside ``cache``, rendered if it is missing; arguments and errors of `render_digits`.

    Its name holds a hash of everything that the pixels depend on, versions too: what lies there is never stale.
    """
    description = json.dumps(_description(count, seed, parameters), sort_keys=True)
    folder = cache / f"digits-{hashlib.sha256(description.encode()).hexdigest()[:12]}"
    render_digits(folder, count, seed, parameters)
    return folder


def _write(folder: Path, description: dict[str, Any], parameters: DigitsParameters, progress: bool) -> None:
    for digit in range(10):
        if digit < description["count"]:  # a class without an image would be no dataset
            (folder / str(digit)).mkdir()
    indices = range(description["count"])
    with (folder / "parameters.jsonl").open("w", encoding="utf-8") as lines:
        for index in track(indices, "rendering digits") if progress else indices:
            image = sample_digit(index, description["seed"], parameters)
            key = f"{image.digit}/digit-{index:05d}-{image.digit}.png"
            Image.fromarray(draw_digit(image)).save(folder / key)
            lines.write(json.dumps({"path": key, **asdict(image)}) + "\n")
    (folder / "render.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _description(count: int, seed: int, parameters: DigitsParameters) -> dict[str, Any]:
    """Everything that the pixels depend on."""
    if count < 1:
        raise InputError(f"count: expected 1 or more images, found {count}")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed: expected 0 to {2**32 - 1}, found {seed}")
    versions = {
        "renderer": RENDERER,
        "pillow": pillow_version,
        "freetype": features.version("freetype2"),
        "matplotlib": matplotlib.__version__,
        "numpy": np.__version__,
    }
    ranges = {name: list(value) for name, value in asdict(parameters).items()}  # as JSON gives them back
    return {"simulator": "digits", "count": count, "seed": seed, "parameters": ranges, "versions": versions}


def _is_rendered(output: Path, description: dict[str, Any]) -> bool:
    """Whether ``output`` holds this rendering, whole; False if there is nothing yet."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    cure = "name another output, or remove it"
    try:
        found = read_json(output / "render.json", cure)
    except InputError as error:
        raise InputError(f"{output}: holds something other than a rendering of digits; {cure}") from error
    if found != description:
        keys = [key for key in description if not isinstance(found, dict) or found.get(key) != description[key]]
        raise InputError(f"{output}: holds another rendering (its {' and '.join(keys)} differ); {cure}")
    images = sum(1 for _ in output.glob("?/digit-*.png"))
    if images != description["count"]:
        raise InputError(f"{output}: holds {images} of its {description['count']} images; {cure}")
    return True


def cache_folder() -> Path:
    """Where rendered datasets are kept: ``$REFINE_CACHE``, else ``refine`` in the user's cache folder."""
    own = os.environ.get("REFINE_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refine"


class DigitsData(UnpairedImages):
    """`UnpairedImages` whose synthetic side is the digits simulator: 28x28, gray, ten classes.

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
            cache_folder() / "digits",  # replaced by the folder of this very rendering before it is read
            real,
            layout="class-folders",
            channels=1,
            shift=shift,
            batch_size=batch_size,
            validation_fraction=validation_fraction,
            validation_samples=validation_samples,
            workers=workers,
            cache=cache,
            seed=seed,
        )
        self.count, self.render_seed, self.parameters = count, render_seed, parameters

    def prepare_data(self) -> None:
        """Render, in one process."""
        self._render()

    def setup(self, stage: str) -> None:
        """Find the rendering, and read it."""
        self.synthetic = self._render()
        super().setup(stage)

    def _render(self) -> Path:
        return ensure_digits(cache_folder(), self.count, self.render_seed, self.parameters)
