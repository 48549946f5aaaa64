"""What reading costs: how long a training step waits for its data, and how long a large dataset takes to list.

    python scripts/bench_read.py [--images 10000] [--size 64] [--steps 200] [--workers 2]
    python scripts/bench_read.py --list 100000 [--layouts class-folders coco …]

Waiting is the share of the training loop's time that Lightning's own profiler sees in "the next batch, please"; nothing
is kept in memory. Listing runs in a process of its own, so that its peak of memory is its own.
"""

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from PIL import Image

from refine.data.open_layout import open_layout

WAITING = "[_TrainingEpochLoop].train_dataloader_next"
EPOCH = "run_training_epoch"


def main() -> None:
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--list", type=int, metavar="N", help="list datasets of N files instead")
    parser.add_argument("--layouts", nargs="+", default=sorted(MAKERS), choices=sorted(MAKERS))
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)  # what the process for a listing is told
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    if args.open:
        print_listing(args.open)
    elif args.list:
        for name in args.layouts:
            list_files(name, args.list)
    else:
        print_waiting(args.images, args.size, args.steps, args.batch_size, args.workers)


def print_waiting(images: int, size: int, steps: int, batch_size: int, workers: int) -> None:
    """The share of a SimGAN training that is spent waiting for batches."""
    # Here and not above: a listing's peak of memory is not to hold what it does not need.
    from lightning.pytorch import Trainer
    from lightning.pytorch.profilers import SimpleProfiler

    from refine import SimGAN, UnpairedImages
    from refine.training.steps import StopAfterSteps

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for side in ("synthetic", "real"):
            write_images(folder / side, images, size)
        profiler = SimpleProfiler()
        trainer = Trainer(
            accelerator="cpu",
            max_steps=-1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            profiler=profiler,
            callbacks=[StopAfterSteps()],
        )
        data = UnpairedImages(
            folder / "synthetic", folder / "real", batch_size=batch_size, workers=workers, cache="none", shift=2
        )
        model = SimGAN(channels=3, refiner_warmup_steps=0, discriminator_warmup_steps=0, steps=steps)
        trainer.fit(model, data)
    waits = sorted(profiler.recorded_durations[WAITING])
    total = sum(profiler.recorded_durations[EPOCH])
    print(
        f"{2 * images} files of {size}x{size}, batch {batch_size}, {workers} workers, {len(waits)} steps: "
        f"{sum(waits) / total:.1%} of {total:.1f} s spent waiting for data "
        f"(the first batch, with the workers' start, {waits[-1]:.2f} s; without it {sum(waits[:-1]) / total:.1%})"
    )


def write_images(folder: Path, count: int, size: int) -> None:
    """Class folders of PNG files that are no copies of each other."""
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        pixels = Image.frombytes("RGB", (size, size), os.urandom(3 * size * size))
        pixels.resize((size // 4, size // 4)).resize((size, size)).save(folder / "ab"[number % 2] / f"{number}.png")


def list_files(name: str, count: int) -> None:
    """Make a dataset of so many files, all links to a few, and open it in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        MAKERS[name](Path(temporary), count)
        subprocess.run([sys.executable, __file__, "--open", temporary], check=True)


def print_listing(root: Path) -> None:
    """Time and peak memory of opening a dataset and listing its records."""
    before = peak_memory()
    began = time.monotonic()
    layout = open_layout("auto", root)
    records = len(layout.records())
    seconds = time.monotonic() - began
    peak = peak_memory()
    files = sum(len(names) for _, _, names in os.walk(root))
    print(
        f"{layout.name}: {files} files, {records} records, {len(layout.faults)} faults in {seconds:.1f} s; "
        f"peak {peak} MiB ({before} MiB of it before)"
    )


def peak_memory() -> int:
    """Of this process in MiB; the system's usual counter would hold what its parent needed."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


class Linked:
    """A few small files, under as many names as are wanted.

    Args:
        root: Where the names go.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: set[Path] = set()

    def image(self, key: str, mode: str = "RGB") -> None:
        """A small PNG, whatever the name says."""
        kept = self.root / f".{mode}.png"
        if not kept.exists():
            Image.new(mode, (8, 8)).save(kept)
        self.link(kept, key)

    def text(self, key: str, content: str) -> None:
        """A small text file."""
        kept = self.root / f".text{abs(hash(content))}"
        if not kept.exists():
            kept.write_text(content)
        self.link(kept, key)

    def link(self, kept: Path, key: str) -> None:
        """Another name of a file."""
        path = self.root / key
        if path.parent not in self.made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(path.parent)
        # A file system holds only so many names of one file.
        try:
            os.link(kept, path)
        except OSError:
            path.write_bytes(kept.read_bytes())


def class_folders(root: Path, count: int) -> None:
    """Ten classes."""
    files = Linked(root)
    for number in range(count):
        files.image(f"class{number % 10}/{number:06d}.png")


def mask_folders(root: Path, count: int) -> None:
    """Images and masks."""
    files = Linked(root)
    (root / "classes.txt").write_text("road\ncar\n")
    for number in range(count // 2):
        files.image(f"images/{number:06d}.png")
        files.image(f"masks/{number:06d}.png", "L")


def cityscapes(root: Path, count: int) -> None:
    """Five files an image, in fifty cities."""
    files = Linked(root)
    for number in range(count // 5):
        city = f"city{number % 50}"
        stem = f"{city}_{number:06d}_000019"
        files.image(f"leftImg8bit/train/{city}/{stem}_leftImg8bit.png")
        for part, mode in (("labelIds", "L"), ("instanceIds", "I;16"), ("color", "RGBA")):
            files.image(f"gtFine/train/{city}/{stem}_gtFine_{part}.png", mode)
        files.text(f"gtFine/train/{city}/{stem}_gtFine_polygons.json", "{}")


def coco(root: Path, count: int) -> None:
    """Images, and five boxes in each."""
    files = Linked(root)
    images, annotations = [], []
    for number in range(count):
        files.image(f"train2017/{number:012d}.jpg")
        images.append({"id": number, "file_name": f"{number:012d}.jpg", "width": 8, "height": 8})
        for box in range(5):
            annotations.append(
                {
                    "id": 5 * number + box,
                    "image_id": number,
                    "category_id": 1 + box % 2,
                    "bbox": [1.0, 1.0, 4.0, 4.0],
                    "area": 16.0,
                    "iscrowd": 0,
                    "segmentation": [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]],
                }
            )
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    (root / "annotations").mkdir()
    (root / "annotations/instances_train2017.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )


def kitti(root: Path, count: int) -> None:
    """Images, labels, calibration and points: four files an image."""
    files = Linked(root)
    for number in range(count // 4):
        files.image(f"training/image_2/{number:06d}.png")
        files.text(
            f"training/label_2/{number:06d}.txt", "Car 0.00 0 -1.58 1.0 1.0 5.0 5.0 1.4 1.6 3.6 -2.5 1.7 46.7 -1.65\n"
        )
        files.text(f"training/calib/{number:06d}.txt", "P0: 0\n")
        files.text(f"training/velodyne/{number:06d}.bin", "")


def carla(root: Path, count: int) -> None:
    """Two cameras."""
    files = Linked(root)
    for number in range(count // 2):
        files.image(f"{number:06d}_img.png")
        files.image(f"{number:06d}_labelIds.png", "L")


MAKERS = {
    "carla": carla,
    "kitti": kitti,
    "class-folders": class_folders,
    "mask-folders": mask_folders,
    "cityscapes": cityscapes,
    "coco": coco,
}


if __name__ == "__main__":
    main()
