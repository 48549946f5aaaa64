"""Matched crops: the discriminator's real side is what the synthetic crops resemble.

Where the two sides differ in what they show (more sky, fewer cars, a class that one side lacks), a translator that sees
random pairs of crops learns to add what is missing. With matched ones, both sides show about the same, and looks alone
are left to learn (Richter, AlHaija and Koltun 2021, Enhancing Photorealism Enhancement, arXiv 2105.04619, section 4.3).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.data.augment import Augmentation
from refine.data.geometry import AnnotatedImage
from refine.data.images import to_float
from refine.data.store import ImageStore
from refine.labels import Annotation, LabelSpace
from refine.metrics.features import named_extractor
from refine.terminal import counted

THUMBNAIL, SIDE = "thumbnail", 8
"""Features that need no weights: the crop itself in 8x8 pixels."""

CROPS, NEIGHBORS = 8, 5
"""Crops of each image, and real crops that each synthetic one is matched with. The paper has 10 neighbors, of a bank of
random crops."""

BATCH = 64
"""Crops whose features are taken at once."""

ROWS = 1024
"""Synthetic crops that are held against all real ones at once."""

OWN_SEEDS = 1 << 20
"""Seeds of the crops lie so much higher than those of unmatched training."""


class Matches:
    """Real crops for each of `CROPS` synthetic crops of each image, found once.

    A crop is a function of the seed, the domain, the image and its number among the image's crops, flips and shifts
    included. Each side's mean is taken out of its features, so that what all its crops share, their looks, counts less;
    then the cosine tells which are near.

    Args:
        synthetic: Images of one side.
        real: Of the other.
        augmentation: What cuts the crops.
        features: `THUMBNAIL`, or one of `refine.metrics.features.NETWORKS`.
        draws: Generator of a domain (0 synthetic, 1 real) at a number.

    Raises:
        InputError: If there are no such features, or their weights are not there.
    """

    def __init__(
        self,
        synthetic: ImageStore,
        real: ImageStore,
        augmentation: Augmentation,
        features: str,
        draws: Callable[[int, int], torch.Generator],
    ) -> None:
        self.augmentation, self.draws = augmentation, draws
        extractor: Callable[[Tensor], Tensor] = thumbnail if features == THUMBNAIL else named_extractor(features)
        with counted((len(synthetic) + len(real)) * CROPS, "matching crops") as advance:
            ours = self._features(synthetic, 0, extractor, advance)
            theirs = self._features(real, 1, extractor, advance)
        near = [(part @ theirs.T).topk(min(NEIGHBORS, len(theirs))).indices for part in torch.split(ours, ROWS)]
        self.nearest = torch.cat(near).int()
        """``(synthetic crops, NEIGHBORS)``: numbers of real crops, the nearest first."""

    def crop(self, store: ImageStore, domain: int, number: int, space: LabelSpace) -> AnnotatedImage:
        """Return a crop of a side by its number: image by image, `CROPS` each."""
        index = number // CROPS
        sample = store[index] if domain == 0 else AnnotatedImage(store.image(index), Annotation())
        return self.augmentation(sample, space, self.draws(domain, number))

    def matched(self, crop: int, draw: torch.Generator) -> int:
        """Return the number of one of a synthetic crop's matches."""
        place = int(torch.randint(self.nearest.shape[1], (), generator=draw))
        return int(self.nearest[crop, place])

    def _features(
        self, store: ImageStore, domain: int, extractor: Callable[[Tensor], Tensor], advance: Callable[[int], None]
    ) -> Tensor:
        space = store.layout.label_space if domain == 0 else LabelSpace("none")
        found = []
        for numbers in torch.split(torch.arange(len(store) * CROPS), BATCH):
            images = [to_float(self.crop(store, domain, number, space).image) for number in numbers.tolist()]
            found.append(extractor(torch.stack(images)).flatten(1))
            advance(len(numbers))
        features = torch.cat(found)
        return F.normalize(features - features.mean(dim=0), dim=1)


def thumbnail(images: Tensor) -> Tensor:
    """``(B, C, H, W)`` to ``(B, C, 8, 8)``: means of parts of the image."""
    return F.adaptive_avg_pool2d(images, SIDE)
