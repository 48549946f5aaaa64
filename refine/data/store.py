"""A dataset's images as tensors: decoded once where they fit in memory, else each time, or batch by batch; and labeled
ones of one size, kept whole."""

import hashlib
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from operator import ge
from typing import Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from refine.data.geometry import AnnotatedImage, center_crop, resize_label
from refine.data.images import resize_levels, to_float
from refine.data.layouts import Layout
from refine.data.samples import Record
from refine.errors import InputError, UnreadableImage
from refine.files import shown
from refine.labels import KINDS, Annotation
from refine.terminal import track

Cache = Literal["auto", "memory", "memmap", "none"]

MEMORY_LIMIT_BYTES = 2 * 2**30
"""With ``cache=auto``, datasets up to this many bytes of pixels are kept in memory."""

ODD_SHARE = 0.02
"""Share of a dataset's images that may be left out because they cannot be read, and because they are smaller than the
crop."""


def without_unreadable(layout: Layout) -> tuple[list[Record], str]:
    """Decode every image; where a few cannot be read, leave them out.

    Returns:
        The records of the others, and a line that says how many were left out; empty if all can be read.

    Raises:
        UnreadableImage: With the first and their number, if there are more than `ODD_SHARE`.
    """
    records, readable, reasons = layout.records(), [], []
    for record in track(records, f"checking {layout.root.name}"):
        try:
            layout.image(record, 3)
            readable.append(record)
        except UnreadableImage as error:
            reasons.append(str(error))
    if len(reasons) > ODD_SHARE * len(records):
        more = f" ({len(reasons)} of {len(records)} images cannot be read)" if len(reasons) > 1 else ""
        raise UnreadableImage(f"{reasons[0]}{more}")
    said = f"{layout.root}: {len(reasons)} of {len(records)} images left out (first: {reasons[0]})" if reasons else ""
    return readable, said


def without_small(layout: Layout, records: list[Record], crop: tuple[int, int]) -> tuple[list[Record], str]:
    """Leave out the images that are smaller than a crop, where they are few.

    Args:
        layout: Where the records are.
        records: Which of them.
        crop: Height and width.

    Returns:
        All images, or where at most `ODD_SHARE` are smaller, the others with a line that says so.
    """
    fits = [all(map(ge, layout.size(record), crop)) for record in records]
    odd = fits.count(False)
    if not 0 < odd <= ODD_SHARE * len(layout.records()):
        return records, ""  # none, or so many that the crop is wrong: then the first is named
    reason = f"smaller than the crop {crop[0]}x{crop[1]} (first: {shown(records[fits.index(False)].key)})"
    large = [record for record, fit in zip(records, fits, strict=True) if fit]
    return large, f"{layout.root}: {odd} of {len(records)} images left out, {reason}"


class ImageStore:
    """Images and labels of one layout, by number.

    Args:
        layout: Where the records are.
        records: Which of them.
        channels: 1 (gray) or 3 (RGB).
        resize: Height and width that every image, and its mask and boxes, is brought to when it is read; None keeps
            its size.
        cache: ``memory`` decodes everything at once, ``memmap`` into a temporary file that goes with the
            process (images of one size only), ``none`` each time, ``auto`` by size.
        labels: Whether the labels are wanted as well.

    Raises:
        InputError: If an image or a label cannot be read: everything is read once, before training and not during it.
    """

    def __init__(
        self,
        layout: Layout,
        records: list[Record],
        channels: int,
        resize: tuple[int, int] | None,
        cache: Cache,
        labels: bool = True,
    ) -> None:
        self.layout, self.records = layout, records
        self.channels, self.resize = channels, resize
        self.sizes = [resize or layout.size(record) for record in records]
        self.gray = {record.key for record in records if channels == 3 and not layout.in_color(record)}
        """Keys of gray images that are read as RGB."""
        self.kind = KINDS[layout.label_space.kind] if labels and layout.label_space.is_labeled else None
        self.tally: Counter[str] = Counter()
        """Counts of objects, and of those that were left out, where labels are objects (see `LabelKind.learned`)."""
        one_size, name = len(set(self.sizes)) == 1, layout.root.name
        if cache == "auto":
            small = sum(height * width * channels for height, width in self.sizes) <= MEMORY_LIMIT_BYTES
            cache = "memory" if small else "memmap" if one_size else "none"
        self._images: list[Tensor] | Tensor | None = None
        if cache == "memory":
            self._images = [self._read(record) for record in track(records, f"reading {name}")]
        elif cache == "memmap" and one_size:
            with tempfile.TemporaryFile() as file:  # unlinked at once: the mapping alone keeps it
                shape = (len(records), channels, *self.sizes[0])
                self._images = torch.from_numpy(np.memmap(file, dtype=np.uint8, mode="w+", shape=shape))
            for index, record in enumerate(track(records, f"reading {name}")):
                self._images[index] = self._read(record)
        else:
            deque(map(self._read, track(records, f"checking {name}")), maxlen=0)  # only to find a broken one now
        self._labels: list[Annotation] | None = None
        if self.kind is not None:
            found = map(self._learned, track(records, f"reading {name}'s labels"))
            if cache == "memory" or not self.kind.per_pixel:
                self._labels = list(found)
            else:
                deque(found, maxlen=0)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> AnnotatedImage:
        """An image with what training needs of its labels."""
        return AnnotatedImage(self.image(index), self.annotation(index))

    def image(self, index: int) -> Tensor:
        """``(C, H, W)`` uint8."""
        return self._read(self.records[index]) if self._images is None else self._images[index]

    def first_images(self, count: int, most: tuple[int, int]) -> list[Tensor]:
        """At most ``count`` images, ``(C, H, W)`` uint8, cut in the middle to at most this height and width."""
        images = map(self.image, range(min(count, len(self))))
        whole = (AnnotatedImage(image, Annotation()) for image in images)
        return [center_crop(each, *map(min, each.size, most)).image for each in whole]

    def annotation(self, index: int) -> Annotation:
        """Return the part of the labels that training needs, in the image's working size; masks are uint8."""
        return self._learned(self.records[index]) if self._labels is None else self._labels[index]

    def _learned(self, record: Record) -> Annotation:
        if self.kind is None:
            return Annotation()
        found = self.kind.learned(self.layout.annotation(record), self.tally)
        return found if self.resize is None else resize_label(found, self.resize)

    def _read(self, record: Record) -> Tensor:
        return resize_levels(self.layout.image(record, self.channels), self.resize)


