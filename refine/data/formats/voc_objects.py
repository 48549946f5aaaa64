"""The objects of one XML file of Pascal VOC as tensors."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Objects
from refine.data.formats.hints import in_yaml
from refine.data.formats.object_parts import boxes_of, require_stated_size
from refine.data.formats.voc_classes import listed
from refine.data.formats.voc_xml import VocObject, read_voc_xml
from refine.data.images import image_size
from refine.errors import InputError


def read_voc_objects(
    path: Path, image: Path, classes: Mapping[str, int], first_pixel: int, instances: Mask | None
) -> Objects:
    """Boxes and classes, with a mask of each where ``instances`` numbers no more things than there are objects.

    Args:
        path: The XML file.
        image: The image that it belongs to.
        classes: Class indices by name.
        first_pixel: Where boxes start to count: 1 or 0.
        instances: ``(H, W)``: the number of each pixel's object, in the order of the file.

    Raises:
        InputError: If the file is damaged or of another size, a class is unknown or a box is outside.
    """
    found = read_voc_xml(path)
    size = image_size(image) if found.size is None else require_stated_size(found.size, str(path), image)
    masks = None
    if instances is not None and int(instances.max()) <= len(found.objects):
        numbers = torch.arange(1, len(found.objects) + 1)
        masks = Mask(instances.as_subclass(torch.Tensor)[None] == numbers[:, None, None])
    return Objects(
        boxes=boxes_of([_box(thing, size, first_pixel) for thing in found.objects], size),
        classes=torch.tensor([_class(thing, classes) for thing in found.objects], dtype=torch.int64),
        masks=masks,
    )


def _class(thing: VocObject, classes: Mapping[str, int]) -> int:
    if thing.name not in classes:
        raise InputError(
            f"{thing.where}: no class of this name among {listed(tuple(classes))}; name all of them "
            + in_yaml("voc", "classes: [car, truck]")
        )
    return classes[thing.name]


def _box(thing: VocObject, size: tuple[int, int], first_pixel: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = thing.box
    left, top = left - first_pixel, top - first_pixel
    if not (0 <= left <= right <= size[1] and 0 <= top <= bottom <= size[0]):
        from_0 = f", or say that they count from 0 {in_yaml('voc', 'first_pixel: 0')}" if first_pixel else ""
        raise InputError(
            f"{thing.where}: xmin, ymin, xmax, ymax {', '.join(f'{side:g}' for side in thing.box)} are outside of "
            f"an image of {size[1]}x{size[0]} (width x height) whose pixels count from {first_pixel}; correct them"
            + from_0
        )
    return left, top, right, bottom
