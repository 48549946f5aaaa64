"""The check of labels after refinement: are the files the same bytes, and does each label, read through the dataset's
layout before and after, still say the same?"""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from refine.apply.manifest import LEFT_OUT, ManifestEntry, is_original, read_manifest, regular_sha256
from refine.apply.plan import container_of, walk
from refine.data.images import read_header
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import MANIFEST, printable, shown
from refine.labels import Annotation
from refine.labels.annotation import same
from refine.terminal import count_of
from refine.workers import in_order

THREADS = 4
MOST_SHOWN = 20
"""Problems that are printed."""


def label_files_identical(synthetic: Path, refined: Path) -> list[str]:
    """Hold every file of a refined dataset against the synthetic one; a line for each difference, sorted by key.

    Files that are not refined images must be there byte for byte; refined images must be there with the same
    width, height and mode. What the manifest lists as failed or left out is absent on purpose.

    Args:
        synthetic: The dataset before.
        refined: What `refine apply` made of it.

    Raises:
        InputError: If one is not a folder, or ``refined`` has no manifest.
    """
    if not synthetic.is_dir():
        raise InputError(f"{synthetic}: expected the folder of the synthetic dataset, found none")
    if not (refined / MANIFEST).is_file():
        raise InputError(f"{refined}: no {MANIFEST} here; name a folder that `refine apply` wrote")
    entries = read_manifest(refined).entries
    before, after = walk(synthetic.resolve()), walk(refined.resolve())
    differences = {}
    for key in before.files:
        if found := _difference(synthetic / key, refined / key, entries.get(key)):
            differences[key] = found
    for link in before.links:
        entry = entries.get(link.key)
        if (entry is None or entry["status"] == "done") and link not in after.links:
            differences[link.key] = "its link is missing or leads elsewhere"
    known = {*before.files, *(link.key for link in before.links)}
    for key in [*after.files, *(link.key for link in after.links)]:
        if key not in known:
            differences[key] = "not in the synthetic dataset"
    return [f"{shown(key)}: {differences[key]}" for key in sorted(differences)]


def _difference(before: Path, after: Path, entry: ManifestEntry | None) -> str | None:
    """Return the fault of one file, or None."""
    image = entry is not None and entry["kind"] == "image"
    if entry is not None and (entry["status"] == LEFT_OUT or (image and entry["status"] == "failed")):
        named = "left out" if entry["status"] == LEFT_OUT else "failed"
        return f"{named}, but there is a file" if os.path.lexists(after) else None
    if not after.is_file() or after.is_symlink():
        return "missing"
    if not image or (entry is not None and is_original(entry)):
        return None if regular_sha256(before) == regular_sha256(after) else "other bytes"
    try:
        old, new = read_header(before), read_header(after)
    except Exception as error:  # damaged after it was written
        return f"cannot be read as an image ({error})"
    if (old.width, old.height, old.mode) != (new.width, new.height, new.mode):
        return f"was {old.width}x{old.height} {old.mode}, is {new.width}x{new.height} {new.mode}"
    return None


class LabelCheck(NamedTuple):
    """Result of reading every label before and after."""

    layout: str
    """Name of the layout through which they were read."""
    equal: int
    """Images whose label is the same before and after."""
    problems: list[str]
    """A line for each image whose label differs or cannot be read, sorted by key."""
    unlabeled: int = 0
    """Images that have no label, before and after."""

    def text(self) -> str:
        """Return some lines for people."""
        without = f"; {count_of(self.unlabeled, 'image')} without a label" if self.unlabeled else ""
        lines = [f"labels ({self.layout}): {self.equal} read before and after and equal{without}"]
        if self.problems:
            lines.append(f"{count_of(len(self.problems), 'label')} with a problem:")
            lines += [f"  {printable(problem)}" for problem in self.problems[:MOST_SHOWN]]
            if len(self.problems) > MOST_SHOWN:
                lines.append(f"  … and {len(self.problems) - MOST_SHOWN} more")
        return "\n".join(lines)


