"""Promises of every layout, held on its example, and tables of its messages about damage."""

import pickle
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.data.layouts import Layout
from refine.data.open_layout import choose_layout, open_layout, recognized
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE, Annotation
from refine.labels.annotation import same

Change = Callable[[Path], object]
Damage = Sequence[tuple[Change, str]]
"""Changes of the example below its root, each with a regular expression of what is said of it."""


class LayoutContract:
    """Subclasses name a layout, its example and damage to it."""

    layout: ClassVar[type[Layout]]
    options: ClassVar[tuple[tuple[str, Any], ...]] = ()
    """The layout's, by name."""
    why: ClassVar[str] = ""
    """Why `auto` takes it."""
    keys: ClassVar[Sequence[str]] = ()
    """Those of the records; empty: not held."""
    faults: ClassVar[Damage] = ()
    """Leave one fault; every other label can be read."""
    errors: ClassVar[Damage] = ()
    """Make the label of one image unreadable."""
    refused: ClassVar[Damage] = ()
    """Leave nothing to open."""

    @staticmethod
    def write(root: Path) -> Path:
        """Write the example."""
        raise NotImplementedError

    def opened(self, root: Path) -> Layout:
        return open_layout({"layout": self.layout.name, **dict(self.options)}, root)

    def test_auto_takes_it_and_no_other_specific_layout_fits(self, tmp_path: Path) -> None:
        root = self.write(tmp_path / "set")
        choice = choose_layout(root)
        assert choice.layout is self.layout
        assert re.search(self.why, choice.why), choice.why
        specific = [each.layout for each in recognized(root) if each.layout.specific]
        assert specific == ([self.layout] if self.layout.specific else [])

    def test_the_example_is_whole_and_its_labels_are_of_its_label_space(self, tmp_path: Path) -> None:
        layout = self.opened(self.write(tmp_path / "set"))
        layout.require_whole()
        keys = [record.key for record in layout.records()]
        assert keys == sorted(set(keys))
        assert not self.keys or keys == list(self.keys)
        copy = pickle.loads(pickle.dumps(layout))  # as a spawned process gets it
        for record in layout.records():
            assert all(path.is_file() for path in (record.image, *record.label_files))
            require_sound(layout, record)
            assert same(copy.annotation(record), layout.annotation(record))
            assert torch.equal(copy.image(record, 3), layout.image(record, 3))

    def test_what_lacks_its_partner_is_a_fault_and_images_stay(self, tmp_path: Path) -> None:
        count = len(self.opened(self.write(tmp_path / "whole")).records())
        for number, (change, message) in enumerate(self.faults):
            root = self.write(tmp_path / str(number))
            change(root)
            layout = self.opened(root)
            assert len(layout.faults) == 1, layout.faults
            assert re.search(message, layout.faults[0]), layout.faults[0]
            labels = [part_of(layout, layout.annotation(record)) for record in layout.records()]
            if ": an image without " in layout.faults[0]:
                assert len(labels) == count
                assert any(label is None or len(label) == 0 for label in labels)

    def test_a_label_that_cannot_be_read_is_refused_in_one_line(self, tmp_path: Path) -> None:
        for number, (change, message) in enumerate(self.errors):
            root = self.write(tmp_path / str(number))
            change(root)
            layout = self.opened(root)
            with pytest.raises(InputError, match=message) as error:
                read_all(layout)
            assert "\n" not in str(error.value)

    def test_what_is_something_else_is_refused_in_one_line(self, tmp_path: Path) -> None:
        for number, (change, message) in enumerate(self.refused):
            root = self.write(tmp_path / str(number))
            change(root)
            with pytest.raises(InputError, match=message) as error:
                _ = self.opened(root).label_space
            assert "\n" not in str(error.value)


def read_all(layout: Layout) -> None:
    """Read every label."""
    for record in layout.records():
        layout.annotation(record)


def part_of(layout: Layout, annotation: Annotation) -> Any:
    """The part of an annotation that training learns."""
    parts = {"class": [annotation.class_id], "mask": annotation.mask, "targets": annotation.targets}
    part = {**parts, "objects": annotation.objects}.get(layout.label_space.kind)
    return None if part == [None] else part


