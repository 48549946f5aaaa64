"""Made-up samples with every kind of label, and changes of them, for hypothesis."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.geometry import (
    AnnotatedImage,
    center_crop,
    crop,
    horizontal_flip,
    pad,
    resize_label,
    rotate,
    vertical_flip,
)
from refine.data.images import resize_levels
from refine.labels import Annotation, LabelSpace, Objects
from refine.labels.gaze import gaze_vector

few = settings(deadline=None, derandomize=True, max_examples=30, database=None)
"""The same few examples each time, however slow the machine."""

SPACE = LabelSpace("targets", ("yaw", "pitch"), mirror=(-1, 1), keypoints=("nose", "left", "right"), swaps=((1, 2),))


def pixel_mask(polygon: Tensor, height: int, width: int) -> Tensor:
    """``(H, W)`` bool: the pixels whose centers lie in a convex outline ``(P, 2)``."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    following = polygon.roll(-1, 0)
    sides = [(b - a)[0] * (y - a[1]) - (b - a)[1] * (x - a[0]) for a, b in zip(polygon, following, strict=True)]
    return torch.stack(sides).ge(0).all(dim=0)


def outline(left: float, top: float, right: float, bottom: float, corner: float) -> Tensor:
    """A box whose corners are cut off."""
    points = [
        (left + corner, top), (right - corner, top), (right, top + corner), (right, bottom - corner),
        (right - corner, bottom), (left + corner, bottom), (left, bottom - corner), (left, top + corner),
    ]  # fmt: skip  # a line for each would hide what belongs together
    return torch.tensor(points, dtype=torch.float32)


def make_sample(seed: int, height: int, width: int, count: int) -> AnnotatedImage:
    """Coordinates are multiples of 1/64: float32 then holds width - x, and what was x comes back."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> float:
        return int(torch.randint(low * 64, high * 64 + 1, (), generator=generator)) / 64

    boxes, polygons, masks = [], [], []
    for _ in range(count):
        left, top = draw(0, width - 5), draw(0, height - 5)
        right, bottom = left + draw(4, int(width - left)), top + draw(4, int(height - top))
        polygon = outline(left, top, right, bottom, draw(0, 1))
        boxes.append([left, top, right, bottom])
        polygons.append((polygon,))
        masks.append(pixel_mask(polygon, height, width))
    visible = torch.randint(0, 3, (count, 3), generator=generator)
    points = torch.rand(count + 1, 3, 2, generator=generator) * torch.tensor([width, height])
    points = (points * 64).round() / 64
    canvas = (height, width)
    instances = torch.zeros(canvas, dtype=torch.int64)
    for number, mask in enumerate(masks):
        instances[mask] = (1 << 40) + number  # no float32 holds it
    targets = torch.rand(2, generator=generator) * 2 - 1
    objects = Objects(
        boxes=BoundingBoxes(torch.tensor(boxes).reshape(-1, 4), format="XYXY", canvas_size=canvas),
        classes=torch.arange(count),
        crowd=torch.rand(count, generator=generator) < 0.5,
        polygons=tuple(polygons),
        masks=Mask(torch.stack(masks) if masks else torch.zeros(0, *canvas, dtype=torch.bool)),
        keypoints=KeyPoints(points[1:], canvas_size=canvas),
        visible=visible,
    )
    annotation = Annotation(
        class_id=torch.tensor(3),
        mask=Mask(torch.tensor([0, 3, 17, 254])[torch.randint(0, 4, canvas, generator=generator)]),
        instances=Mask(instances),
        depth=Mask(torch.rand(canvas, generator=generator) * 80),
        objects=objects,
        targets=targets,
        gaze=gaze_vector(targets[[1, 0]]),
        keypoints=KeyPoints(points[0], canvas_size=canvas),
    )
    return AnnotatedImage(torch.randint(0, 256, (3, *canvas), generator=generator, dtype=torch.uint8), annotation)


samples = st.builds(
    make_sample,
    seed=st.integers(0, 10**6),
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    count=st.integers(0, 4),
)


def resize(sample: AnnotatedImage, height: int, width: int) -> AnnotatedImage:
    """As a store of images does it."""
    annotation = resize_label(sample.annotation, (height, width))
    before, after = (0 if each.objects is None else len(each.objects) for each in (sample.annotation, annotation))
    image = resize_levels(sample.image, (height, width))
    return AnnotatedImage(image, annotation, sample.dropped + before - after)


class Change(NamedTuple):
    name: str
    apply: Callable[[AnnotatedImage], AnnotatedImage]
    scale: float = 1.0
    """The most by which it enlarges."""


def _crop(top: float, left: float, height: float, width: float) -> Change:
    def apply(sample: AnnotatedImage) -> AnnotatedImage:
        rows, columns = sample.size
        tall, wide = max(1, round(height * rows)), max(1, round(width * columns))
        return crop(sample, round(top * (rows - tall)), round(left * (columns - wide)), tall, wide)

    return Change(f"crop {top} {left} {height} {width}", apply)


def _resize(down: float, across: float) -> Change:
    def apply(sample: AnnotatedImage) -> AnnotatedImage:
        rows, columns = sample.size
        return resize(sample, max(1, round(down * rows)), max(1, round(across * columns)))

    return Change(f"resize {down} {across}", apply, max(1.0, down, across))


share = st.floats(0, 1).map(lambda value: round(value, 3))
angle = st.integers(-180, 180)
same_scale = st.one_of(
    st.builds(_crop, share, share, share.map(lambda v: 0.3 + 0.7 * v), share.map(lambda v: 0.3 + 0.7 * v)),
    st.builds(
        lambda border: Change(f"pad {border}", lambda sample: pad(sample, border)),
        st.tuples(*[st.integers(0, 6)] * 4),
    ),
    st.builds(lambda degrees: Change(f"rotate {degrees}", lambda sample: rotate(sample, degrees, SPACE)), angle),
    st.sampled_from(
        [
            Change("horizontal flip", lambda sample: horizontal_flip(sample, SPACE)),
            Change("vertical flip", lambda sample: vertical_flip(sample, SPACE)),
            Change("center crop", lambda sample: center_crop(sample, sample.size[0] - 2, sample.size[1] - 3)),
        ]
    ),
)
resized = st.builds(_resize, share.map(lambda v: 0.4 + 2 * v), share.map(lambda v: 0.4 + 2 * v))
changes = st.one_of(same_scale, resized)


def extents(mask: Tensor) -> list[float]:
    """Left, top, right and bottom of the pixels of ``(H, W)`` that are set."""
    rows, columns = mask.as_subclass(Tensor).nonzero().unbind(1)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
