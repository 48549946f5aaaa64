"""Methods from files of strangers: a `.ckpt` or a bundle, read without running any code of theirs."""

import hashlib
import inspect
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from refine.errors import InputError
from refine.files import cut, file_sha256, is_archive, read_file
from refine.methods.base import Method
from refine.methods.rebuild import build, fill, is_ours, require_arguments, require_description
from refine.methods.translator import Translator
from refine.tensor_file import read_safetensors, read_torch_file
from refine.trust import import_trusted
from refine.yaml_text import parse_yaml

WEIGHTS, DESCRIPTION = "model.safetensors", "model.yaml"


def load_translator(path: Path | str, trust: tuple[str, ...] = ()) -> Translator:
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


def load_method(path: Path | str, trust: tuple[str, ...] = ()) -> Method:
    """Any method in eval mode on the CPU, from a `.ckpt` or a bundle.

    Args:
        path: The file, or the bundle's folder.
        trust: Modules next to ``refine`` whose classes may be built.

    Raises:
        InputError: If the file is none of ours, is damaged, would need pickle, or names a class that is
            neither in ``refine`` nor in a trusted module. None of its code has run then.
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about sizes and types that are refused by name
        description, weights = read_bundle(path) if path.is_dir() else _from_checkpoint(path)
        method = _build(path, description, len(weights), trust)
        fill(path, method, weights)
    try:
        method.load_inference_state(description["state"])
        method.require_fitted()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: its state does not fit the method ({cut(str(error))})") from error
    return method.eval().requires_grad_(False)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A `.ckpt` of ours as plain values and tensors.

    Raises:
        InputError: If it is not a checkpoint of `refine`, is damaged, or would need pickle.
    """
    if path.is_dir():
        require_no_run(path)
        raise InputError(f"{path}: a bundle holds a model and no state of training; to go on, give a .ckpt")
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; give a .ckpt file or a bundle's folder")
    if not is_archive(path):
        raise InputError(f"{path}: not a checkpoint (or a damaged one); expected a .ckpt that `refine fit` wrote")
    checkpoint = read_torch_file(path, "checkpoint")
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("refine"), dict):
        raise InputError(f"{path}: a checkpoint, but not one of `refine` (it has no 'refine' entry)")
    return {**checkpoint, "refine": require_description(path, checkpoint["refine"])}


def allowed_class(path: Path, class_path: object, trust: tuple[str, ...] = ()) -> type[Method]:
    """The class that a file names, imported only if it lies in ``refine`` or a trusted module.

    Raises:
        InputError: If it lies elsewhere, does not exist, or is not a method.
    """
    found = import_trusted(class_path, path, trust)
    if not (inspect.isclass(found) and issubclass(found, Method) and not inspect.isabstract(found)):
        raise InputError(f"{path}: names {cut(repr(class_path))}, which is no method of refine")
    return found


def model_sha256(path: Path) -> str:
    """Return what identifies a model: a checkpoint's digest, or that of a bundle's two files together."""
    if path.is_dir():
        digests = file_sha256(path / WEIGHTS) + file_sha256(path / DESCRIPTION)
        return hashlib.sha256(digests.encode()).hexdigest()
    return file_sha256(path)


def require_no_run(folder: Path) -> None:
    """Raise `InputError` with the checkpoints' names where a run's folder stands for one of them."""
    there = " or ".join(str(path) for path in (folder / "best.ckpt", folder / "last.ckpt") if path.is_file())
    if there:
        raise InputError(f"{folder}: the folder of a run; give one of its checkpoints: {there}")


def read_bundle(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A bundle's description and weights.

    Raises:
        InputError: If one of the two files is missing or damaged.
    """
    for name in (WEIGHTS, DESCRIPTION):
        if not (folder / name).is_file():
            require_no_run(folder)
            raise InputError(f"{folder}: not a bundle, {name} is missing; expected {WEIGHTS} and {DESCRIPTION}")
    try:
        description = parse_yaml(read_file(folder / DESCRIPTION).decode())
        weights = read_safetensors(folder / WEIGHTS)
    except (ValueError, OSError) as error:
        raise InputError(f"{folder}: a damaged bundle ({cut(' '.join(str(error).split()), 300)})") from error
    if not isinstance(description, dict):
        raise InputError(f"{folder / DESCRIPTION}: expected a description of the model, found none")
    return require_description(folder / DESCRIPTION, description), weights


def _from_checkpoint(path: Path) -> tuple[dict[str, Any], Mapping[str, Tensor]]:
    checkpoint = read_checkpoint(path)
    weights = checkpoint.get("state_dict")
    if not isinstance(weights, dict):
        raise InputError(f"{path}: a checkpoint without weights (no 'state_dict')")
    return checkpoint["refine"], weights


def _build(path: Path, description: Mapping[str, Any], stored: int, trust: tuple[str, ...]) -> Method:
    chosen = allowed_class(path, description["class_path"], trust)
    if is_ours(chosen):
        require_arguments(path, chosen, description["init_args"])
    return build(path, chosen, description["init_args"], stored)
