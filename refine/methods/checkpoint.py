"""Methods from files of strangers: a `.ckpt` or a bundle, read without running any code of theirs."""

import hashlib
import importlib
import inspect
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from torch import Tensor

from refine.errors import InputError
from refine.methods.base import FORMAT, Method
from refine.methods.translator import Translator

WEIGHTS, DESCRIPTION = "model.safetensors", "model.yaml"


def load_translator(path: Path, trust: tuple[str, ...] = ()) -> Translator:
    """A translator in eval mode on the CPU, from a `.ckpt` or a bundle.

    Raises:
        InputError: As `load_method`, or if the file holds another kind of method.
    """
    method = load_method(path, trust)
    if not isinstance(method, Translator):
        raise InputError(
            f"{path}: holds {type(method).__name__}, which refines no images; name a translator's checkpoint"
        )
    return method


def load_method(path: Path, trust: tuple[str, ...] = ()) -> Method:
    """Any method in eval mode on the CPU, from a `.ckpt` or a bundle.

    Args:
        path: The file, or the bundle's folder.
        trust: Modules beside ``refine`` whose classes may be built.

    Raises:
        InputError: If the file is none of ours, is damaged, would need pickle, or names a class that is
            neither in ``refine`` nor in a trusted module. None of its code has run then.
    """
    description, weights = read_bundle(path) if path.is_dir() else _from_checkpoint(path)
    method = _build(path, description, trust)
    wanted = {
        name: weight for name, weight in method.state_dict().items() if name.startswith(method.exported_prefixes())
    }
    for name, weight in wanted.items():
        if name not in weights:
            raise InputError(f"{path}: weight {name!r} is missing")
        if not isinstance(weights[name], Tensor):
            raise InputError(f"{path}: weight {name!r} is no tensor")
        if weights[name].shape != weight.shape:
            found, expected = tuple(weights[name].shape), tuple(weight.shape)
            raise InputError(f"{path}: weight {name!r} is {found}, expected {expected}")
    method.load_state_dict({name: weights[name] for name in wanted}, strict=False)
    try:
        method.load_inference_state(description["state"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: its state does not fit the method ({error})") from error
    return method.eval().requires_grad_(False)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A `.ckpt` of ours as plain values and tensors.

    Raises:
        InputError: If it is no checkpoint of `refine`, is damaged, or would need pickle.
    """
    if path.is_dir():
        raise InputError(f"{path}: a bundle holds a model and no state of training; to go on, give a .ckpt")
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; give a .ckpt file or a bundle's folder")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: not a checkpoint (or a damaged one); expected a .ckpt that `refine fit` wrote")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than tensors and plain values, so loading it could run code; refused"
        ) from error
    except Exception as error:  # whatever torch raises on a file that was made or broken on purpose
        raise InputError(f"{path}: a damaged checkpoint ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("refine"), dict):
        raise InputError(f"{path}: a checkpoint, but not one of `refine` (it has no 'refine' entry)")
    return checkpoint


def allowed_class(path: Path, class_path: object, trust: tuple[str, ...] = ()) -> type[Method]:
    """The class that a file names, imported only if it lies in ``refine`` or a trusted module.

    Raises:
        InputError: If it lies elsewhere, does not exist, or is no method.
    """
    module_name, _, name = str(class_path).rpartition(".")
    if not any(module_name == root or module_name.startswith(f"{root}.") for root in ("refine", *trust)):
        raise InputError(
            f"{path}: names {class_path!r}, which is not part of refine; nothing was run. "
            f"If you trust that module, add --trust {module_name or class_path}"
        )
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{path}: names {class_path!r}, which does not exist here ({error})") from error
    if not (inspect.isclass(found) and issubclass(found, Method) and not inspect.isabstract(found)):
        raise InputError(f"{path}: names {class_path!r}, which is no method of refine")
    return found


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_sha256(path: Path) -> str:
    """What identifies a model: a checkpoint's digest, or that of a bundle's two files together."""
    if path.is_dir():
        digests = file_sha256(path / WEIGHTS) + file_sha256(path / DESCRIPTION)
        return hashlib.sha256(digests.encode()).hexdigest()
    return file_sha256(path)


def read_bundle(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A bundle's description and weights.

    Raises:
        InputError: If one of the two files is missing or damaged.
    """
    for name in (WEIGHTS, DESCRIPTION):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: not a bundle, {name} is missing; expected {WEIGHTS} and {DESCRIPTION}")
    try:
        description = yaml.safe_load((folder / DESCRIPTION).read_text(encoding="utf-8"))
        weights = safetensors.torch.load_file(folder / WEIGHTS)
    except (yaml.YAMLError, safetensors.SafetensorError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{folder}: a damaged bundle ({' '.join(str(error).split())})") from error
    if not isinstance(description, dict):
        raise InputError(f"{folder / DESCRIPTION}: expected a description of the model, found none")
    return description, weights


def _from_checkpoint(path: Path) -> tuple[dict[str, Any], Mapping[str, Tensor]]:
    checkpoint = read_checkpoint(path)
    weights = checkpoint.get("state_dict")
    if not isinstance(weights, dict):
        raise InputError(f"{path}: a checkpoint without weights (no 'state_dict')")
    return checkpoint["refine"], weights


def _build(path: Path, description: Mapping[str, Any], trust: tuple[str, ...]) -> Method:
    if description.get("format") != FORMAT:
        raise InputError(f"{path}: format {description.get('format')!r}; this version of refine reads format {FORMAT}")
    chosen = allowed_class(path, description.get("class_path"), trust)
    arguments = description.get("init_args")
    if not isinstance(arguments, dict) or "state" not in description:
        raise InputError(f"{path}: says nothing of how the model was built ('init_args', 'state')")
    try:
        return chosen(**arguments)
    except Exception as error:  # arguments of a stranger: too large, of another type, out of range
        raise InputError(f"{path}: its arguments do not fit {chosen.__name__} ({error})") from error
