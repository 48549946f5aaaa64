"""The flags of `refine apply`, and `refine-run.json`: a run may only go on where nothing of that changed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from refine.apply.writer import replace_whole
from refine.errors import InputError
from refine.files import RUN, read_file, read_json

RECORD_FORMAT = 1
PRECISIONS = ("32", "bf16")


@dataclass(frozen=True)
class ApplyOptions:
    """Flags of `refine apply`.

    Raises:
        InputError: If a value is out of its range.
    """

    images: str | None = None
    """Glob of the files that are images to refine; all others are carried."""
    layout: str = "auto"
    """Name of the layout that says which files are images, or a YAML file of its options."""
    batch_size: int = 8
    """Images of up to 256 x 256 in a call to the network; larger ones fewer."""
    device: str = "auto"
    precision: str = "32"
    """``32`` or ``bf16``."""
    scale: str = "trained"
    """Size at which the network sees images: ``native``, ``trained`` or ``HEIGHTxWIDTH``."""
    strength: float = 1.0
    """Share of the change that an image gets, above 0 and up to 1."""
    workers: int = 2
    """Threads that read, and as many that write. Not recorded: the result does not depend on it."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.workers < 1:
            raise InputError("--batch-size and --workers must be 1 or more")
        if self.precision not in PRECISIONS:
            raise InputError(f"--precision {self.precision!r}: expected one of {', '.join(PRECISIONS)}")
        if not 0.0 < self.strength <= 1.0:
            raise InputError(f"--strength {self.strength:g}: expected a number above 0 and up to 1")
        if self.scale not in {"native", "trained"} and self._size() is None:
            raise InputError(f"--scale {self.scale!r}: expected native, trained, or HEIGHTxWIDTH such as 256x256")

    def working_size(self, trained: tuple[int, int] | None) -> tuple[int, int] | None:
        """Return the height and width at which the network sees an image; None for each image's own.

        Args:
            trained: Those of the checkpoint.
        """
        return trained if self.scale == "trained" else self._size()

    def recorded(self, layout: str | None) -> dict[str, object]:
        """Return what stands in the record.

        Args:
            layout: The layout that says which files are images; None where none does.
        """
        flags = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"device", "workers"}}
        return {**flags, "layout": layout, "strength": float(self.strength)}

    def _size(self) -> tuple[int, int] | None:
        size = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", self.scale)
        return (int(size[1]), int(size[2])) if size else None


RECORD_NAMES = {
    **{f"flags.{each.name}": f"--{each.name.replace('_', '-')}" for each in fields(ApplyOptions)},
    "audit": "--audit",
    "audit.sha256": "the audit's sha256",
    "audit.if_wrong": "--if-wrong",
    "audit.repair": "--repair",
    "device": "--device",
    "threads": "threads (OMP_NUM_THREADS)",
    "model.sha256": "the checkpoint's sha256",
}
"""How messages call the parts of a record."""


def claim(output: Path, run: dict[str, object]) -> None:
    """Write the record of a run into a new output, or hold it against the one that is there.

    Raises:
        InputError: If the output was made otherwise, naming what differs.
    """
    path = output / RUN
    data = json.dumps(run, indent=2, sort_keys=True, ensure_ascii=True).encode() + b"\n"
    if not path.is_file():
        replace_whole(path, data)
        return
    stored = read_json(path, f"choose another --output, or delete {output}")
    if isinstance(stored, dict) and isinstance(stored.get("flags"), dict):
        stored["flags"] = {"strength": 1.0, **stored["flags"]}  # of a run from before there was this flag
    differences = [] if read_file(path) == data else sorted(_differences(stored, run))
    if differences:  # one is enough for a person to know
        others = [each for each in differences if not each.startswith(("model.", RECORD_NAMES["model.sha256"]))]
        first = "another checkpoint" if len(others) < len(differences) else others[0]
        raise InputError(f"{output}: was made with {first}. Choose another --output, give the same again, or delete it")


def _differences(stored: object, run: object, name: str = "") -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(run, dict):
        for key in stored.keys() | run.keys():
            yield from _differences(stored.get(key), run.get(key), f"{name}.{key}".removeprefix("."))
    elif stored != run:
        yield f"{RECORD_NAMES.get(name, name)} {_text(stored)}, not {_text(run)}"


def _text(value: object) -> str:
    if isinstance(value, dict) and "sha256" in value:
        return f"of sha256 {value['sha256']}"
    return "none" if value is None else str(value)
