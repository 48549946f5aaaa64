"""A model to share: a folder with `model.safetensors` and `model.yaml`. It holds no code and needs no pickle."""

import shutil
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import yaml

from refine.errors import InputError
from refine.files import temporary_beside
from refine.methods.base import Method
from refine.methods.checkpoint import DESCRIPTION, WEIGHTS


def write_bundle(method: Method, folder: Path, add: Callable[[Path], None] | None = None) -> None:
    """Write what calling the method needs: its exported weights and its description, without paths of this machine.

    Args:
        method: Any method; only weights under its `exported_prefixes` go in.
        folder: Where to; it must not exist. It appears whole or not at all.
        add: Called with the unfinished folder, to put more files in.

    Raises:
        InputError: If the folder exists.
    """
    if folder.exists():
        raise InputError(f"{folder}: exists already; name another folder, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.contiguous()
        for name, weight in method.state_dict().items()
        if name.startswith(method.exported_prefixes())
    }
    whole = temporary_beside(folder)
    try:
        whole.mkdir()
        (whole / WEIGHTS).write_bytes(safetensors.torch.save(weights))  # its own writer makes files for the owner alone
        shared = {**method.description(), "init_args": method.shared_arguments()}
        text = yaml.safe_dump(shared, sort_keys=False)
        (whole / DESCRIPTION).write_text(text, encoding="utf-8")
        if add is not None:
            add(whole)
        whole.replace(folder)
    finally:
        shutil.rmtree(whole, ignore_errors=True)
