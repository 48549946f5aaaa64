"""All folders of a benchmark: checked, then read to one size."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from refine.benchmark.baselines import BASELINES, translate
from refine.data.labeled_images import LabeledImages, common_size, open_labeled, read_labeled
from refine.data.layouts import Layout
from refine.data.mapping import Mapped
from refine.data.open_layout import open_layout
from refine.data.store import image_batches
from refine.errors import InputError
from refine.labels import IGNORE, LabelKind

SYNTHETIC, TARGET = "synthetic", "target_supervised"
READ_BATCH = 64


class Datasets:
    """All folders of a benchmark: checked, then read to one size.

    Args:
        synthetic: Labeled synthetic images.
        refined: Refined ones by the name of their row: a folder, or one for each seed of a translator.
        real: Labeled real images: the test.
        real_train: Labeled real images to train on, or None.
        classes: Names to keep, or None for all.
        size: Height and width, or None for the real images'.
        layouts: How the synthetic and refined datasets lie, and how the real ones do.
        mappings: From the classes of the synthetic and refined datasets, and of the real ones, to common ones.

    Raises:
        InputError: If folders disagree on the classes or the kind of labels, images have several sizes, or one
            cannot be read.
    """

    def __init__(
        self,
        synthetic: Path,
        refined: Mapping[str, Path | Sequence[Path]],
        real: Path,
        real_train: Path | None,
        classes: tuple[str, ...] | None,
        size: tuple[int, int] | None,
        layouts: tuple[str, str] = ("auto", "auto"),
        mappings: tuple[str | None, str | None] = (None, None),
    ) -> None:
        taken = {SYNTHETIC, TARGET, *BASELINES, *(f"{name}+{SYNTHETIC}" for name in refined)}
        draws = {name: folders_of(given) for name, given in refined.items()}
        reserved = sorted(taken & refined.keys())
        if reserved:
            raise InputError(f"{draws[reserved[0]][0]}: {reserved[0]!r} is the name of another row; give NAME=DIR")
        if real_train is not None and _overlap(real, real_train):
            raise InputError(f"{real_train}: the test images {real} lie in it, or it in them; train on other ones")
        first = open_labeled(synthetic, layouts[0], mappings[0], classes)
        self.space, self.classes = first.label_space, first.label_space.names
        self.kind = cast(LabelKind, first.label_space.kind)
        folders = {synthetic: first}
        for root in (root for roots in draws.values() for root in roots):
            same = first.name if layouts[0] == "auto" else layouts[0]
            folders[root] = open_labeled(root, same, mappings[0], classes, self.classes)
        for root in [real, *([real_train] if real_train else [])]:
            folders[root] = _open_real(root, layouts[1], mappings[1], classes, first)
        for root, folder in folders.items():
            if folder.label_space.kind != self.kind:
                raise InputError(
                    f"{root}: has {folder.label_space.kind} labels, but {synthetic} has {self.kind} labels"
                )
        self.channels = 1 if all(_all_gray(folder) for folder in folders.values()) else 3
        self.size = size or common_size(folders[real])
        data = {
            root: _numbered_as(read_labeled(folder, self.channels, self.size), folder, first)
            for root, folder in folders.items()
        }
        for root, read in data.items():
            self._require_content(root, read)
        self.synthetic, self.real, self.real_root = data[synthetic], data[real], real
        self.refined = {name: [data[root] for root in roots] for name, roots in draws.items()}
        for name, roots in draws.items():
            _require_distinct(name, roots, self.refined[name])
        self.real_train = data[real_train] if real_train else None
        there = set(folders[real].label_space.names)
        self.untested = tuple(name for name in self.classes if name not in there)
        self.unmapped = {str(root): said.summary() for root, said in folders.items() if isinstance(said, Mapped)}
        self._sides = (synthetic, layouts[0]), (real_train or real, layouts[1])

    def _require_content(self, root: Path, read: LabeledImages) -> None:
        if self.kind == "mask" and not bool((read.labels != IGNORE).any()):
            raise InputError(
                f"{root}: no pixel of any mask has one of the classes {', '.join(self.classes)}; is the mapping, "
                "or the layout's table, the right one?"
            )
        if self.kind == "objects" and not bool((read.labels[..., 0] >= 0).any()):
            raise InputError(f"{root}: no image shows one of {', '.join(self.classes)}; is the mapping the right one?")

    def translated(self, baseline: str) -> LabeledImages:
        """The synthetic images as a training-free baseline makes them."""
        # Statistics over whole folders: images of classes that are not tested are unlabeled data like the rest.
        synthetic, real = (partial(self._all_images, root, layout) for root, layout in self._sides)
        return self.synthetic._replace(images=translate(baseline, self.synthetic.images, synthetic, real))

    def _all_images(self, root: Path, name: str) -> Iterator[Tensor]:
        """``(B, C, H, W)`` in [-1, 1]."""
        layout = open_layout(name, root)
        return image_batches(layout, layout.records(), self.channels, self.size, READ_BATCH)


def _open_real(
    root: Path, layout: str, mapping: str | None, classes: tuple[str, ...] | None, synthetic: Layout
) -> Layout:
    """A labeled real dataset, of whose classes of images some may be missing.

    Raises:
        InputError: As `open_labeled`, or if it has other classes.
    """
    expected = synthetic.label_space.names
    if synthetic.label_space.kind == "class" and classes is None:
        found = open_labeled(root, layout, mapping)
        if found.label_space.kind == "class" and set(found.label_space.names) < set(expected):
            return found
    return open_labeled(root, layout, mapping, classes, expected)


def _numbered_as(images: LabeledImages, layout: Layout, first: Layout) -> LabeledImages:
    """The same images with the class numbers of another dataset."""
    names, expected = layout.label_space.names, first.label_space.names
    if first.label_space.kind != "class" or names == expected:
        return images
    return images._replace(labels=torch.tensor([expected.index(name) for name in names])[images.labels])


def folders_of(given: Path | Sequence[Path]) -> list[Path]:
    """Folders of one row."""
    return [given] if isinstance(given, Path) else list(given)


def _require_distinct(name: str, roots: Sequence[Path], draws: Sequence[LabeledImages]) -> None:
    if len(roots) < 2:
        return
    seen: dict[str, Path] = {}
    for root, images in zip(roots, draws, strict=True):
        same = seen.setdefault(images.digest(), root)
        if same is not root:
            raise InputError(
                f"--refined {name}: {root} and {same} hold the same images; give the folders of several translator "
                "seeds, each once"
            )


def _all_gray(layout: Layout) -> bool:
    return not any(layout.in_color(record) for record in layout.records())


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)
