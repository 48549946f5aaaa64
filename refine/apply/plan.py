"""What is to be done with each file of a dataset. It depends on the dataset and the flags, not on what is done."""

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from refine.apply.containers import Containers, PlannedContainer, plan_containers
from refine.apply.files import in_order, why
from refine.apply.manifest import Entry, failed
from refine.apply.select import Selected
from refine.apply.walk import Link, walk
from refine.data.images import ImageHeader, obstacle, read_header

PIXELS_PER_IMAGE = 65536
"""A batch of ``batch_size`` images of 256 x 256 is the most that goes into one call, in pixels."""


class PlannedImage(NamedTuple):
    """One image to refine."""

    key: str
    seen: ImageHeader
    size: int = 0
    """Bytes of its file."""

    @property
    def group(self) -> tuple[int, int, int, bool]:
        """Images that may share a call to the network: height, width, channels, 16 bit or not."""
        return self.seen.height, self.seen.width, self.seen.channels, self.seen.is_16_bit

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.seen.height * self.seen.width

    @property
    def weight(self) -> int:
        """Memory that it takes, in pixels: its file is kept until the new one is written."""
        return max(self.pixels, self.size // 4)


class Plan(NamedTuple):
    """Every file of a dataset stands in exactly one of these lists."""

    images: list[PlannedImage]
    containers: list[PlannedContainer]
    carried: list[str]
    links: list[Link]
    failures: list[Entry]
    folders: list[str]
    glances: dict[str, ImageHeader]
    """Headers of all files that were selected as images and can be read, refined or not."""

    def keys(self) -> dict[str, str]:
        """Kind by key of all that will stand in the manifest."""
        kinds = {image.key: "image" for image in self.images}
        kinds |= {container.key: "container" for container in self.containers}
        kinds |= dict.fromkeys(self.carried, "carried")
        kinds |= {link.key: "link" for link in self.links}
        return kinds | {entry["key"]: entry["kind"] for entry in self.failures}


def make_plan(
    source: Path,
    selected: Selected,
    network_channels: int,
    workers: int,
    containers: Containers | None = None,
    labels: AbstractSet[str] = frozenset(),
) -> Plan:
    """Look at every file's name, and at the header of every image.

    Args:
        source: The dataset, without links in its path.
        selected: Which files are images to refine.
        network_channels: 1 for a network on gray images, 3 for RGB.
        workers: Threads that read headers.
        containers: Files that hold images.
        labels: Files that are labels, whatever their names.
    """
    tree = walk(source)
    planned = plan_containers(tree.files, containers or {})
    plan = Plan([], planned, [], [], list(tree.failures), tree.folders, {})
    holders = {container.key for container in planned}
    chosen = [key for key in tree.files if selected(key) and key not in holders]
    plan.carried.extend(sorted(set(tree.files) - set(chosen) - holders))
    with ThreadPoolExecutor(workers) as pool:
        for key, (seen, size) in in_order(pool, lambda key: (key, _look(source / key)), chosen, ahead=256):
            if isinstance(seen, ImageHeader):
                plan.glances[key] = seen
                reason = obstacle(seen, network_channels, size)
            else:
                reason = seen
            if isinstance(seen, ImageHeader) and reason is None:
                plan.images.append(PlannedImage(key, seen, size))
            else:
                plan.failures.append(failed(key, "image", str(reason)))
    refined = {image.key for image in plan.images} | holders
    for link in tree.links:
        # A link that was selected must lead to refined pixels, or the dataset would be left unrefined in silence
        if (selected(link.key) or link.key in (containers or {})) and link.target not in refined:
            plan.failures.append(failed(link.key, "link", "a link to a file that is not refined itself"))
        elif link.key in labels and link.target in refined:
            plan.failures.append(failed(link.key, "link", "a label that leads to a picture, and would change with it"))
        else:
            plan.links.append(link)
    return plan


def _look(path: Path) -> tuple[ImageHeader | str, int]:
    try:
        return read_header(path), path.stat().st_size
    except Exception as error:  # Pillow raises a dozen kinds on damaged headers, none of which may stop the others
        return why(error), 0


class Batch(NamedTuple):
    """Images for one call to the network."""

    images: list[PlannedImage]
    size: int
    """Images that the call is given; where ``images`` are fewer, the last is repeated."""


def batches(images: list[PlannedImage], missing: set[str], batch_size: int) -> Iterator[Batch]:
    """Calls to the network for the images that are missing, group by group.

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
    for group in sorted(groups):
        members = groups[group]
        limit = max(1, min(batch_size, batch_size * PIXELS_PER_IMAGE // members[0].pixels))
        calls = -(-len(members) // limit)
        size = -(-len(members) // calls)
        waiting = [image for image in members if image.key in missing]
        for start in range(0, len(waiting), size):
            yield Batch(waiting[start : start + size], size)