def image_batches(
    layout: Layout, records: Sequence[Record], channels: int, size: tuple[int, int] | None, batch_size: int
) -> Iterator[Tensor]:
    """Images as float batches ``(B, channels, H, W)`` in [-1, 1], in the order given.

    Args:
        layout: Reads them.
        records: Which.
        channels: 1 or 3.
        size: Height and width that every image is resized to (antialiased bilinear); None keeps them, and
            then all must be of one size.
        batch_size: Images a batch; the last may be smaller.

    Raises:
        InputError: If a file cannot be read.
    """
    for start in range(0, len(records), batch_size):
        images = [layout.image(record, channels) for record in records[start : start + batch_size]]
        yield to_float(torch.stack([resize_levels(image, size) for image in images]))


class LabeledImages(NamedTuple):
    """A dataset of one size, small enough to be kept whole."""

    images: Tensor
    """``(N, C, H, W)`` uint8."""
    labels: Tensor
    """``(N, ...)``, as `Labeled.label`; masks are uint8."""
    keys: tuple[str, ...]
    """Relative paths."""

    def take(self, indices: list[int]) -> "LabeledImages":
        """Some of them, in the order given."""
        return LabeledImages(self.images[indices], self.labels[indices], tuple(self.keys[i] for i in indices))

    def join(self, other: "LabeledImages") -> "LabeledImages":
        """Both, one after the other."""
        return LabeledImages(
            torch.cat([self.images, other.images]), torch.cat([self.labels, other.labels]), self.keys + other.keys
        )

    def digest(self) -> str:
        """SHA-256 of keys, images and labels."""
        found = hashlib.sha256("\n".join(self.keys).encode("utf-8", "surrogateescape"))
        for part in (self.images, self.labels):
            found.update(f"{tuple(part.shape)} {part.dtype}".encode())
            found.update(part.contiguous().numpy().data)
        return found.hexdigest()


def read_labeled(layout: Layout, channels: int, size: tuple[int, int]) -> LabeledImages:
    """Every image of a dataset with its label, resized to one height and width.

    Raises:
        InputError: If an image or a label cannot be read.
    """
    kind, records = KINDS[layout.label_space.kind], layout.records()
    images, labels = [], []
    for record in track(records, f"reading {layout.root.name}"):
        images.append(resize_levels(layout.image(record, channels), size))
        labels.append(kind.packed(kind.label(resize_label(kind.only(layout.annotation(record)), size))))
    return LabeledImages(torch.stack(images), torch.stack(labels), tuple(record.key for record in records))


def common_size(layout: Layout) -> tuple[int, int]:
    """Height and width of all images.

    Raises:
        InputError: If they differ.
    """
    sizes = sorted({layout.size(record) for record in layout.records()})
    if len(sizes) > 1:
        raise InputError(
            f"{layout.root}: images of {len(sizes)} sizes, from {sizes[0][0]}x{sizes[0][1]} to "
            f"{sizes[-1][0]}x{sizes[-1][1]} (height x width); say to which all are resized (--size HxW)"
        )
    return sizes[0]


def split_by_key(records: list[Record], fraction: float) -> tuple[list[Record], list[Record]]:
    """Training and validation records. Membership hangs on the key alone, so that new images move no old one.

    Args:
        records: All records.
        fraction: Share held out, 0 to 1; with 0 validation looks at training images.
    """
    training: list[Record] = []
    held_out: list[Record] = []
    for record in records:
        digest = hashlib.sha256(record.key.encode("utf-8", "surrogateescape")).digest()
        position = int.from_bytes(digest[:4], "big") / 2**32
        (held_out if position < fraction else training).append(record)
    return (training, held_out) if training and held_out else (records, records)


@rank_zero_only
def tell(line: str) -> None:
    """Print a line for the person who started the run; a log would hide it."""
    print(line, flush=True)
