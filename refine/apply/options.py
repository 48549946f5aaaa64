"""Options of `refine apply` and of `refine verify`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from refine.apply.writer import TEMPORARY
from refine.errors import InputError
from refine.files import OURS, RUN
from refine.options import Device, File, Flag, Folder, LayoutName, Positive, Trusted, flag_name, recorded

Precision = Literal["32", "bf16"]
IfWrong = Literal["original", "leave-out"]
"""Treatment of an image that passes at no strength."""
Repaired = Literal["fail", "review"]
"""Which verdicts ask for less strength: ``fail`` alone, or ``review`` as well."""

RECORDED = ("images", "batch_size", "precision", "scale", "strength")
"""Options that the output depends on, apart from the layout: they stand in its record."""


@dataclass(frozen=True, kw_only=True)
class ApplyOptions:
    """Refine a dataset, labels carried along.

    Writes the same tree with refined pixels: names, formats, sizes and metadata stay, labels and every other file are
    copied byte for byte. Stopped at any moment, the same command goes on.

    Raises:
        InputError: If a value is out of its range.
    """

    checkpoint: File
    """A .ckpt, or a bundle's folder."""
    input: Folder
    """The synthetic dataset, or one image."""
    output: Folder
    """Where the refined dataset, or the image, goes."""
    images: Annotated[str, Flag("GLOB")] | None = None
    """Which files are images, e.g. 'rgb/**/*.png'; the rest is carried."""
    layout: LayoutName = "auto"
    batch_size: Positive = 8
    """Images a call, at most."""
    workers: Positive = 2
    """Threads that read and write."""
    device: Device = "auto"
    precision: Precision = "32"
    """Precision of the network: 32 (default) or bf16."""
    scale: Annotated[str, Flag("SCALE")] = "trained"
    """Native, trained (default), or HEIGHTxWIDTH: the size at which the network sees an image."""
    strength: Annotated[float, Flag("S")] = 1.0
    """How much of its change an image gets, above 0 and up to 1 (default: 1, all of it)."""
    audit: Folder | None = None
    """Folder that `refine audit` wrote about the output of this checkpoint: images that fail there get less of the
    change (0.75, 0.5, 0.25), the first with which they pass."""
    if_wrong: IfWrong | None = None
    """With --audit, what becomes of images that pass with none: the input's file (original, the default), or no image
    and none of its own label files (leave-out)."""
    repair: Repaired | None = None
    """With --audit, which images get less: those that fail (default), or those to review as well."""
    check_labels: bool = False
    """Then read each label through the layout, before and after, and compare; exit code 1 if one differs."""
    trust: Trusted = ()

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.workers < 1:
            raise InputError("--batch-size and --workers must be 1 or more")
        for name, choices in (("precision", Precision), ("if_wrong", IfWrong), ("repair", Repaired)):
            if (value := getattr(self, name)) not in (None, *get_args(choices)):
                raise InputError(f"{flag_name(name)} {value!r}: expected one of {', '.join(get_args(choices))}")
        if not 0.0 < self.strength <= 1.0:
            raise InputError(f"--strength {self.strength:g}: expected a number above 0 and up to 1")
        if self.scale not in {"native", "trained"} and self._size() is None:
            raise InputError(f"--scale {self.scale!r}: expected native, trained, or HEIGHTxWIDTH such as 256x256")
        if self.audit is None and (self.if_wrong or self.repair):
            flag = "--if-wrong" if self.if_wrong else "--repair"
            raise InputError(f"{flag} says what is done about an audit's verdicts: give --audit DIR as well")

    def working_size(self, trained: tuple[int, int] | None) -> tuple[int, int] | None:
        """Return the height and width at which the network sees an image; None for each image's own."""
        return trained if self.scale == "trained" else self._size()

    def recorded(self, layout: str | None) -> dict[str, object]:
        """Return what stands in the record of the output.

        Args:
            layout: The layout that says which files are images; None where none does.
        """
        flags = recorded(self)
        return {**{name: flags[name] for name in RECORDED}, "layout": layout, "strength": float(self.strength)}

    def _size(self) -> tuple[int, int] | None:
        size = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", self.scale)
        return (int(size[1]), int(size[2])) if size else None


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Hold a refined dataset against its manifest.

    Compares every file with the hash that the manifest holds. Exit code 1 and a list if something is missing, changed
    or new.
    """

    folder: Annotated[Path, Flag("DIR", positional=True)]
    """A refined dataset."""


def check_folders(source: Path, output: Path) -> tuple[Path, Path]:
    """Return both as absolute paths without links.

    Raises:
        InputError: If the input is not a folder, one lies in the other, or the output holds other things.
    """
    if not source.is_dir():
        found = "a file" if source.exists() else "nothing"
        raise InputError(f"{source}: expected a folder with a dataset, found {found}")
    if not os.access(source, os.R_OK | os.X_OK):
        raise InputError(f"{source}: the folder cannot be read (permission denied)")
    real_source, real_output = source.resolve(), output.resolve()
    if real_output == real_source or real_output.is_relative_to(real_source):
        raise InputError(f"{output}: the output lies inside the input {source}; choose a folder next to it")
    if real_source.is_relative_to(real_output):
        raise InputError(f"{source}: the input lies inside the output {output}; choose another output")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: expected a folder for the output, found a file")
    if output.is_dir() and not (output / RUN).is_file():
        foreign = sorted(entry.name for entry in output.iterdir() if not entry.name.startswith(TEMPORARY))
        if foreign:
            raise InputError(
                f"{output}: not empty and no output of `refine apply` (it has no {RUN}, but {foreign[0]}); "
                "choose a new folder, or empty this one"
            )
    for ours in sorted(output / name for name in OURS):
        if os.path.lexists(ours) and (ours.is_symlink() or not ours.is_file()):
            raise InputError(f"{ours}: expected a file that `refine apply` wrote, found something else; remove it")
    place = next(each for each in (output, *output.parents) if each.exists() or each == each.parent)
    if not place.is_dir():
        raise InputError(f"{output}: {place} is a file, so no folder can be made there")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{output}: {place} is not writable; choose another --output")
    return real_source, real_output
