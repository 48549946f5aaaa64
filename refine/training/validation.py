"""Validations of a run: pictures before and after, the distance to real, broken labels."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from torch import Tensor

from refine.data import UnpairedImages
from refine.data.images import to_float, to_levels
from refine.distances.features import FeatureSet, gather, set_distances
from refine.distances.networks import Judges
from refine.files import write_whole
from refine.methods.base import Method
from refine.methods.translator import Translator
from refine.metrics.features import FeatureExtractor
from refine.metrics.sliced_wasserstein import validation_distance
from refine.report.kit.pictures import sheet

DISTANCE = "distance/swd"
DO_NOTHING = "distance/swd_do_nothing"
LABEL_ERROR = "label/error"
LABEL_ERROR_DO_NOTHING = "label/error_do_nothing"
LABEL_ERROR_HIGH = "label/error_high"
CONFIRMED_HIGH = "label/error_high_held_out"
"""Upper ends of the label error's interval: on every other image, by which `best.ckpt` is chosen, and on the rest."""
AGREEMENT = "label/agreement"
PICTURE = "images/synthetic_refined_real"
SHOWN = 8
"""Columns of the picture."""
EXTRACTED = 32
"""Images that a feature extractor is given at once."""
WHOLE_DISTANCE = "distance/swd_whole"
WHOLE_DO_NOTHING = "distance/swd_whole_do_nothing"
WHOLE_PICTURE = "images/whole_synthetic_refined"
WHOLE_IMAGES, WHOLE_SIDE = 4, 1024
"""Number of images that are looked at whole, and the side from which on even they are cropped."""
WHOLE_TILES = 64
"""Tiles of the whole images of each side that their distance is measured on."""


PREVIEW = "preview.png"
ENLARGED = 96
"""Pixels of the longer side up to which smaller images are enlarged."""
FIRST_LOOK = 25
"""Step of the first validation of a fit; the next ones follow at twice the step before, up to the regular ones."""


