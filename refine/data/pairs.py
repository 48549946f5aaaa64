"""Positions in training, and numbers in validation, to samples of both domains."""

from torch.utils.data import Dataset

from refine.data.annotation import Annotation
from refine.data.augment import Augmentation
from refine.data.geometry import Sample, center_crop
from refine.data.positions import REAL, SYNTHETIC, ClassBalanced, Shuffled, generator_at
from refine.data.samples import Labeled, LabelSpace, UnpairedBatch
from refine.data.store import ImageStore

UNLABELED = LabelSpace("none")


class TrainingPairs(Dataset[UnpairedBatch]):
    """Position to sample of both domains, by the seed alone. Images are uint8 levels."""

    def __init__(
        self, synthetic: ImageStore, real: ImageStore, augmentation: Augmentation, balanced: bool, seed: int
    ) -> None:
        self.synthetic, self.real = synthetic, real
        self.augmentation, self.seed = augmentation, seed
        self.real_order = Shuffled(len(real), seed, REAL)
        self.synthetic_order: Shuffled | ClassBalanced
        if balanced:
            classes = [int(synthetic.annotation(index).label("class")) for index in range(len(synthetic))]
            self.synthetic_order = ClassBalanced(classes, seed, SYNTHETIC)
        else:
            self.synthetic_order = Shuffled(len(synthetic), seed, SYNTHETIC)

    def __getitem__(self, position: int) -> UnpairedBatch:
        index = self.synthetic_order[position]
        synthetic = self.augmentation(
            Sample(self.synthetic.image(index), self.synthetic.annotation(index)),
            self.synthetic.layout.label_space,
            generator_at(self.seed, SYNTHETIC, position),
        )
        real = self.augmentation(
            Sample(self.real.image(self.real_order[position]), Annotation()),
            UNLABELED,
            generator_at(self.seed, REAL, position),
        )
        label = synthetic.annotation.label(self.synthetic.kind)
        return {
            "synthetic": Labeled(synthetic.image, label, self.synthetic.records[index].key),
            "real": real.image,
        }


class ValidationPairs(Dataset[UnpairedBatch]):
    """The same images each time, as uint8 levels; the shorter side wraps around."""

    def __init__(self, synthetic: ImageStore, real: ImageStore, crop: tuple[int, int] | None) -> None:
        self.synthetic, self.real, self.crop = synthetic, real, crop

    def __len__(self) -> int:
        return max(len(self.synthetic), len(self.real))

    def __getitem__(self, position: int) -> UnpairedBatch:
        index = position % len(self.synthetic)
        synthetic = self._middle(self.synthetic, index)
        label = synthetic.annotation.label(self.synthetic.kind)
        return {
            "synthetic": Labeled(synthetic.image, label, self.synthetic.records[index].key),
            "real": self._middle(self.real, position % len(self.real)).image,
        }

    def _middle(self, store: ImageStore, index: int) -> Sample:
        sample = Sample(store.image(index), store.annotation(index))
        return sample if self.crop is None else center_crop(sample, *self.crop)