def require_sound(layout: Layout, record: Record) -> None:
    """Hold an image and its label against each other and against the label space."""
    space, found, size = layout.label_space, layout.annotation(record), layout.size(record)
    image = layout.image(record, 3)
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, *size))
    if not layout.in_color(record):
        assert layout.image(record, 1).shape == (1, *size)
    if found.class_id is not None:
        assert (found.class_id.dtype, found.class_id.shape) == (torch.int64, ())
        assert 0 <= int(found.class_id) < len(space.names)
    for plane, dtype in ((found.mask, torch.int64), (found.instances, torch.int64), (found.depth, torch.float32)):
        assert plane is None or (plane.dtype, tuple(plane.shape)) == (dtype, size)
    if found.mask is not None:
        ids = set(found.mask.as_subclass(Tensor).unique().tolist())
        assert ids <= {IGNORE, *range(len(space.names))}
    if found.targets is not None:
        assert (found.targets.dtype, found.targets.shape) == (torch.float32, (len(space.names),))
        assert bool(found.targets.isfinite().all())
    if found.objects is not None:
        assert (found.objects.boxes.dtype, found.objects.boxes.canvas_size) == (torch.float32, size)
        assert set(found.objects.classes.tolist()) <= set(range(len(space.names)))
        assert found.objects.masks is None or found.objects.masks.shape == (len(found.objects), *size)
        assert found.objects.masks is None or found.objects.masks.dtype == torch.bool
        points = found.objects.keypoints
        wanted = (torch.float32, (len(found.objects), len(space.keypoints), 2), size)
        assert points is None or (points.dtype, tuple(points.shape), points.canvas_size) == wanted
    if found.gaze is not None:
        assert float(found.gaze.norm()) == pytest.approx(1)


def removed(*keys: str) -> Change:
    """Remove files."""

    def change(root: Path) -> None:
        for key in keys:
            (root / key).unlink()

    return change


def gone(*folders: str) -> Change:
    """Remove folders with all that is in them."""

    def change(root: Path) -> None:
        for folder in folders:
            shutil.rmtree(root / folder)

    return change


def moved(key: str, to: str) -> Change:
    """Rename a file, making the folder that it goes to."""

    def change(root: Path) -> None:
        (root / to).parent.mkdir(parents=True, exist_ok=True)
        (root / key).rename(root / to)

    return change


def wrote(key: str, content: str | bytes) -> Change:
    """Write a file, in the place of another one or anew."""

    def change(root: Path) -> None:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def edited(key: str, before: str, after: str) -> Change:
    """Put a text in the place of another one, which has to be there."""

    def change(root: Path) -> None:
        text = (root / key).read_text(encoding="utf-8")
        assert before in text
        (root / key).write_text(text.replace(before, after), encoding="utf-8")

    return change


def cropped(key: str, height: int, width: int) -> Change:
    """Cut an image to a smaller size, or widen it with zeros."""

    def change(root: Path) -> None:
        with Image.open(root / key) as image:
            smaller = image.crop((0, 0, width, height))
        smaller.save(root / key)

    return change


def painted(key: str, value: object, mode: str | None = None) -> Change:
    """Give all pixels of an image one value, in its own mode or another."""

    def change(root: Path) -> None:
        with Image.open(root / key) as image:
            size, own = image.size, image.mode
        Image.new(mode or own, size, value).save(root / key)  # type: ignore[arg-type]  # as the mode takes it

    return change


def pixel(key: str, value: object) -> Change:
    """Change the first pixel of an image."""

    def change(root: Path) -> None:
        with Image.open(root / key) as image:
            palette, pixels = image.getpalette() if image.mode == "P" else None, np.array(image)
        pixels[0, 0] = value
        changed = Image.fromarray(pixels, "P") if palette else Image.fromarray(pixels)
        if palette:
            changed.putpalette(palette)
        changed.save(root / key)

    return change
