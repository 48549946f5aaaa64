"""A labeled synthetic dataset beside an unlabeled real one, as batches."""

from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2.functional import center_crop
from torchvision.tv_tensors import TVTensor

from refine.data.augment import Augmentation
from refine.data.images import to_float
from refine.data.layouts import ClassFolders, ImageFolder, Layout, MaskFolders, Table
from refine.data.positions import REAL, SYNTHETIC, ClassBalanced, PositionBatches, Shuffled, generator_at
from refine.data.samples import Labeled, UnpairedBatch
from refine.data.store import Cache, ImageStore, split_by_key
from refine.errors import InputError

LayoutName = Literal["images", "class-folders", "mask-folders", "table"]


def open_layout(name: LayoutName, root: Path, classes: tuple[str, ...] | None = None) -> Layout:
    """The dataset at ``root``, read as the named layout; class folders may be limited to some classes, and
    masks' ids named.

    Raises:
        InputError: If it is not whole (see the layouts).
    """
    if name == "class-folders":
        return ClassFolders(root, classes)
    if name == "mask-folders":
        return MaskFolders(root, classes)
    if classes is not None:
        raise InputError(f"{root}: classes can be chosen with layout=class-folders only, not with layout={name}")
    return Table(root) if name == "table" else ImageFolder(root)


