"""All folders of a benchmark, checked and read to one size, and the baselines that need no translator's training."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from refine.data.images import resize_levels, to_float, to_levels
from refine.data.layouts import ImageFolder, Layout, Record
from refine.data.mapping import Mapped
from refine.data.open_layout import is_unlabeled, open_labeled, open_layout
from refine.data.store import LabeledImages, common_size, image_batches, read_labeled
from refine.errors import InputError
from refine.labels import KINDS
from refine.methods.color_transfer import ColorTransfer
from refine.methods.fourier import FDA
from refine.methods.histogram_matching import HistogramMatching
from refine.methods.training_free import TrainingFree, fit_statistics

SYNTHETIC, TARGET = "synthetic", "target_supervised"
"""Names of the first and the last row."""

RANDOMIZATION = "randomization"
"""Training on synthetic images whose appearance is changed strongly, see `randomize_appearance`."""

TRANSLATED = ("color_transfer", "histogram_matching", "fda")
"""Synthetic images with statistics of the real ones."""

BASELINES = (*TRANSLATED, RANDOMIZATION)

FDA_BETA = 0.05
"""Window of FDA: the middle one of the paper's three; with the smallest, images below 100 pixels keep all but the mean.
Source: arXiv 2004.05498, section 4.1."""

ENDINGS = ("", "_fake_B", "_fake")
"""Endings of file names that pytorch-CycleGAN-and-pix2pix gives to what it makes of an image."""

READ_AT_ONCE = 64
"""Images."""


def choose_baselines(text: str) -> tuple[str, ...]:
    """Return baselines by ``all``, ``none`` or their names with commas between, in the order of `BASELINES`.

    Raises:
        InputError: If one is unknown.
    """
    if text.strip() in {"all", "none"}:
        return BASELINES if text.strip() == "all" else ()
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in BASELINES]
    if unknown:
        raise InputError(f"--baselines {unknown[0]}: no such baseline; choose all, none, or {', '.join(BASELINES)}")
    return tuple(name for name in BASELINES if name in named)


def translate(
    name: str,
    images: Tensor,
    synthetic: Callable[[], Iterable[Tensor]],
    real: Callable[[], Iterable[Tensor]],
) -> Tensor:
    """Return synthetic images as a baseline of `TRANSLATED` makes them.

    Args:
        name: Name of the baseline.
        images: ``(N, C, H, W)`` uint8.
        synthetic: All synthetic images, as batches ``(B, C, H, W)`` in [-1, 1].
        real: All real images; their labels are not looked at.
    """
    channels, size = images.shape[1], (images.shape[2], images.shape[3])
    method: TrainingFree
    if name == "color_transfer":
        method = ColorTransfer(channels=channels)
    elif name == "histogram_matching":
        method = HistogramMatching(channels=channels)
    else:
        method = FDA(channels=channels, beta=FDA_BETA, size=size)
    fitted = fit_statistics(method, synthetic(), real())
    return torch.cat([to_levels(fitted.refine(to_float(part))) for part in torch.split(images, READ_AT_ONCE)])


class Datasets:
    """All folders of a benchmark: checked, then read to one size.

    Args:
        synthetic: Labeled synthetic images.
        refined: Refined ones by the name of their row: a folder for each seed of a translator. Of other tools, too:
            images without labels have those of the synthetic images of their names, see `named_after`.
        real: Labeled real images: the test.
        real_train: Labeled real images to train on, or None.
        classes: Names to keep, or None for all.
        size: Height and width, or None for the real images'.
        layouts: Layout of the synthetic and refined datasets, and of the real ones.
        mappings: From the classes of the synthetic and refined datasets, and of the real ones, to common ones.
        unlabeled: Real images whose labels are not looked at: translators were adapted to them. None: not known.

    Raises:
        InputError: If folders disagree on the classes or the kind of labels, images have several sizes, or one
            cannot be read.
    """

    def __init__(
        self,
        synthetic: Path,
        refined: Mapping[str, Sequence[Path]],
        real: Path,
        real_train: Path | None,
        classes: tuple[str, ...] | None,
        size: tuple[int, int] | None,
        layouts: tuple[str, str] = ("auto", "auto"),
        mappings: tuple[str | None, str | None] = (None, None),
        unlabeled: Path | None = None,
    ) -> None:
        taken = {SYNTHETIC, TARGET, *BASELINES, *(f"{name}+{SYNTHETIC}" for name in refined)}
        for name in sorted(taken & refined.keys()):
            raise InputError(f"{refined[name][0]}: {name!r} is the name of another row; give NAME=DIR")
        if real_train is not None and _overlap(real, real_train):
            raise InputError(f"{real_train}: the test images {real} lie in it, or it in them; train on other ones")
        first = open_labeled(synthetic, layouts[0], mappings[0], classes)
        self.space, self.classes = first.label_space, first.label_space.names
        self.kind = KINDS[first.label_space.kind]
        folders = {synthetic: first}
        every = [root for roots in refined.values() for root in roots]
        external = [root for root in every if layouts[0] == "auto" and is_unlabeled(root)]
        for root in (root for root in every if root not in external):
            same = first.name if layouts[0] == "auto" else layouts[0]
            folders[root] = open_labeled(root, same, mappings[0], classes, self.classes)
        for root in [real, *([real_train] if real_train else [])]:
            folders[root] = open_real(root, layouts[1], mappings[1], classes, first)
        for root, folder in folders.items():
            if folder.label_space.kind != self.kind.name:
                found, wanted = folder.label_space.kind, self.kind.name
                raise InputError(f"{root}: has {found} labels, but {synthetic} has {wanted} labels")
        looked = [*folders.values(), *map(ImageFolder, external)]
        in_color = any(folder.in_color(record) for folder in looked for record in folder.records())
        self.channels = 3 if in_color else 1
        self.size = size or common_size(folders[real])
        data = {root: self._read(folder) for root, folder in folders.items()}
        data |= {root: named_after(data[synthetic], root) for root in external}
        for root, read in data.items():
            if lack := self.kind.lack(read.labels, self.classes):
                raise InputError(f"{root}: {lack}")
        self.synthetic, self.real, self.real_root = data[synthetic], data[real], real
        self.refined = {name: [data[root] for root in roots] for name, roots in refined.items()}
        for name, roots in refined.items():
            _require_distinct(name, roots, self.refined[name])
        self.real_train = data[real_train] if real_train else None
        there = set(folders[real].label_space.names)
        self.untested = tuple(name for name in self.classes if name not in there)
        self.unmapped = {str(root): said.summary() for root, said in folders.items() if isinstance(said, Mapped)}
        adapted = (real_train or real, layouts[1]) if unlabeled is None else (unlabeled, "auto")
        self._unlabeled = (synthetic, layouts[0]), adapted
        self.unlabeled = None if unlabeled is None else self._read_unlabeled(unlabeled)

    def _read(self, folder: Layout) -> LabeledImages:
        """Images with the class numbers of the synthetic dataset."""
        read, names = read_labeled(folder, self.channels, self.size), folder.label_space.names
        if names == self.classes:
            return read
        return read._replace(labels=torch.tensor([self.classes.index(name) for name in names])[read.labels])

    def _read_unlabeled(self, root: Path) -> LabeledImages:
        """Images of a folder, with labels of 0."""
        layout = open_layout("auto", root)
        images = torch.cat([to_levels(part) for part in self._all_images(root, "auto")])
        keys = tuple(record.key for record in layout.records())
        return LabeledImages(images, torch.zeros(len(images), dtype=torch.int64), keys)

    def tested_and_adapted(self) -> int:
        """Return how many test images are, pixel by pixel, among the unlabeled ones."""
        if self.unlabeled is None:
            return 0
        known = {image.numpy().tobytes() for image in self.unlabeled.images}
        return sum(image.numpy().tobytes() in known for image in self.real.images)

    def translated(self, baseline: str) -> LabeledImages:
        """Return the synthetic images as a training-free baseline makes them."""
        # Statistics over whole folders: images of classes that are not tested are unlabeled data like the rest.
        synthetic, real = (partial(self._all_images, root, layout) for root, layout in self._unlabeled)
        return self.synthetic._replace(images=translate(baseline, self.synthetic.images, synthetic, real))

    def _all_images(self, root: Path, name: str) -> Iterator[Tensor]:
        """``(B, C, H, W)`` in [-1, 1]."""
        layout = open_layout(name, root)
        return image_batches(layout, layout.records(), self.channels, self.size, READ_AT_ONCE)


def open_real(
    root: Path, layout: str, mapping: str | None, classes: tuple[str, ...] | None, synthetic: Layout
) -> Layout:
    """Open a labeled real dataset, of whose classes of images some may be missing.

    Args:
        root: The dataset.
        layout: As `open_labeled` takes it.
        mapping: From its classes to others.
        classes: Names to keep; None takes all.
        synthetic: The synthetic dataset with these classes.

    Raises:
        InputError: As `open_labeled`, or if it has other classes or another kind of labels.
    """
    found, expected = open_labeled(root, layout, mapping, classes), synthetic.label_space
    if found.label_space.kind != expected.kind:
        raise InputError(
            f"{root}: has {found.label_space.kind} labels, but {synthetic.root} has {expected.kind} labels"
        )
    names, some_may_lack = found.label_space.names, KINDS[expected.kind].one_class
    if classes is None and names != expected.names and not (some_may_lack and set(names) < set(expected.names)):
        return open_labeled(root, layout, mapping, None, expected.names)  # which says what is wrong
    return found


def named_after(synthetic: LabeledImages, root: Path) -> LabeledImages:
    """Read images of another tool, which carries no labels: each has the label of the synthetic image of its name.

    Args:
        synthetic: The labeled images.
        root: Folder of images at the same relative paths, or, where no two synthetic images share a name, with the
            same names anywhere in it, whatever their formats; `ENDINGS` may follow a name.

    Returns:
        As many images as ``synthetic``, of its size, channels, keys and labels.

    Raises:
        InputError: If a synthetic image has none, or several.
    """
    layout, channels, size = ImageFolder(root), synthetic.images.shape[1], synthetic.images.shape[2:]
    there: dict[str, list[Record]] = {}
    for record in layout.records():
        place = PurePosixPath(record.key).with_suffix("")
        for name in {str(place), place.name}:
            there.setdefault(name, []).append(record)
    images, missing = [], []
    shared = Counter(PurePosixPath(key).stem for key in synthetic.keys)
    for key in synthetic.keys:
        place = PurePosixPath(key).with_suffix("")
        starts = [str(place)] if shared[place.name] > 1 else [str(place), place.name]  # else a wrong label is near
        names = (f"{start}{ending}" for start in starts for ending in ENDINGS)
        found = next((there[name] for name in names if name in there), [])
        if len(found) > 1:
            raise InputError(f"{root}: {found[0].key} and {found[1].key} may both be made of {key}; leave one of them")
        missing += [] if found else [key]
        images += [resize_levels(layout.image(record, channels), (size[0], size[1])) for record in found]
    if missing:
        raise InputError(
            f"{root}: has no labels, and lacks images of the names of {len(missing)} of {len(synthetic.keys)} "
            f"synthetic ones (first: {missing[0]}); make these too, in the same folders where names repeat, or give a "
            "dataset with labels"
        )
    return synthetic._replace(images=torch.stack(images))


def _require_distinct(name: str, roots: Sequence[Path], draws: Sequence[LabeledImages]) -> None:
    seen: dict[str, Path] = {}
    for root, images in zip(roots, draws, strict=True) if len(roots) > 1 else ():
        same = seen.setdefault(images.digest(), root)
        if same is not root:  # the same folder, given twice, is another path
            raise InputError(
                f"--refined {name}: {root} and {same} hold the same images; give the folders of several translator "
                "seeds, each once"
            )


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)
