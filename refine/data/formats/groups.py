"""Files that belong together, by what their paths have in common: what layouts of many files an image share."""

from collections.abc import Callable
from pathlib import Path

from refine.data.samples import Record

IMAGE = "image"
"""The role of the one file of a group that is no label."""


class Groups:
    """Groups of files, an image and its labels each. First all files are added, then the records are asked for.

    Args:
        root: The dataset's folder.
        parsed: The roles whose file can be the mask that is read, the best first.
    """

    def __init__(self, root: Path, parsed: tuple[str, ...]) -> None:
        self.root = root
        self.parsed = parsed
        self._files: dict[str, list[str]] = {}
        """Role, key, role, key, … of each group: a list of strings is small, and there are 100 000."""
        self._roles: dict[str, tuple[str, ...]] = {}

    def add(self, group: str, role: str, key: str) -> None:
        """Put a file into a group: an image (`IMAGE`), or a label of any other role."""
        self._files.setdefault(group, []).extend((role, key))

    def records(self, expected: Callable[[str], str]) -> tuple[list[Record], list[str]]:
        """All records, sorted by key, and what is wrong with single files. A record's mask comes first.

        Args:
            expected: Says what to add for a group without a mask.
        """
        records: list[Record] = []
        faults: list[str] = []
        base = str(self.root)
        order = {role: place for place, role in enumerate(self.parsed)}
        same: dict[tuple[str, ...], tuple[str, ...]] = {}
        while self._files:
            group, files = self._files.popitem()
            found = sorted(
                zip(files[::2], files[1::2], strict=True), key=lambda file: (order.get(file[0], len(order)), file)
            )
            images = [key for role, key in found if role == IMAGE]
            labels = [(role, key) for role, key in found if role != IMAGE]
            roles = tuple(role for role, _ in labels)
            mask = f"{base}/{labels[0][1]}" if roles and roles[0] in order else None
            if not images:
                faults += [f"{base}/{key}: a label without an image; add its image, or remove it" for _, key in labels]
                continue
            if mask is None:
                faults.append(f"{base}/{images[0]}: an image without a mask; add {expected(group)}")
            for place in range(1, len(roles)):
                if roles[place] == roles[place - 1] and roles[place] in order:
                    faults.append(f"{base}/{labels[place][1]}: a second mask beside {mask}; keep one of them")
            paths = tuple(Path(f"{base}/{key}") for _, key in labels)
            records.append(Record(images[0], Path(f"{base}/{images[0]}"), paths))
            self._roles[images[0]] = same.setdefault(roles, roles)
            for key in images[1:]:
                faults.append(f"{base}/{key}: shares its mask {mask} with {images[0]}; rename one of the images")
                records.append(Record(key, self.root / key))
        return sorted(records, key=lambda record: record.key), sorted(faults)

    def file(self, record: Record, role: str) -> Path | None:
        """An image's label of this role, the first of several; None without one."""
        roles = self._roles.get(record.key, ())
        return record.label_files[roles.index(role)] if role in roles else None

    def mask(self, record: Record) -> tuple[str, Path] | None:
        """The role and the file of the mask that is read."""
        roles = self._roles.get(record.key, ())
        return (roles[0], record.label_files[0]) if roles and roles[0] in self.parsed else None