class UnpairedImages(LightningDataModule):
    """Batches of synthetic images with their labels, and of real images without.

    The sample and its augmentation at step t are a function of the seed and t alone. Sampling wraps around,
    so a batch may be larger than the dataset.

    Args:
        synthetic: Folder of the labeled synthetic dataset.
        real: Folder of the real images, searched to any depth; labels there are never read.
        layout: How the synthetic labels lie: ``class-folders``, ``mask-folders``, ``table``, or
            ``images`` for none.
        channels: 1 (gray) or 3 (RGB).
        resize: Height and width that every image is resized to: the working size. None keeps native scale.
        crop: Height and width of random crops, after `resize`.
        shift: Random shifts up to so many pixels.
        horizontal_flip: Only where mirroring keeps every label true.
        vertical_flip: The same, up and down.
        classes: Train on these synthetic classes alone, numbered in this order. Leave out what the real images
            never show: a translator would turn it into something else. Of masks: the names of the ids, in order.
        class_balanced: Draw every synthetic class equally often.
        batch_size: Images of each domain in a step, on each process.
        validation_fraction: Share of each domain that is held out of training, by key. With 0, validation
            looks at training images.
        validation_samples: Images of each domain that validation looks at.
        workers: Processes that read; 0 reads in the training process.
        cache: Where decoded images are kept (see `ImageStore`).
        seed: Seeds shuffles and augmentation.
    """

    def __init__(
        self,
        synthetic: Path,
        real: Path,
        layout: LayoutName = "class-folders",
        channels: Literal[1, 3] = 3,
        resize: tuple[int, int] | None = None,
        crop: tuple[int, int] | None = None,
        shift: int = 0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        classes: tuple[str, ...] | None = None,
        class_balanced: bool = False,
        batch_size: int = 8,
        validation_fraction: float = 0.1,
        validation_samples: int = 64,
        workers: int = 0,
        cache: Cache = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected at least 1")
        if not 0 <= validation_fraction < 1:
            raise InputError(f"validation_fraction is {validation_fraction}; expected at least 0 and less than 1")
        self.synthetic, self.real, self.layout = synthetic, real, layout
        self.channels: int = channels
        self.resize, self.classes, self.class_balanced = resize, classes, class_balanced
        self.augmentation = Augmentation(crop, shift, horizontal_flip, vertical_flip)
        self.batch_size, self.workers, self.cache, self.seed = batch_size, workers, cache, seed
        self.validation_fraction, self.validation_samples = validation_fraction, validation_samples
        self.steps_given = 0
        self._ready = False

    @property
    def working_size(self) -> tuple[int, int] | None:
        """Height and width that images are resized to; None at native scale."""
        return self.resize

    def setup(self, stage: str) -> None:
        """Read both datasets and split them. Refuses what training would stumble over later."""
        if self._ready:
            return
        labeled, unlabeled = open_layout(self.layout, self.synthetic, self.classes), ImageFolder(self.real)
        flips = self.augmentation.horizontal_flip or self.augmentation.vertical_flip
        if flips and labeled.label_space.kind == "targets":
            raise InputError(f"{self.synthetic}: a flip would make the table's targets wrong; switch flips off")
        if self.class_balanced and labeled.label_space.kind != "class":
            raise InputError(f"{self.synthetic}: class_balanced needs layout=class-folders")
        self.label_space = labeled.label_space
        (self._synthetic, self._synthetic_held), (self._real, self._real_held) = (
            self._stores(layout) for layout in (labeled, unlabeled)
        )
        stores = self._synthetic, self._synthetic_held, self._real, self._real_held
        sizes = sorted({size for store in stores for size in store.sizes})
        if self.augmentation.crop is None and len(sizes) > 1:
            raise InputError(
                f"{self.synthetic} and {self.real}: images of {len(sizes)} sizes (from {sizes[0]} to {sizes[-1]}, "
                "height x width) cannot share a batch; set resize or crop"
            )
        self.training_size: tuple[int, int] = self.augmentation.crop or sizes[0]
        self._ready = True

    def _stores(self, layout: Layout) -> tuple[ImageStore, ImageStore]:
        training, held_out = split_by_key(layout.records(), self.validation_fraction)
        stride = max(1, len(held_out) // self.validation_samples)  # spread over the keys, so over the classes
        shown = held_out[::stride][: self.validation_samples]
        stores = tuple(ImageStore(layout, part, self.channels, self.resize, self.cache) for part in (training, shown))
        for store in stores:
            for record, size in zip(store.records, store.sizes, strict=True):
                self.augmentation.check(str(record.image), size)
        return stores[0], stores[1]

    def train_dataloader(self) -> DataLoader[UnpairedBatch]:
        """Endless batches, from the step on at which a resumed run stopped."""
        rank, processes = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        dataset = _Training(self._synthetic, self._real, self.augmentation, self.class_balanced, self.seed)
        return DataLoader(
            dataset,
            batch_sampler=PositionBatches(self.batch_size, self.steps_given, rank, processes),
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self._on_gpu(),
        )

    def val_dataloader(self) -> DataLoader[UnpairedBatch]:
        """The same few images of both domains each time, cropped in the middle where training crops."""
        dataset = _Validation(self._synthetic_held, self._real_held, self.augmentation.crop)
        return DataLoader(dataset, batch_size=self.batch_size, shuffle=False)

    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Count what training was given: loaders read ahead, so the sampler does not know."""
        if self.trainer is not None and self.trainer.training:
            self.steps_given += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The position in the data, and what it means."""
        return {"steps_given": self.steps_given, "seed": self.seed, "batch_size": self.batch_size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on at the stored position.

        Raises:
            InputError: If the position was counted with another seed or batch size.
        """
        for name, now in (("seed", self.seed), ("batch_size", self.batch_size)):
            fitting = self.trainer is not None and self.trainer.state.fn == "fit"
            if fitting and state_dict.get(name, now) != now:
                raise InputError(f"the checkpoint was trained with data.{name}={state_dict[name]}, not {now}; keep it")
        self.steps_given = int(state_dict["steps_given"])


class _Training(Dataset[UnpairedBatch]):
    """Position to sample of both domains."""

    def __init__(
        self, synthetic: ImageStore, real: ImageStore, augmentation: Augmentation, balanced: bool, seed: int
    ) -> None:
        self.synthetic, self.real = synthetic, real
        self.augmentation, self.seed = augmentation, seed
        self.real_order = Shuffled(len(real), seed, REAL)
        self.synthetic_order: Shuffled | ClassBalanced
        if balanced:
            classes = [int(synthetic.label(index)) for index in range(len(synthetic))]
            self.synthetic_order = ClassBalanced(classes, seed, SYNTHETIC)
        else:
            self.synthetic_order = Shuffled(len(synthetic), seed, SYNTHETIC)

    def __getitem__(self, position: int) -> UnpairedBatch:
        index = self.synthetic_order[position]
        image, label = self.augmentation(
            self.synthetic.image(index),
            self.synthetic.label(index),
            generator_at(self.seed, SYNTHETIC, position),
        )
        nothing = label.new_empty(0)
        real, _ = self.augmentation(
            self.real.image(self.real_order[position]), nothing, generator_at(self.seed, REAL, position)
        )
        return {
            "synthetic": Labeled(to_float(image), label, self.synthetic.records[index].key),
            "real": to_float(real),
        }


class _Validation(Dataset[UnpairedBatch]):
    """The shorter side wraps around."""

    def __init__(self, synthetic: ImageStore, real: ImageStore, crop: tuple[int, int] | None) -> None:
        self.synthetic, self.real, self.crop = synthetic, real, crop

    def __len__(self) -> int:
        return max(len(self.synthetic), len(self.real))

    def __getitem__(self, position: int) -> UnpairedBatch:
        index = position % len(self.synthetic)
        label, key = self.synthetic.label(index), self.synthetic.records[index].key
        image = to_float(self._middle(self.synthetic.image(index)))
        return {
            "synthetic": Labeled(image, self._middle(label) if isinstance(label, TVTensor) else label, key),
            "real": to_float(self._middle(self.real.image(position % len(self.real)))),
        }

    def _middle(self, image: Tensor) -> Tensor:
        return image if self.crop is None else center_crop(image, list(self.crop))