class Validation(Callback):
    """Logs the picture grid `images/synthetic_refined_real`, the distance to real and the do-nothing distance.

    With judges also how many labels they no longer find, before and after; the picture frames those images in red.
    The samples are the same each time (the datamodule's), so that pictures and figures of a run compare.

    Where training crops, a few images are also refined whole, since that is what `apply` does with all of them: a
    network that normalizes over the image sees other statistics there. The distance between their tiles, of the
    size of a crop, is `distance/swd_whole`; `images/whole_synthetic_refined` shows them before and after.

    Args:
        judges: Fit for the data already (`Judges.require`); None judges nothing.
        extractors: Networks whose features FID and KID are measured on.
        bound: Highest label error of `best.ckpt`; with one, the upper ends of two intervals are logged, too.
    """

    def __init__(
        self, judges: Judges | None = None, extractors: Sequence[FeatureExtractor] = (), bound: float | None = None
    ) -> None:
        self.judges, self.extractors, self.bound = judges, extractors, bound
        self._seen: list[tuple[Tensor, ...]] = []
        """Synthetic, refined and real images of each batch."""
        self._judged: list[tuple[Tensor, ...]] = []
        """Labels, and what the judges say before and after."""
        self._keys: list[str] = []
        self._before: tuple[FeatureSet, FeatureSet] | None = None
        """Features of the synthetic and of the real images, which are the same each time."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Ask Lightning, which looks at its interval after this, for a validation after the first few steps as well."""
        if isinstance(pl_module, Method) and isinstance(every := trainer.val_check_interval, int):
            doublings, rest = divmod(pl_module.steps_done, FIRST_LOOK)
            early = not rest and doublings.bit_count() == 1 and pl_module.steps_done < every
            trainer.val_check_batch = 1 if early else every

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep one batch of before, after and real, and what the judges say of it."""
        if not isinstance(outputs, Tensor):
            return
        labeled = batch["synthetic"]
        seen = (labeled.image, outputs, batch["real"])
        self._seen.append(tuple(images.detach().float().cpu() for images in seen))
        if self.judges is not None:
            answers = (self.judges.predict(images).cpu() for images in seen[:2])
            self._judged.append((labeled.label.detach().cpu(), *answers))
            self._keys += labeled.key

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure and draw."""
        if not self._seen:
            return
        synthetic, refined, real = (torch.cat(images) for images in zip(*self._seen, strict=True))
        self._seen.clear()
        if len(refined) > 1:
            pl_module.log(DISTANCE, validation_distance(refined, real), rank_zero_only=True, prog_bar=True)
            pl_module.log(DO_NOTHING, validation_distance(synthetic, real), rank_zero_only=True)
            for name, value in self._feature_distances(synthetic, refined, real).items():
                pl_module.log(name, value, rank_zero_only=True)
        self._look_at_whole_images(trainer, pl_module)
        lost = self._judge(pl_module)
        folder = trainer.log_dir  # on every process: it is a collective call
        if isinstance(pl_module, Translator) and trainer.is_global_zero:
            every = max(1, len(synthetic) // SHOWN)
            rows = [images[::every][:SHOWN] for images in (synthetic, refined, real)]
            if lost is not None:
                rows[1] = framed(rows[1], lost[::every][:SHOWN])
            self._show(trainer, folder, rows, pl_module.steps_done)

    def _show(self, trainer: Trainer, folder: str | None, rows: Sequence[Tensor], step: int) -> None:
        """The picture in TensorBoard, and of a fit as `PREVIEW` in the run's folder."""
        named = zip(("synthetic", "refined", "real"), map(_pictures, rows), strict=True)
        measured = trainer.callback_metrics
        distances = [f"{measured[name]:.0f}" if name in measured else "not measured" for name in (DISTANCE, DO_NOTHING)]
        picture = sheet(list(named), f"step {step}: distance to real {distances[0]} (doing nothing {distances[1]})")
        if isinstance(trainer.logger, TensorBoardLogger):
            trainer.logger.experiment.add_image(PICTURE, np.asarray(picture), step, dataformats="HWC")
        if trainer.state.fn == "fit" and folder is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by the debugging connector
            written = BytesIO()
            picture.save(written, "PNG")
            write_whole(Path(folder) / PREVIEW, written.getvalue())

    @torch.no_grad()
    def _look_at_whole_images(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, UnpairedImages) or not isinstance(pl_module, Translator) or not trainer.is_global_zero:
            return
        synthetic, real = data.whole_images(WHOLE_IMAGES, WHOLE_SIDE)
        if not synthetic or not real:
            return
        before = [to_float(image) for image in synthetic]
        batches = (image[None].to(pl_module.device).to(pl_module.dtype) for image in before)
        after = [pl_module.refine(batch)[0].float().cpu() for batch in batches]
        size = data.training_size
        tiles = [tiled(images, size)[:WHOLE_TILES] for images in (before, after, [to_float(image) for image in real])]
        if min(map(len, tiles)) > 1:
            pl_module.log(WHOLE_DISTANCE, validation_distance(tiles[1], tiles[2]), rank_zero_only=True)
            pl_module.log(WHOLE_DO_NOTHING, validation_distance(tiles[0], tiles[2]), rank_zero_only=True)
        if isinstance(trainer.logger, TensorBoardLogger):
            rows = [
                (name, [picture for image in images for picture in _pictures(image[None])])
                for name, images in (("synthetic", before), ("refined", after))
            ]
            picture = sheet(rows, f"step {pl_module.steps_done}: whole images, as apply refines them")
            trainer.logger.experiment.add_image(
                WHOLE_PICTURE, np.asarray(picture), pl_module.steps_done, dataformats="HWC"
            )

    def _judge(self, pl_module: LightningModule) -> Tensor | None:
        """Log what the judges say; which of all images they reject."""
        if self.judges is None or not self._judged:
            return None
        label, before, after = (torch.cat(parts) for parts in zip(*self._judged, strict=True))
        places = {key: place for place, key in reversed(list(enumerate(self._keys)))}
        once = sorted(places.values())  # where there are more real images, synthetic ones come again
        keys, self._keys = self._keys, []
        self._judged.clear()
        kind, count = self.judges.kind, len(self.judges.names)
        label = kind.plain(label)
        for name, answers in ((LABEL_ERROR, after), (LABEL_ERROR_DO_NOTHING, before)):
            pl_module.log(name, kind.error(answers[once], label[once], count), rank_zero_only=True)
        if self.bound is not None:
            order = sorted(once, key=lambda place: keys[place])  # the same halves at each validation
            for name, part in ((LABEL_ERROR_HIGH, order[::2]), (CONFIRMED_HIGH, order[1::2])):
                pl_module.log(name, self._upper_end(after[part], label[part]), rank_zero_only=True)
        pl_module.log(AGREEMENT, kind.agreement(before[once], after[once]), rank_zero_only=True)
        return kind.rejected(after, label, count)

    def _upper_end(self, answers: Tensor, label: Tensor) -> float:
        """Return the upper end of the label error's interval; 1 where nothing was judged."""
        assert self.judges is not None
        kind, count = self.judges.kind, len(self.judges.names)
        return kind.error_interval(kind.kept(answers, label, count), count, 0)[2] if len(label) else 1.0

    def _feature_distances(self, synthetic: Tensor, refined: Tensor, real: Tensor) -> dict[str, float]:
        """Measure FID and KID of each extractor, and those of doing nothing."""

        def gathered(images: Tensor) -> FeatureSet:
            return gather(torch.split(images, EXTRACTED), self.extractors)

        if not self.extractors:
            return {}
        before, reference = self._before = self._before or (gathered(synthetic), gathered(real))
        nothing = set_distances(before, reference, self.extractors, seed=0)
        distances = dict[str, float]()
        found = set_distances(gathered(refined), reference, self.extractors, seed=0)
        for name, value in sorted(found.items()):
            distances |= {f"distance/{name}": value, f"distance/{name}_do_nothing": nothing[name]}
        return distances


def _pictures(images: Tensor) -> list[Image.Image]:
    """Return pictures for people of ``(B, 1 or 3, H, W)`` in [-1, 1]."""
    levels = to_levels(images.expand(-1, 3, -1, -1)).permute(0, 2, 3, 1).numpy()
    scale = max(1, ENLARGED // max(images.shape[-2:]))
    return [
        Image.fromarray(each).resize((each.shape[1] * scale, each.shape[0] * scale), Image.Resampling.NEAREST)
        for each in levels
    ]


def tiled(images: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Tiles of images of any size that lie edge to edge from the upper left corner on; the rest is left out.

    Args:
        images: ``(C, H, W)`` each.
        size: Height and width of a tile.

    Returns:
        ``(N, C, *size)``: first the first tile of each image, then the second of each.
    """
    height, width = size
    found: list[tuple[int, Tensor]] = []
    for image in images:
        rows = image.unfold(1, height, height).unfold(2, width, width)  # (C, rows, columns, height, width)
        found += list(enumerate(rows.permute(1, 2, 0, 3, 4).flatten(0, 1)))
    return torch.stack([tile for _, tile in sorted(found, key=lambda numbered: numbered[0])])


def framed(images: Tensor, chosen: Tensor) -> Tensor:
    """Images in color, the chosen ones in a thin red frame that covers their border.

    Args:
        images: ``(B, 1 or 3, H, W)`` in [-1, 1].
        chosen: ``(B,)`` bool.

    Returns:
        ``(B, 3, H, W)``.
    """
    colored = images.expand(-1, 3, -1, -1).clone()
    height, width = colored.shape[-2:]
    thick = max(1, min(height, width) // 32)
    border = torch.ones(height, width, dtype=torch.bool)
    border[thick : height - thick, thick : width - thick] = False
    red = torch.tensor([1.0, -1.0, -1.0])[:, None, None]
    return torch.where(chosen[:, None, None, None] & border, red, colored)