def parsed_labels_equal(source: Path, refined: Path, layout: str = "auto") -> LabelCheck:
    """Parse each label of a dataset and of its refined copy, and compare all that the layout knows of it.

    Images that `refine apply` listed as failed, or left out, are absent on purpose: neither they nor their labels are
    asked for.

    Args:
        source: The dataset before.
        refined: What `refine apply` made of it.
        layout: As `open_layout` takes it.

    Raises:
        InputError: If the dataset before cannot be opened, or the layout has no labels.
    """
    before = open_layout(layout, source)
    if not before.label_space.is_labeled:
        raise InputError(f"{source}: the layout {before.name} has no labels to check; name one that has (--layout)")
    named = before.name if layout == "auto" else layout
    try:
        after = open_layout(named, refined)
        _ = after.label_space  # of some layouts known when it is asked for
    except InputError as error:  # what is written stands; where images failed, too little of it may be left
        return LabelCheck(before.name, 0, [f"in the output: none of the labels was read ({error})"])
    failed, containers = _failed(refined)
    if failed and before.label_space.names != after.label_space.names:
        with suppress(InputError):  # a layout that finds its classes in the labels may have lost one with an image
            after = open_layout(named, refined, classes=before.label_space.names)
    known = {*before.faults, *_of_failed(after.faults, refined, before, failed)}
    problems = [f"in the input: {fault}" for fault in before.faults]
    problems += [
        f"in the output: {fault}"
        for fault in after.faults
        if fault not in known and _in_source(fault, refined, source) not in known
    ]
    if before.label_space != after.label_space:
        problems.append(f"{refined}: the classes or targets are other ones than in {source}")
    found = {record.key: record for record in after.records()}
    wanted = [
        record
        for record in before.records()
        if record.key not in failed and container_of(record.key, containers) is None
    ]

    def check(record: Record) -> str | bool:
        problem = _problem(before, after, record, found.get(record.key))
        if isinstance(problem, str) and (unwritten := failed.intersection(_keys(record.label_files, source))):
            problem = f"{shown(min(unwritten))}, a file of its label, was not written; {MANIFEST} says why"
        return f"{shown(record.key)}: {problem}" if isinstance(problem, str) else problem

    with ThreadPoolExecutor(THREADS) as pool:
        checked = list(in_order(pool, check, wanted))
    differing = [problem for problem in checked if isinstance(problem, str)]
    return LabelCheck(before.name, checked.count(True), sorted(problems) + differing, checked.count(False))


def _in_source(fault: str, refined: Path, source: Path) -> str:
    """Return a fault as it would read of the source; a folder called ``out`` is not the end of "without"."""
    return re.sub(rf"(?<![\w./-]){re.escape(str(refined))}(?=[/:;,]|$)", lambda _: str(source), fault)


def _failed(refined: Path) -> tuple[set[str], set[str]]:
    """Return the keys of what failed or is left out, and of these the containers: nothing in one of them is there."""
    if not (refined / MANIFEST).is_file():
        return set(), set()
    failed = {key: entry for key, entry in read_manifest(refined).entries.items() if entry["status"] != "done"}
    return set(failed), {key for key, entry in failed.items() if entry["kind"] == "container"}


def _keys(files: Sequence[Path], root: Path) -> list[str]:
    return [file.relative_to(root).as_posix() for file in files if file.is_relative_to(root)]


def _of_failed(faults: Sequence[str], refined: Path, before: Layout, failed: set[str]) -> list[str]:
    """Return the output's faults that only follow from images that failed: labels without their image."""
    if not failed:
        return []
    images: dict[str, list[str]] = defaultdict(list)
    for record in before.records():
        for file in record.label_files:
            images[str(file)].append(record.key)
    alone = {file for file, keys in images.items() if failed.issuperset(keys)}
    numbers = {(file, Path(key).stem.lstrip("0")) for file, keys in images.items() for key in failed.intersection(keys)}
    kept = []
    for fault in faults:
        place, _, rest = fault.replace(f"{refined}/", f"{before.root}/").partition(": ")
        names = {name.removeprefix(f"{before.root}/") for name in re.split(r"[,;:] |'", rest)}
        number = re.match(r"lists image (\d+),", rest)  # as BOP's scenes name theirs
        if place in alone or names & failed or (number and (place, number[1].lstrip("0")) in numbers):
            kept.append(fault)
    return kept


def _problem(before: Layout, after: Layout, record: Record, other: Record | None) -> str | bool:
    """Return the fault of one label; if there is none, whether the image has a label."""
    if other is None:
        return "not in the refined dataset"
    labels = []
    for side, layout, each in (("input", before, record), ("output", after, other)):
        try:
            labels.append(layout.annotation(each))
        except InputError as error:
            return f"cannot be read in the {side}: {error}"
    old, new = labels
    if same(old, new):
        return not same(old, Annotation())
    parts = [name for name in Annotation.__dataclass_fields__ if not same(getattr(old, name), getattr(new, name))]
    return f"another label than in the input ({', '.join(parts)})"
