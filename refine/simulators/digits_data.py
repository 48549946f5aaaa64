"""Rendered digits beside real ones, as data for `fit`: what is missing is rendered, always the same."""

import os
from pathlib import Path

from refine.data import UnpairedImages
from refine.data.store import Cache
from refine.data.unpaired import Workers
from refine.simulators.digits_parameters import DigitsParameters
from refine.simulators.rendering import ensure_digits


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
