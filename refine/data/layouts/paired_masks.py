"""The one engine of layouts with an image and a mask of its classes in a file each.

A layout says which files belong together, as (group, role, key), and how a file of each role is decoded.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.images import require_size
from refine.data.layouts.base import Layout
from refine.data.samples import Record

IMAGE = "image"
"""The role of the one file of a group that is not a label."""

Grouped = tuple[str, str, str]
"""What a file's group shares in its names, the file's role, and its key."""


class PairedMasks(Layout):
    """A class for each pixel, in a file next to each image, and further files of the same frame.

    A subclass calls `_pair` in its constructor and says in `_mask` how a mask is read, and in `_instances` and `_depth`
    how those are, where it has them.
    """

    mask_roles: tuple[str, ...] = ("mask",)
    """Roles whose file can be the mask that is read, the best first."""

    _roles: dict[str, tuple[str, ...]]
    """Roles of each image's label files, in their order."""

    def _pair(self, files: Iterable[Grouped], expected: Callable[[str], str]) -> None:
        """Find `records` and `faults`: a record's mask comes first among its label files.

        Args:
            files: Images (role `IMAGE`) and labels (any other role) in any order.
            expected: Says what to add for a group without a mask.
        """
        by_group: dict[str, list[str]] = {}  # role, key, role, key, …: strings are small, and there are 100 000 groups
        for group, role, key in files:
            by_group.setdefault(group, []).extend((role, key))
        self._records, self.faults, self._roles = [], [], {}
        order = {role: place for place, role in enumerate(self.mask_roles)}
        same: dict[tuple[str, ...], tuple[str, ...]] = {}
        base = str(self.root)
        while by_group:
            group, pairs = by_group.popitem()
            found = sorted(
                zip(pairs[::2], pairs[1::2], strict=True), key=lambda file: (order.get(file[0], len(order)), file)
            )
            images = [key for role, key in found if role == IMAGE]
            labels = [(role, f"{base}/{key}") for role, key in found if role != IMAGE]
            if not images:
                self.faults += [f"{path}: a label without an image; add its image, or remove it" for _, path in labels]
                continue
            mask = labels[0][1] if labels and labels[0][0] in order else None
            if mask is None:
                self.faults.append(f"{base}/{images[0]}: an image without a mask; add {expected(group)}")
            self.faults += [
                f"{path}: a second mask beside {mask}; keep one of them"
                for (before, _), (role, path) in pairwise(labels)
                if role == before and role in order
            ]
            self.faults += [
                f"{base}/{key}: shares its mask {mask} with {images[0]}; rename one of the images" for key in images[1:]
            ]
            own = tuple(Path(path) for _, path in labels)
            self._records += [
                Record(key, Path(f"{base}/{key}"), () if place else own) for place, key in enumerate(images)
            ]
            roles = tuple(role for role, _ in labels)
            self._roles[images[0]] = same.setdefault(roles, roles)
        self._records.sort(key=lambda record: record.key)
        self.faults.sort()

    def file(self, record: Record, role: str) -> Path | None:
        """An image's label of this role, the first of several; None without one."""
        roles = self._roles.get(record.key, ())
        return record.label_files[roles.index(role)] if role in roles else None

    def sized_file(self, record: Record, role: str | None) -> Path | None:
        """The same, held against the image's size.

        Raises:
            InputError: If it has another size, or cannot be read.
        """
        path = None if role is None else self.file(record, role)
        if path is not None:
            require_size(path, record.image)
        return path

    def mask_role(self, record: Record) -> str | None:
        """The role of the mask that is read, which is the first label file; None without one."""
        role = next(iter(self._roles.get(record.key, ())), None)
        return role if role in self.mask_roles else None

    def instances_role(self, record: Record) -> str:
        """The role of the file that tells instances apart."""
        return "instances"

    def annotation(self, record: Record) -> Annotation:
        """``mask``: class indices, 255 where there is none; ``instances`` and ``depth`` where the frame has them.

        Raises:
            InputError: If a file is damaged, encoded otherwise or not of its image's size, or holds an id or a color of
                none of the classes.
        """
        mask = self.sized_file(record, self.mask_role(record))
        instances = self.sized_file(record, self.instances_role(record))
        depth = self.sized_file(record, "depth")
        return Annotation(
            mask=None if mask is None else self._mask(mask, record),
            instances=None if instances is None else self._instances(instances),
            depth=None if depth is None else self._depth(depth),
        )

    def _mask(self, path: Path, record: Record) -> Mask:
        """``(H, W)`` int64 class indices."""
        raise NotImplementedError

    def _instances(self, path: Path) -> Mask | None:
        """``(H, W)`` int64, one number a thing."""
        return None

    def _depth(self, path: Path) -> Mask | None:
        """``(H, W)`` float32 in meters."""
        return None
