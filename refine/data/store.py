"""A dataset's images as uint8 tensors: decoded once where they fit in memory, else each time."""

import hashlib
import tempfile
from collections import Counter, deque
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.geometry import resize_objects
from refine.data.images import resize_levels
from refine.data.layouts import Layout
from refine.data.object_labels import learned
from refine.data.resampling import resize_ids
from refine.data.samples import Record
from refine.progress import track

Cache = Literal["auto", "memory", "memmap", "none"]

MEMORY_LIMIT = 2 * 2**30
"""With ``cache=auto``, datasets up to this many bytes of pixels are kept in memory."""


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
        self._memory: list[Tensor] | None = None
        self._memmap: Tensor | None = None
        pixels = sum(height * width * channels for height, width in self.sizes)
        one_size = len(set(self.sizes)) == 1
        if cache == "auto":
            cache = "memory" if pixels <= MEMORY_LIMIT else "memmap" if one_size else "none"
        if cache == "memory":
            self._memory = [self._read(record) for record in track(records, f"reading {layout.root.name}")]
        elif cache == "memmap" and one_size:
            self._memmap = self._mapped()
        else:
            for record in track(records, f"checking {layout.root.name}"):
                self._read(record)
        self.kind = layout.label_space.kind if labels else "none"
        self._masks: list[Tensor] | None = None
        self._small: list[Annotation] | None = None
        self.tally: Counter[str] = Counter()
        """Of objects: how many there are, and what was left out (see `learned`)."""
        if self.kind == "mask":
            masks = (self._mask(record) for record in track(records, f"reading the masks of {layout.root.name}"))
            if self._memory is not None:
                self._masks = list(masks)
            else:
                deque(masks, maxlen=0)  # only to find a broken one now
        elif self.kind in {"class", "targets", "objects"}:
            self._small = [self._trained(record) for record in track(records, f"reading {layout.root.name}'s labels")]

    def __len__(self) -> int:
        return len(self.records)

    def image(self, index: int) -> Tensor:
        """``(C, H, W)`` uint8."""
        if self._memory is not None:
            return self._memory[index]
        return self._memmap[index] if self._memmap is not None else self._read(self.records[index])

    def annotation(self, index: int) -> Annotation:
        """What training needs of the labels, and nothing else; a mask in its image's working size."""
        if self.kind == "mask":
            mask = self._masks[index] if self._masks is not None else self._mask(self.records[index])
            return Annotation(mask=Mask(mask.long()))
        return Annotation() if self._small is None else self._small[index]

    def _trained(self, record: Record) -> Annotation:
        found = self.layout.annotation(record)
        if self.kind == "objects":
            objects = learned(found.objects, self.tally)
            if objects is not None and self.resize is not None:
                objects, _ = resize_objects(objects, self.resize)
            return Annotation(objects=objects)
        return Annotation(class_id=found.class_id) if self.kind == "class" else Annotation(targets=found.targets)

    def _mask(self, record: Record) -> Tensor:
        """``(H, W)`` uint8, an eighth of what batches hold."""
        ids = self.layout.label(record).as_subclass(Tensor).to(torch.uint8)
        return ids if self.resize is None else resize_ids(ids, self.resize)

    def _read(self, record: Record) -> Tensor:
        return resize_levels(self.layout.image(record, self.channels), self.resize)

    def _mapped(self) -> Tensor:
        shape = (len(self.records), self.channels, *self.sizes[0])
        with tempfile.TemporaryFile() as file:  # unlinked at once: the mapping alone keeps it
            array = np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
        mapped = torch.from_numpy(array)
        for index, record in enumerate(track(self.records, f"reading {self.layout.root.name}")):
            mapped[index] = self._read(record)
        return mapped


def split_by_key(records: list[Record], fraction: float) -> tuple[list[Record], list[Record]]:
    """Training and validation records. Membership hangs on the key alone, so that new images move no old one.

    Args:
        records: All records.
        fraction: Share held out, 0 to 1; with 0 validation looks at training images.
    """
    if fraction == 0:
        return records, records
    held_out = [record for record in records if _position(record.key) < fraction]
    training = [record for record in records if _position(record.key) >= fraction]
    return (training, held_out) if training and held_out else (records, records)


def _position(key: str) -> float:
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
