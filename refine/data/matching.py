"""Matched crops: the discriminator's real side is what the synthetic crops resemble.

Where the two sides differ in what they show (more sky, fewer cars, a class that one side lacks), a translator that sees
random pairs of crops learns to add what is missing. With matched ones, both sides show about the same, and looks alone
are left to learn (Richter, AlHaija and Koltun 2021, Enhancing Photorealism Enhancement, arXiv 2105.04619).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.data.augment import Augmentation
from refine.data.geometry import AnnotatedImage
from refine.data.images import to_float
from refine.data.store import ImageStore
from refine.errors import InputError
from refine.labels import Annotation, LabelSpace
from refine.metrics.features import NETWORKS, named_extractor
from refine.terminal import counted

THUMBNAIL, SIDE = "thumbnail", 8
"""Features that need no weights: the crop itself in 8x8 pixels."""

CROPS, NEIGHBORS = 8, 5
"""Crops of each image, and real crops that each synthetic one is matched with, of as many images."""

IMAGES = 8
"""Images whose crops' features are taken at once."""

AT_ONCE = 1 << 24
"""Similarities that are held at once."""

OWN_SEEDS = 1 << 20
"""Seeds of the crops lie so much higher than those of unmatched training."""


def require_features(name: str | None) -> None:
    """Raise `InputError` if there are no features of this name; None is no matching."""
    if name not in (None, THUMBNAIL, *NETWORKS):
        raise InputError(f"data.matching is {name}; expected {', '.join((THUMBNAIL, *NETWORKS))}")


class MatchedCrops:
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
        InputError: If the weights of these features are not there.
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
        with counted(len(synthetic) + len(real), "matching crops") as advance:
            ours = self._features(synthetic, 0, extractor, advance)
            theirs = self._features(real, 1, extractor, advance)
        near = []
        for part in torch.split(ours, max(1, AT_ONCE // len(theirs))):
            best = (part @ theirs.T).view(len(part), -1, CROPS).max(dim=2)  # of each real image its best crop
            images = best.values.topk(min(NEIGHBORS, len(real))).indices
            near.append(images * CROPS + best.indices.gather(1, images))
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
        found, none = [], LabelSpace("none")
        for indices in torch.split(torch.arange(len(store)), IMAGES):
            images = []
            for index in indices.tolist():
                whole = AnnotatedImage(store.image(index), Annotation())  # its label draws nothing
                draws = (self.draws(domain, index * CROPS + number) for number in range(CROPS))
                images += [to_float(self.augmentation(whole, none, draw).image) for draw in draws]
            found.append(extractor(torch.stack(images)).flatten(1))
            advance(len(indices))
        features = torch.cat(found)
        return F.normalize(features - features.mean(dim=0), dim=1)


def thumbnail(images: Tensor) -> Tensor:
    """``(B, C, H, W)`` to ``(B, C, 8, 8)``: means of parts of the image."""
    return F.adaptive_avg_pool2d(images, SIDE)
