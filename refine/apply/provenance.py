"""`refine-run.json`: by what a refined dataset was made. A run may only go on where all of it is the same."""

import json
from pathlib import Path
from typing import NamedTuple

import PIL
import torch

import refine
from refine.apply.files import RUN, replace_whole
from refine.errors import InputError
from refine.files import read_file, read_json
from refine.methods.base import Plain
from refine.methods.translator import Translator

FORMAT = 1

Run = dict[str, Plain]


class Settings(NamedTuple):
    """The flags of `refine apply` that change pixels, or which files are refined, and the one that does not."""

    images: str | None = None
    layout: str | None = None
    batch_size: int = 8
    device: str = "auto"
    precision: str = "32"
    scale: str = "trained"
    strength: float = 1.0
    """Of the whole change: what an image gets of it."""
    workers: int = 2
    """Not recorded: the result does not depend on it."""


def describe_run(
    translator: Translator, model: str, settings: Settings, device: torch.device, audit: Run | None = None
) -> Run:
    """All that the bytes of the output follow from, beside the input: no time, no place, no worker count.

    Args:
        translator: The model.
        model: Its sha256.
        settings: Flags.
        device: Where it runs.
        audit: What is done about which audit's verdicts, if there is one.
    """
    description = translator.description()
    return {
        "format": FORMAT,
        "model": {name: description[name] for name in ("class_path", "init_args", "state")} | {"sha256": model},
        "versions": {
            "refine": refine.__version__,
            "torch": str(torch.__version__),
            "pillow": PIL.__version__,
        },
        "flags": {
            "images": settings.images,
            "layout": settings.layout,
            "batch_size": settings.batch_size,
            "precision": settings.precision,
            "scale": settings.scale,
            "strength": float(settings.strength),
        },
        "audit": audit,
        "device": device.type,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "seed": None,
    }


def claim(output: Path, run: Run) -> None:
    """Write the record into a new output, or hold it against the one that is there.

    Raises:
        InputError: If the output was made otherwise, naming what differs.
    """
    path = output / RUN
    data = json.dumps(run, indent=2, sort_keys=True, ensure_ascii=True).encode() + b"\n"
    if path.is_file():
        stored = read_json(path, f"choose another --output, or delete {output}")
        if isinstance(stored, dict) and isinstance(stored.get("flags"), dict):
            stored["flags"] = {"strength": 1.0, **stored["flags"]}  # of a run from before there was this flag
        differences = [] if read_file(path) == data else sorted(_differences(stored, run))
        if differences:  # one is enough for a person to know
            others = [each for each in differences if not each.startswith(("model.", NAMES["model.sha256"]))]
            first = "another checkpoint" if len(others) < len(differences) else others[0]
            raise InputError(
                f"{output}: was made with {first}. Choose another --output, give the same again, or delete it"
            )
    else:
        replace_whole(path, data)


NAMES = {
    "flags.images": "--images",
    "flags.layout": "--layout",
    "flags.batch_size": "--batch-size",
    "flags.precision": "--precision",
    "flags.scale": "--scale",
    "flags.strength": "--strength",
    "audit": "--audit",
    "audit.sha256": "the audit's sha256",
    "audit.if_wrong": "--if-wrong",
    "audit.repair": "--repair",
    "device": "--device",
    "threads": "threads (OMP_NUM_THREADS)",
    "model.sha256": "the checkpoint's sha256",
}


def _differences(stored: object, run: object, name: str = "") -> list[str]:
    if isinstance(stored, dict) and isinstance(run, dict):
        found = []
        for key in sorted(stored.keys() | run.keys()):
            found += _differences(stored.get(key), run.get(key), f"{name}.{key}" if name else str(key))
        return found
    return [] if stored == run else [f"{NAMES.get(name, name)} {_told(stored)}, not {_told(run)}"]


def _told(value: object) -> str:
    if isinstance(value, dict) and "sha256" in value:
        return f"of sha256 {value['sha256']}"
    return "none" if value is None else str(value)
