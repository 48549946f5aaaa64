"""Many images of one file through the network: in their order, and with a bounded number of them in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from refine.apply.codec import Levels, Picture, decode, encode, mean_absolute_change
from refine.apply.files import why
from refine.apply.network import Network, OutOfMemory
from refine.apply.plan import PIXELS_PER_IMAGE, PlannedImage, batches

BATCHES = 4
"""A window holds so many full batches: the images of one size in it are refined together."""

UNFIT = "the network gave NaN or infinity for it"


class Refined(NamedTuple):
    """One image's new file."""

    data: bytes
    change: float
    """Mean absolute, as in the manifest."""


Result = TypeVar("Result")

Content = Callable[[PlannedImage], bytes]


def refine_all(
    images: Iterable[PlannedImage], content: Content, network: Network, batch_size: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[PlannedImage, Refined | str]]:
    """Refine images and encode them as they were stored.

    Calls to the network follow from the images alone, not from the number of threads.

    Args:
        images: In the order in which they come out.
        content: Reads one's file; called in threads.
        network: What refines.
        batch_size: As in `Settings`.
        pool: Threads that read, decode and encode.

    Returns:
        Each image with its new file, or with the reason why there is none.
    """
    encoding: deque[tuple[PlannedImage, Future[Refined] | str]] = deque()
    reading: deque[tuple[list[PlannedImage], list[Future[Picture]]]] = deque()
    planned = _windows(images, batch_size)
    while True:
        while len(reading) < 2 and (window := next(planned, None)) is not None:
            reading.append((window, [pool.submit(_read, content, image) for image in window]))
        before = len(encoding)
        if reading:
            encoding.extend(_refine(*reading.popleft(), network, batch_size, pool))
        elif not before:
            return
        for _ in range(before):
            image, made = encoding.popleft()
            if isinstance(made, Future):
                refined = _outcome(made, "cannot be written back the same")
                yield image, refined
            else:
                yield image, made


def _windows(images: Iterable[PlannedImage], batch_size: int) -> Iterator[list[PlannedImage]]:
    most = BATCHES * batch_size
    window: list[PlannedImage] = []
    pixels = 0
    for image in images:
        if window and (len(window) >= most or pixels + image.weight > most * PIXELS_PER_IMAGE):
            yield window
            window, pixels = [], 0
        window.append(image)
        pixels += image.weight
    if window:
        yield window


def _refine(
    window: list[PlannedImage],
    reads: list[Future[Picture]],
    network: Network,
    batch_size: int,
    pool: ThreadPoolExecutor,
) -> list[tuple[PlannedImage, Future[Refined] | str]]:
    found: dict[str, Future[Refined] | str] = {}
    pictures: dict[str, Picture] = {}
    for image, read in zip(window, reads, strict=True):
        picture = _outcome(read, "cannot be decoded")
        if isinstance(picture, str):
            found[image.key] = picture
        elif picture.seen != image.seen:
            found[image.key] = "it changed while the run was going on"
        else:
            pictures[image.key] = picture
    for batch in batches(window, {image.key for image in window}, batch_size):
        members = [image.key for image in batch.images if image.key in pictures]
        if not members:
            continue
        refined = refine_batch(network, [pictures[key] for key in members], batch.size)
        for key, color in zip(members, refined, strict=True):
            found[key] = color if isinstance(color, str) else pool.submit(_encode, pictures[key], color)
    return [(image, found[image.key]) for image in window]


def refine_batch(network: Network, pictures: list[Picture], size: int) -> list[Levels | str]:
    """Refined levels of pictures of one size, or why there are none.

    Args:
        network: What refines.
        pictures: At most ``size``.
        size: Images that the call is given.
    """
    try:
        refined = network(pictures, size)
    except OutOfMemory as error:
        return [str(error)] * len(pictures)
    return [UNFIT if color is None else color for color in refined]


def _read(content: Content, image: PlannedImage) -> Picture:
    return decode(content(image))


def _encode(picture: Picture, color: Levels) -> Refined:
    data, stored = encode(picture, color)
    return Refined(data, mean_absolute_change(picture.color, stored))


def _outcome(future: Future[Result], trouble: str) -> Result | str:
    """What a thread found; what decoders and encoders raise concerns one image and becomes its reason."""
    try:
        return future.result()
    except Exception as error:  # damaged files raise whatever the decoder stumbled over
        return f"{trouble} ({why(error)})"
