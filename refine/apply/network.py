"""The network's part of `apply`: batches of images of one size, read ahead in threads, in; refined levels out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from refine.apply.codec import DecodedImage, Levels, decode
from refine.apply.options import ApplyOptions
from refine.apply.plan import PlannedImage
from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.files import cut, why
from refine.methods.translator import Translator
from refine.workers import in_order

HALF_RANGE = 32767.5
"""Half of the highest level of 16 bits."""
PIXELS_PER_IMAGE = 65536
"""A batch of ``batch_size`` images of 256 x 256 is the most that goes into one call, in pixels."""
BATCHES_AHEAD = 4
"""Full batches that are read ahead of the network."""
CHANGED = "the file changed while the run was going on"
NOT_FINITE = "the network gave NaN or infinity for it"


class OutOfMemory(MemoryError):
    """A single image does not fit into memory with this network."""


class PlannedBatch(NamedTuple):
    """Images for one call to the network."""

    images: list[PlannedImage]
    size: int
    """Images that the call is given; where ``images`` are fewer, the last is repeated."""


class Refined(NamedTuple):
    """One image before and after the network."""

    picture: DecodedImage
    color: Levels


def batches(images: Iterable[PlannedImage], missing: set[str], batch_size: int) -> Iterator[PlannedBatch]:
    """Plan calls to the network for the images that are missing, group by group.

    The number of images in a call follows from the whole plan and not from what is missing, so that each
    image meets the same kernels, and comes out with the same bytes, whatever was interrupted.

    Args:
        images: All images of the plan, done or not.
        missing: Keys of those that are to be made.
        batch_size: Images of up to 256 x 256 in a call; larger ones fewer.
    """
    groups: dict[tuple[int, int, int, bool], list[PlannedImage]] = defaultdict(list)
    for image in images:
        groups[image.group].append(image)
    for _, members in sorted(groups.items()):
        limit = max(1, min(batch_size, batch_size * PIXELS_PER_IMAGE // members[0].pixels))
        calls = -(-len(members) // limit)
        size = -(-len(members) // calls)
        waiting = [image for image in members if image.key in missing]
        for start in range(0, len(waiting), size):
            yield PlannedBatch(waiting[start : start + size], size)


class Network:
    """A translator on its device.

    Args:
        translator: In eval mode; it is moved.
        device: Where it runs.
        options: Batch size and precision; 16-bit images always run in full precision: bf16 holds 8 bits.
    """

    def __init__(self, translator: Translator, device: torch.device, options: ApplyOptions) -> None:
        self.translator = translator.eval().to(device)
        self.device, self.precision, self.batch_size = device, options.precision, options.batch_size
        self.pixels_ahead = BATCHES_AHEAD * PIXELS_PER_IMAGE * options.batch_size
        """Pixels of the images that are read ahead, and as many that wait behind the network to be written."""

    def __call__(self, pictures: list[DecodedImage], size: int) -> list[Levels | None]:
        """Refine pictures of one size and depth in one call of exactly ``size`` images.

        Returns:
            For each picture its refined levels, or None where the network gave NaN or infinity.

        Raises:
            OutOfMemory: If a call with a single image does not fit.
            InputError: If a call with several does not, or the network fails.
        """
        filled = pictures + [pictures[-1]] * (size - len(pictures))
        is_16_bit = pictures[0].seen.is_16_bit
        stacked = np.stack([picture.color for picture in filled])
        levels = torch.from_numpy(stacked.astype(np.int32) if is_16_bit else stacked)
        try:
            refined = self._refine(levels.to(self.device).permute(0, 3, 1, 2), is_16_bit)
            finite = torch.isfinite(refined).flatten(1).all(1).tolist()
            result = ((refined + 1.0) * HALF_RANGE).round().clamp(0, 65535).int() if is_16_bit else to_levels(refined)
            array = result.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        except (RuntimeError, ValueError, IndexError) as error:
            # torch's OutOfMemoryError is a RuntimeError, and the CPU allocator raises a plain one
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                shape = "x".join(map(str, stacked.shape[1:]))
                raise InputError(
                    f"{type(self.translator).__name__} cannot refine images of {shape} (height x width x channels): "
                    f"{cut(' '.join(str(error).split()), 300)}; name another checkpoint"
                ) from error
            if size == 1:
                raise OutOfMemory("too large for the memory of this device") from error
            raise InputError(
                f"a batch of {size} images of {stacked.shape[1]}x{stacked.shape[2]} does not fit into memory; "
                "choose a smaller --batch-size and another --output (it changes the result by up to one level)"
            ) from error
        array = array.astype(np.uint16) if is_16_bit else array
        return [each if is_finite else None for each, is_finite in zip(array, finite, strict=True)][: len(pictures)]

    def refine_ahead(
        self,
        planned: Iterable[PlannedBatch],
        content: Callable[[PlannedImage], bytes | DecodedImage],
        pool: Executor,
        changed: str = CHANGED,
    ) -> Iterator[tuple[PlannedImage, Refined | str]]:
        """Refine batches, while threads read and decode the images of the next ones.

        Args:
            planned: Batches in the order in which they come out.
            content: Reads an image's file; called in threads.
            pool: The threads. They read `BATCHES_AHEAD` batches, and as many pixels as these have at most.
            changed: The reason for an image that is no longer as it was planned.

        Yields:
            Each image refined, or with the reason why it is not: whatever is wrong with it concerns no other.
        """
        places = ((number, batch.size, image) for number, batch in enumerate(planned) for image in batch.images)
        reads = in_order(
            pool,
            lambda place: (*place, _read(place[2], content, changed)),
            places,
            self.pixels_ahead,
            lambda place: max(place[2].weight, PIXELS_PER_IMAGE),
        )
        for (_, size), members in groupby(reads, key=lambda read: read[:2]):
            pictures: list[tuple[PlannedImage, DecodedImage]] = []
            for _, _, image, picture in members:
                if isinstance(picture, str):
                    yield image, picture
                else:
                    pictures.append((image, picture))
            if not pictures:
                continue
            try:
                colors = self([picture for _, picture in pictures], size)
            except OutOfMemory as error:
                yield from ((image, str(error)) for image, _ in pictures)
                continue
            for (image, picture), color in zip(pictures, colors, strict=True):
                yield image, NOT_FINITE if color is None else Refined(picture, color)

    def _refine(self, levels: Tensor, is_16_bit: bool) -> Tensor:
        images = levels.float() / HALF_RANGE - 1.0 if is_16_bit else to_float(levels)
        half = self.precision == "bf16" and not is_16_bit
        exact = torch.backends.cudnn.flags(
            enabled=True,
            benchmark=False,
            deterministic=True,
            allow_tf32=not is_16_bit and torch.backends.cudnn.allow_tf32,
        )
        autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)
        with torch.inference_mode(), exact, autocast:
            return self.translator.refine(images.contiguous()).float()


def _read(
    image: PlannedImage, content: Callable[[PlannedImage], bytes | DecodedImage], changed: str
) -> DecodedImage | str:
    try:
        found = content(image)
        picture = decode(found) if isinstance(found, bytes) else found
    except Exception as error:  # a damaged file raises whatever its decoder does, and must not stop the others
        return f"cannot be decoded ({why(error)})"
    return picture if picture.seen == image.seen else changed
