"""A labeled synthetic dataset beside an unlabeled real one, as batches."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from refine.data.augment import Augmentation
from refine.data.images import to_float
from refine.data.layouts import Layout
from refine.data.mapping import Mapped
from refine.data.open_layout import LayoutOption, open_layout, told
from refine.data.pairs import PositionBatches, TrainingPairs, ValidationPairs, require_features
from refine.data.samples import Record, UnpairedBatch
from refine.data.store import Cache, ImageStore, split_by_key, tell, without_small, without_unreadable
from refine.errors import InputError, UnreadableImage
from refine.files import SIZE_VARIABLE, cut, printable
from refine.labels import KINDS
from refine.labels.annotation import learned_line

Workers = int | Literal["auto"]

LARGEST_BATCH, LARGEST_BATCH_REPEATS = 1024, 16
"""Images in a batch, and times that an image stands in one, above which it is taken for a slip."""

MOST_WORKERS = 4
"""Processes that read for each GPU where the number is not given: more wait for the one step that they are ahead of."""


class UnpairedImages(LightningDataModule):
    """Batches of synthetic images with their labels, and of real images without.

    The sample and its augmentation at step t are a function of the seed and t alone. Sampling wraps around,
    so a batch may be larger than the dataset.

    Args:
        synthetic: Folder of the labeled synthetic dataset.
        real: Folder of the real images, searched to any depth; labels there are never read.
        layout: How the synthetic dataset lies: ``auto`` tells by its files, a layout's name (see the README; ``images``
            for no labels), or a dictionary or YAML file of options (see `open_layout`).
        real_layout: The same of the real images; with ``auto``, what a known dataset keeps beside its images is
            no image.
        mapping: From the synthetic dataset's classes to others, such as ``carla-to-camvid11``, or a YAML file.
        channels: 1 (gray) or 3 (RGB).
        resize: Height and width that every image is resized to: the working size. None keeps native scale.
        real_resize: The same of the real images, where the camera has another aspect or scale than the renders: things
            should be of one size in the crops. None takes `resize`.
        crop: Height and width of random crops, after `resize`.
        shift: Random shifts up to so many pixels.
        horizontal_flip: Only where mirroring keeps every class true. Targets change their signs as the layout says.
        vertical_flip: The same, up and down; of targets, for a gaze's pitch and yaw only.
        rotate: Random turns up to so many degrees each way, before `crop`. What comes from outside repeats the image's
            border, and has no class in a mask. Of targets, for a gaze's pitch and yaw in radians only.
        classes: Train on these synthetic classes alone, numbered in this order. Leave out what the real images
            never show: a translator would turn it into something else. Of masks: the names of the ids, in order.
        class_balanced: Draw every synthetic class equally often.
        matching: Pair each synthetic crop with a real one that resembles it (see `MatchedCrops`): by ``thumbnail``, or
            the features of a network such as ``efficientnet-lite0``. None: at random.
        batch_size: Images of each domain in a step, on each process.
        validation_fraction: Share of each domain that is held out of training, by key. With 0, validation
            looks at training images.
        validation_samples: Images of each domain that validation looks at.
        workers: Processes that read; 0 reads in the training process. ``auto``: 0 without CUDA; with it as many as the
            training processes leave CPU cores, `MOST_WORKERS` for each at most. Batches are the same whatever it is.
        cache: Where decoded images are kept (see `ImageStore`).
        max_file_size: MiB above which label files that are read whole are refused; None: 32. It holds for the whole
            process, and those that it starts.
        seed: Seeds shuffles and augmentation.
    """

    def __init__(
        self,
        synthetic: Path,
        real: Path,
        layout: LayoutOption = "auto",
        real_layout: LayoutOption = "auto",
        mapping: str | None = None,
        channels: Literal[1, 3] = 3,
        resize: tuple[int, int] | None = None,
        real_resize: tuple[int, int] | None = None,
        crop: tuple[int, int] | None = None,
        shift: int = 0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rotate: float = 0.0,
        classes: tuple[str, ...] | None = None,
        class_balanced: bool = False,
        matching: str | None = None,
        batch_size: int = 8,
        validation_fraction: float = 0.1,
        validation_samples: int = 64,
        workers: Workers = "auto",
        cache: Cache = "auto",
        max_file_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.max_file_size = max_file_size
        if max_file_size is not None:
            os.environ[SIZE_VARIABLE] = str(max_file_size)
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected at least 1")
        if not 0 <= validation_fraction < 1:
            raise InputError(f"validation_fraction is {validation_fraction}; expected at least 0 and less than 1")
        if workers != "auto" and workers < 0:
            raise InputError(f"workers is {workers}; expected at least 0, or auto")
        require_features(matching)
        self.synthetic, self.real = Path(synthetic), Path(real)
        self.layout, self.real_layout, self.mapping = layout, real_layout, mapping
        self.channels: int = channels
        self.resize, self.working_size, self.real_resize = resize, resize, real_resize or resize
        self.classes, self.class_balanced, self.matching = classes, class_balanced, matching
        self.augmentation = Augmentation(crop, shift, horizontal_flip, vertical_flip, rotate)
        self.batch_size, self.workers, self.cache, self.seed = batch_size, workers, cache, seed
        self.validation_fraction, self.validation_samples = validation_fraction, validation_samples
        self.steps_given, self._ready = 0, False

    def smallest_image(self) -> tuple[int, Path]:
        """The shortest side of all images that are trained on, and the image that has it."""
        return min(
            (min(size), folder / record.key)
            for folder, store in ((self.synthetic, self._synthetic), (self.real, self._real))
            for record, size in zip(store.records, store.sizes, strict=True)
        )

    def setup(self, stage: str) -> None:
        """Read both datasets and split them. Refuses what training would stumble over later."""
        if self._ready:
            return
        labeled = open_layout(self.layout, self.synthetic, self.classes, self.mapping)
        if self.layout == "auto":
            tell(told(labeled))
        kind = KINDS.get(labeled.label_space.kind)
        if kind is not None and kind.every_image:  # else whoever learns the labels asks by `require_labels`
            labeled.require_whole()
        unlabeled = open_layout(self.real_layout, self.real)
        if self.real_layout == "auto":
            tell(told(unlabeled))
        self.augmentation.check_labels(str(self.synthetic), labeled.label_space)
        if self.class_balanced and not (kind is not None and kind.one_class):
            raise InputError(f"{self.synthetic}: class_balanced needs one class an image (layout=class-folders)")
        self.label_space, self._labeled = labeled.label_space, labeled
        self._synthetic, self._synthetic_held = self._stores(labeled, True, self.resize)
        self._real, self._real_held = self._stores(unlabeled, False, self.real_resize)
        if isinstance(labeled, Mapped):
            tell(labeled.summary())
        if self._synthetic.tally:
            held = self._synthetic_held
            shared = held.records[0] in self._synthetic.records  # validation_fraction 0, or too few images
            tell(learned_line(self._synthetic.tally + (Counter() if shared else held.tally)))
        stores = self._synthetic, self._synthetic_held, self._real, self._real_held
        sizes = sorted({size for store in stores for size in store.sizes})
        crop = self.augmentation.crop
        if crop is None and len(sizes) > 1:
            first, last = ("x".join(map(str, size)) for size in (sizes[0], sizes[-1]))
            least = "x".join(str(min(side)) for side in zip(*sizes, strict=True))
            raise InputError(
                f"{self.synthetic} and {self.real}: images of {len(sizes)} sizes (from {first} to {last}, height x "
                f"width) cannot share a batch; give --data.crop {least}, or --data.resize"
            )
        most = max(LARGEST_BATCH, LARGEST_BATCH_REPEATS * max(len(self._synthetic), len(self._real)))
        if self.batch_size > most:
            raise InputError(
                f"batch_size is {self.batch_size}, where there are {len(self._synthetic)} synthetic and "
                f"{len(self._real)} real images; expected {most} at most"
            )
        self.training_size: tuple[int, int] = crop or sizes[0]
        self._ready = True

    def _stores(self, layout: Layout, labels: bool, resize: tuple[int, int] | None) -> tuple[ImageStore, ImageStore]:
        try:
            return self._opened(layout, layout.records(), labels, resize)
        except UnreadableImage:  # only then is every image decoded twice
            records, note = without_unreadable(layout)
            if not note:  # it is a label that cannot be read
                raise
            tell(note)
            return self._opened(layout, records, labels, resize)

    def _opened(
        self, layout: Layout, records: list[Record], labels: bool, resize: tuple[int, int] | None
    ) -> tuple[ImageStore, ImageStore]:
        note = ""
        if self.augmentation.crop is not None and resize is None:
            records, note = without_small(layout, records, self.augmentation.crop)
        training, held_out = split_by_key(records, self.validation_fraction)
        stride = max(1, len(held_out) // self.validation_samples)  # spread over the keys, so over the classes
        looked_at = held_out[::stride][: self.validation_samples]
        stores = [ImageStore(layout, part, self.channels, resize, self.cache, labels) for part in (training, looked_at)]
        found = [each for store in stores for each in zip(store.records, store.sizes, strict=True)]
        for record, size in found:
            self.augmentation.check(str(layout.root / record.key), size)
        if note:
            tell(note)
        gray = stores[0].gray | stores[1].gray
        if gray and gray < {record.key for record, _ in found}:
            tell(f"{layout.root}: {len(gray)} gray image{'' if len(gray) == 1 else 's'} among color ones, read as RGB")
        return stores[0], stores[1]

    def require_labels(self) -> None:
        """Refuse data from which a task model would learn that things are nothing.

        Raises:
            InputError: If an image has no label, or not one object of all images is left to learn.
        """
        self._labeled.require_whole()
        tally = self._synthetic.tally
        if tally and not tally["objects"]:
            raise InputError(
                f"{self.synthetic}: nothing to learn in the images of training ({learned_line(tally)}); check "
                "the labels, and the mapping if there is one"
            )

    def train_dataloader(self) -> DataLoader[UnpairedBatch]:
        """Endless batches, from the step on at which a resumed run stopped."""
        rank, processes = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        workers = self._workers(processes)
        own = self.augmentation, self.class_balanced, self.seed, self.matching
        return DataLoader(
            TrainingPairs(self._synthetic, self._real, *own),
            batch_sampler=PositionBatches(self.batch_size, self.steps_given, rank, processes),
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_leave_interrupts_to_training if workers else None,
            pin_memory=self._on_gpu(),
        )

    def val_dataloader(self) -> DataLoader[UnpairedBatch]:
        """The same few images of both domains each time, cropped in the middle where training crops."""
        dataset = ValidationPairs(self._synthetic_held, self._real_held, self.augmentation.crop)
        return DataLoader(dataset, batch_size=self.batch_size, shuffle=False)

    @property
    def validation_images(self) -> int:
        """Number of synthetic images that validation looks at."""
        return len(self._synthetic_held)

    def whole_images(self, count: int, longest: int) -> tuple[list[Tensor], list[Tensor]]:
        """Validation's first images of both domains as `apply` sees them, not cropped as for training.

        Args:
            count: Number of images of each domain, at most.
            longest: Sides beyond it, and beyond the crop of training, are cropped in the middle.

        Returns:
            Synthetic and real images, ``(C, H, W)`` uint8 each; none where training does not crop, since validation
            looks at whole images then.
        """
        if self.augmentation.crop is None:
            return [], []
        most = max(longest, self.augmentation.crop[0]), max(longest, self.augmentation.crop[1])
        return self._synthetic_held.first_images(count, most), self._real_held.first_images(count, most)

    def _workers(self, processes: int) -> int:
        if self.workers != "auto":
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(MOST_WORKERS, cores // processes - 1)) if self._on_gpu() else 0

    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Count what training was given: loaders read ahead, so the sampler does not know."""
        if self.trainer is not None and self.trainer.training:
            self.steps_given += 1
        return batch

    def on_after_batch_transfer(self, batch: UnpairedBatch, dataloader_idx: int) -> UnpairedBatch:
        """Levels to floats in [-1, 1], on the device: levels are a quarter of the bytes that travel there."""
        labeled, real = batch["synthetic"], batch["real"]
        synthetic, real = (to_float(each) if each.dtype == torch.uint8 else each for each in (labeled.image, real))
        return {"synthetic": labeled._replace(image=synthetic), "real": real}

    def state_dict(self) -> dict[str, Any]:
        """The position in the data, and what it means."""
        crop = self.augmentation.crop
        position = {"steps_given": self.steps_given, "seed": self.seed, "batch_size": self.batch_size}
        meant = {"matching": self.matching, "crop": None if crop is None else list(crop)}
        return {**position, **meant, "trained_on": self._trained_on()}

    def _trained_on(self) -> dict[str, list[str | int]]:
        """Names of the folders, and numbers of their images that are trained on."""
        if not self._ready:
            return {}
        domains = ("synthetic", self.synthetic, self._synthetic), ("real", self.real, self._real)
        return {domain: [folder.resolve().name, len(store)] for domain, folder, store in domains}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on at the stored position.

        Raises:
            InputError: If the position was counted with another seed or batch size.
        """
        fitting = self.trainer is not None and self.trainer.state.fn == "fit"
        for name in ("seed", "batch_size", "matching"):
            now = getattr(self, name)
            before = state_dict.get(name, None if name == "matching" else now)  # older ones know less
            if fitting and before != now:
                raise InputError(f"the checkpoint was trained with data.{name}={before}, not {now}; keep it")
        for domain, now_on in self._trained_on().items() if fitting else ():
            before_on = state_dict.get("trained_on", {}).get(domain, now_on)
            if before_on != now_on:
                earlier, later = (printable(cut(f"{many} images of {folder}")) for folder, many in (before_on, now_on))
                tell(f"{domain}: trained on {earlier} before, and on {later} from here on")
        self.steps_given = int(state_dict["steps_given"])


def _leave_interrupts_to_training(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal: a worker that ended at once would break the step under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
