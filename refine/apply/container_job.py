"""One container: its images through the network, the new file under a temporary name, and its lines of the manifest."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from refine.apply import hdf5
from refine.apply.codec import Levels, Picture, mean_absolute_change
from refine.apply.containers import COMPRESSED, HDF5, PlannedContainer
from refine.apply.files import TEMPORARY, file_sha256, temporary_beside, why
from refine.apply.manifest import Entry, failed
from refine.apply.network import Network
from refine.apply.plan import PlannedImage, batches
from refine.apply.shards import listed, refine_images, write_shard
from refine.apply.windows import refine_batch
from refine.apply.write import PERMISSIONS, Finished, Unreadable
from refine.data.images import ImageHeader
from refine.data.layouts.tar import index_tar
from refine.data.listing import suffix
from refine.errors import InputError

CHANGED = "it changed while the run was going on"


class ContainerJob:
    """Refines containers, one after the other.

    Args:
        source: The dataset.
        output: Where the refined one goes.
        network: What refines.
        batch_size: As in `Settings`.
        pool: Threads that read, decode and encode.
        advance: Told how many images are through.
    """

    def __init__(
        self,
        source: Path,
        output: Path,
        network: Network,
        batch_size: int,
        pool: ThreadPoolExecutor,
        advance: Callable[[int], None],
    ) -> None:
        self.source, self.output = source, output
        self.network, self.batch_size, self.pool, self.advance = network, batch_size, pool, advance

    def __call__(self, container: PlannedContainer) -> Finished:
        """Do one. What is wrong with it becomes a line of the manifest.

        Raises:
            OSError: If the new file cannot be written; nothing is left of it then.
        """
        source, final = self.source / container.key, self.output / container.key
        before, digest = _state(source), file_sha256(source)
        if digest is None or before is None:
            return Finished(failed(container.key, "container", "cannot be read"), final)
        temporary = temporary_beside(final)
        try:
            if container.key.lower().endswith(COMPRESSED):
                return Finished(
                    failed(container.key, "container", "a compressed shard: unpack it to .tar first"), final
                )
            work = self._hdf5 if suffix(container.key) == HDF5 else self._shard
            finished = work(container, source, temporary, digest)
            if finished.temporary is not None and _state(source) != before:
                temporary.unlink()
                return Finished(failed(container.key, "container", CHANGED), final)
            return finished
        except Unreadable as error:
            temporary.unlink(missing_ok=True)
            return Finished(failed(container.key, "container", f"cannot be read ({error})"), final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _shard(self, container: PlannedContainer, source: Path, temporary: Path, digest: str) -> Finished:
        key, final = container.key, self.output / container.key
        index = index_tar(source)
        if index.flaw:
            return Finished(failed(key, "container", index.flaw), final)
        with TemporaryFile(
            prefix=TEMPORARY, dir=final.parent
        ) as spool:  # unlinked at once: nothing is left of it, whatever happens
            images = refine_images(
                source, index, container.members, spool, self.network, self.batch_size, self.pool, self.advance
            )
            with temporary.open("xb") as new:
                output_digest = write_shard(source, index, images, spool, new)
                new.flush()
                _keep_permissions(source, new.fileno())
                os.fsync(new.fileno())
        entries = tuple(listed(key, index, images))
        done = _done(key, digest, output_digest, len(images.refined), images.change, len(entries))
        return Finished(done, final, temporary, entries)

    def _hdf5(self, container: PlannedContainer, source: Path, temporary: Path, digest: str) -> Finished:
        key, final = container.key, self.output / container.key
        if self.network.translator.channels == 1:
            return Finished(failed(key, "container", "color images, but the network is for gray ones"), final)
        try:
            pictures = {
                member.name: _picture(hdf5.read_member(source, member.name)) for member in hdf5.images_in(source)
            }
            if gone := container.members - pictures.keys():
                return Finished(failed(key, "container", f"holds no {min(gone)}, as the others do"), final)
            refined = self._refined(pictures)
            trouble = next((f"{name}: {color}" for name, color in refined.items() if isinstance(color, str)), None)
            if trouble is not None:
                return Finished(failed(key, "container", trouble), final)
            colors = {name: color for name, color in refined.items() if not isinstance(color, str)}
            hdf5.rewrite(source, temporary, lambda member, _: colors[member].astype(np.uint8))
        except InputError as error:
            reason = why(error).removeprefix(f"{source}: ").replace(str(source), key)  # the line names it already
            return Finished(failed(key, "container", reason), final)
        with temporary.open("rb+") as new:
            _keep_permissions(source, new.fileno())
        output_digest = file_sha256(temporary)
        assert output_digest is not None
        change = sum(mean_absolute_change(pictures[name].color, color) for name, color in colors.items())
        return Finished(_done(key, digest, output_digest, len(colors), change, 0), final, temporary)

    def _refined(self, pictures: dict[str, Picture]) -> dict[str, Levels | str]:
        found: dict[str, Levels | str] = {}
        images = [PlannedImage(name, picture.seen) for name, picture in pictures.items()]
        for batch in batches(images, set(pictures), self.batch_size):
            names = [image.key for image in batch.images]
            colors = refine_batch(self.network, [pictures[name] for name in names], batch.size)
            found.update(zip(names, colors, strict=True))
            self.advance(len(names))
        return found


def _picture(pixels: hdf5.Pixels) -> Picture:
    """Pixels as if they came from a file."""
    height, width, _ = pixels.shape
    return Picture(ImageHeader("HDF5", "RGB", height, width, 8, 1, None), pixels, None, None, b"", "")


def _done(key: str, before: str, after: str, images: int, change: float, left_out: int) -> Entry:
    return {
        "key": key,
        "kind": "container",
        "status": "done",
        "input_sha256": before,
        "output_sha256": after,
        "images": images,
        "left_out": left_out,
        "mean_absolute_change": round(change / images, 4) if images else 0.0,
    }


def _state(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns


def _keep_permissions(source: Path, descriptor: int) -> None:
    with suppress(PermissionError):  # some file systems keep no permissions
        os.fchmod(descriptor, source.stat().st_mode & PERMISSIONS)
