"""Decoding ahead of the network: batches come out in order, with a bounded number of pixels in memory."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from refine.apply.codec import Picture, decode
from refine.apply.files import why
from refine.apply.manifest import Entry, failed
from refine.apply.plan import Batch, PlannedImage
from refine.files import read_image_file


class Read(NamedTuple):
    """A batch whose files were read."""

    pictures: list[tuple[PlannedImage, Picture]]
    failures: list[Entry]
    size: int
    """As `Batch.size`."""


def read_ahead(
    planned: Iterable[Batch], source: Path, pool: ThreadPoolExecutor, pixels: int, images: int
) -> Iterator[Read]:
    """Read batches in threads while the network works on earlier ones.

    Args:
        planned: Batches in the order in which they come out.
        source: The dataset.
        pool: Threads that decode.
        pixels: Pixels in memory from which on no further batch is begun.
        images: Images in memory, likewise.
    """
    waiting: deque[tuple[Batch, list[Future[Picture | Entry]]]] = deque()
    batches = iter(planned)
    more = True
    while more or waiting:
        while more and (not waiting or _fits(waiting, pixels, images)):
            batch = next(batches, None)
            if batch is None:
                more = False
            else:
                waiting.append((batch, [pool.submit(_read, source, image) for image in batch.images]))
        if waiting:
            yield _gather(*waiting.popleft())


def _fits(waiting: Iterable[tuple[Batch, list[Future[Picture | Entry]]]], pixels: int, images: int) -> bool:
    batches = [batch for batch, _ in waiting]
    ahead = sum(image.weight for batch in batches for image in batch.images)
    return ahead < pixels and sum(len(batch.images) for batch in batches) < images


def _gather(batch: Batch, futures: list[Future[Picture | Entry]]) -> Read:
    read = Read([], [], batch.size)
    for image, future in zip(batch.images, futures, strict=True):
        result = future.result()
        if isinstance(result, Picture):
            read.pictures.append((image, result))
        else:
            read.failures.append(result)
    return read


def _read(source: Path, image: PlannedImage) -> Picture | Entry:
    try:
        picture = decode(read_image_file(source / image.key))
    except Exception as error:  # a damaged file raises whatever its decoder does, and must not stop the others
        return failed(image.key, "image", f"cannot be decoded ({why(error)})")
    if picture.seen != image.seen:
        return failed(image.key, "image", "the file changed while the run was going on")
    return picture
