"""A model to share: a folder with `model.safetensors`, `model.yaml` and a card. It holds no code and no pickle."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import yaml

import refine
from refine.files import cut, printable, require_new, temporary_beside
from refine.methods.base import Method
from refine.methods.checkpoint import DESCRIPTION, WEIGHTS
from refine.methods.task import Task
from refine.methods.translator import Translator

CARD = "README.md"
TRAINED_ON = {"synthetic": "trained on synthetic", "real": "trained on real"}
"""Rows of a card by the domain of the data."""


def write_bundle(method: Method, folder: Path, add: Callable[[Path], None] | None = None) -> None:
    """Write what calling the method needs: its exported weights and its description, without paths of this machine.

    Args:
        method: Any method; only weights under its `exported_prefixes` go in.
        folder: Where to; it must not exist. It appears whole or not at all.
        add: Called with the unfinished folder, to put more files in.

    Raises:
        InputError: If the folder exists.
    """
    require_new(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefixes = method.exported_prefixes()
    weights = {name: value.contiguous() for name, value in method.state_dict().items() if name.startswith(prefixes)}
    whole = temporary_beside(folder)
    try:
        whole.mkdir()
        (whole / WEIGHTS).write_bytes(safetensors.torch.save(weights))  # its own writer makes files for the owner alone
        shared = {**method.description(), "init_args": method.shared_arguments()}
        (whole / DESCRIPTION).write_text(yaml.safe_dump(shared, sort_keys=False), encoding="utf-8")
        if add is not None:
            add(whole)
        whole.replace(folder)
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def write_card(folder: Path, method: Method, stored: Mapping[str, Any] | None = None) -> None:
    """Write `model_card` into a bundle's folder."""
    (folder / CARD).write_text(model_card(method, stored), encoding="utf-8")


def model_card(method: Method, stored: Mapping[str, Any] | None = None) -> str:
    """Describe a model in Markdown, with the header that the Hugging Face hub reads.

    The card has its arguments, what a checkpoint says of its training, its use, and blanks for its author.

    Args:
        method: The model.
        stored: The whole checkpoint that it comes from; None of what was exported before.
    """
    name = type(method).__name__
    translates = isinstance(method, Translator)
    task = method.label_kind.hub_task if isinstance(method, Task) else "other"
    header = {
        "library_name": "refine",
        "pipeline_tag": "image-to-image" if translates else task,
        "tags": ["sim2real", "synthetic-data", name.lower()],
        "license": "other",
    }
    rows = {"method": name, "version of refine": refine.__version__, **_training(stored or {})}
    if isinstance(method, Task):
        rows.pop(TRAINED_ON["real"], None)  # it looks at labels, and real images have none for it
    rows |= {key: str(value) for key, value in method.shared_arguments().items() if value is not None}
    table = "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows.items())
    use = "refine apply --checkpoint FOLDER --input SYNTHETIC --output REFINED"
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# {name}

{"Makes labeled synthetic images look real" if translates else "A task model"}. This folder holds no code.

| | |
|---|---|
{table}

## Use

    {use if translates else "refine evaluate --features FOLDER --synthetic SYNTHETIC --refined REFINED --real PHOTOS"}

## To be filled in by the author

- Where the synthetic dataset and the real images come from:
- Figures (`refine evaluate`, `refine audit`, `refine benchmark`):
- Licence of these weights, and of the data that they were trained on (then `license:` above):
"""


def _training(stored: Mapping[str, Any]) -> dict[str, str]:
    """Rows about a training; whatever in the checkpoint is not as we write it gives none."""
    found: dict[str, str] = {}
    if isinstance(steps := stored.get("refine", {}).get("steps_done"), int):
        found["steps done"] = str(steps)
    reached = _mapping(_mapping(stored.get("callbacks")).get("Checkpoints"))
    best, nothing = reached.get("best"), reached.get("nothing")
    if isinstance(best, float):
        doing = f" (doing nothing: {nothing:.0f})" if isinstance(nothing, float) else ""
        found["lowest distance to real in training (swd)"] = f"{best:.0f}{doing}"
    for domain, value in _mapping(_mapping(stored.get("UnpairedImages")).get("trained_on")).items():
        if domain in TRAINED_ON and isinstance(value, list) and [type(each) for each in value] == [str, int]:
            found[TRAINED_ON[domain]] = f"{value[1]} images, folder {printable(cut(value[0]))}"
    return found


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
