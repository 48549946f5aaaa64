"""The model card of a bundle: Markdown with the header that the Hugging Face hub reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import refine
from refine.files import cut, printable
from refine.methods.base import Method
from refine.methods.task import Task
from refine.methods.translator import Translator

CARD = "README.md"
TASKS = {"class": "image-classification", "mask": "image-segmentation", "objects": "object-detection"}
"""Names of the hub for what a task model does, by the kind of its labels."""
TRAINED_ON = {"synthetic": "trained on synthetic", "real": "trained on real"}
"""Rows of a card by the side of the data."""


def write_card(folder: Path, method: Method, stored: Mapping[str, Any] | None = None) -> None:
    """Write `model_card` into a bundle's folder."""
    (folder / CARD).write_text(model_card(method, stored), encoding="utf-8")


def model_card(method: Method, stored: Mapping[str, Any] | None = None) -> str:
    """Describe a model: its arguments, what a checkpoint says of its training, its use, and blanks for its author.

    Args:
        method: The model.
        stored: The whole checkpoint that it comes from; None of what was exported before.
    """
    name = type(method).__name__
    translates = isinstance(method, Translator)
    header = {
        "library_name": "refine",
        "pipeline_tag": "image-to-image" if translates else TASKS.get(getattr(method, "kind", "") or "", "other"),
        "tags": ["sim2real", "synthetic-data", name.lower()],
        "license": "other",
    }
    rows = {"method": name, "version of refine": refine.__version__, **_training(stored or {})}
    if isinstance(method, Task):
        rows.pop(TRAINED_ON["real"], None)  # it looks at labels, and real images have none for it
    rows |= {key: str(value) for key, value in method.shared_arguments().items() if value is not None}
    table = "\n".join(f"| {key} | {_cell(str(value))} |" for key, value in rows.items())
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
    found: dict[str, str] = {}
    if isinstance(steps := stored.get("refine", {}).get("steps_done"), int):
        found["steps done"] = str(steps)
    state = stored.get("callbacks", {})
    reached = state.get("Checkpoints", {}) if isinstance(state, dict) else {}
    best, nothing = (reached.get(name) if isinstance(reached, dict) else None for name in ("best", "nothing"))
    if isinstance(best, float):
        doing = f" (doing nothing: {nothing:.0f})" if isinstance(nothing, float) else ""
        found["lowest distance to real in training (swd)"] = f"{best:.0f}{doing}"
    data = stored.get("UnpairedImages")
    sides = data.get("trained_on") if isinstance(data, dict) else None
    for side, value in sides.items() if isinstance(sides, dict) else ():
        if side in TRAINED_ON and isinstance(value, list) and [type(each) for each in value] == [str, int]:
            found[TRAINED_ON[side]] = f"{value[1]} images, folder {printable(cut(value[0]))}"
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
