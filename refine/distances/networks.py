"""Networks that distances ask, from the names and files that users give: feature extractors and segmenters."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from refine.devices import without_tf32
from refine.errors import InputError
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task
from refine.metrics.features import (
    NETWORKS,
    FeatureExtractor,
    Resize,
    TaskFeatures,
    is_class_path,
    named_extractor,
    user_features,
)

NAMED = re.compile(r"([\w.-]+)=(.+)")
FILES = {".ckpt", ".pt", ".pth", ".safetensors"}
"""Endings of files: such a name that is not there is a missing file, not a class."""


def extractors(
    names: Sequence[str],
    weights: Path | None,
    device: str = "cpu",
    trust: tuple[str, ...] = (),
    resize: Resize = "tf1",
) -> list[FeatureExtractor]:
    """One extractor for each name but ``swd``, which needs none.

    Args:
        names: Each one of these, or ``NAME=`` and one of the last two: ``inception-2048`` and the like (`NETWORKS`);
            ``NETWORK=FILE``, the same with its file of weights; the path of a task model's checkpoint or bundle; a
            class of the user's own, as `user_features` takes it.
        weights: File of the published network among the names, where the caches have none.
        device: Where the networks run.
        trust: Modules whose classes a checkpoint or a name may name.
        resize: Of the Inception networks.

    Raises:
        InputError: If a name is none of these, its weights cannot be read, two have one name in the result, or
            ``weights`` could be those of two.
    """
    wanted = [_split(name) for name in names if name != "swd"]
    _require_one(wanted, weights)
    found: list[FeatureExtractor] = []
    for name, what in wanted:
        extractor = _extractor(name, what, weights, device, trust, resize)
        if extractor.name in {other.name for other in found}:
            given = what or name
            raise InputError(
                f"--features {given}: one network called {extractor.name!r} is given already; "
                f"give this one a name of its own: NAME={given}"
            )
        found.append(extractor)
    return found


def _split(given: str) -> tuple[str, str]:
    """The name and what it stands for; one of them is empty where only the other was given."""
    if given in NETWORKS:
        return given, ""
    match = None if Path(given).exists() else NAMED.fullmatch(given)
    return (match[1], match[2]) if match else ("", given)


def _require_one(wanted: Sequence[tuple[str, str]], weights: Path | None) -> None:
    """Hold ``--weights`` against the networks that it could be meant for: all depths of Inception share a file."""
    families = {name.split("-")[0] if name.startswith("inception") else name for name, what in wanted if not what}
    if weights is not None and len(families) > 1:
        raise InputError(
            f"--weights {weights}: the weights of {' or of '.join(sorted(families))}? Say which: "
            f"--features {min(families)}=FILE …"
        )


def _extractor(
    name: str, what: str, weights: Path | None, device: str, trust: tuple[str, ...], resize: Resize
) -> FeatureExtractor:
    if name in NETWORKS:
        return named_extractor(name, Path(what) if what else weights, device, resize)
    path = Path(what)
    if path.suffix in {".yaml", ".yml"} or (not path.exists() and path.suffix not in FILES and is_class_path(what)):
        return user_features(what, name or None, trust, device)
    if not path.exists():
        if name or path.suffix in FILES:
            raise InputError(f"--features {what}: no such file; expected a task model's checkpoint or bundle")
        return named_extractor(what, weights, device, resize)  # says which names there are
    task = load_method(path, trust)
    if not isinstance(task, Task):
        raise InputError(f"{what}: holds {type(task).__name__}; features come from a task model's checkpoint")
    return TaskFeatures(task.to(device), name or "task", model_sha256(path), device)


class TaskSegmenter:
    """The masks that a fitted task model predicts.

    Args:
        path: A task model's checkpoint or bundle.
        trust: Modules whose classes the checkpoint may name.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If the file holds no task model of masks.
    """

    def __init__(self, path: Path, trust: tuple[str, ...] = (), device: torch.device | str = "cpu") -> None:
        task = load_method(path, trust)
        if not isinstance(task, Task) or not task.label_kind.per_pixel:
            holds = f"a task model of {task.kind} labels" if isinstance(task, Task) else type(task).__name__
            raise InputError(f"--segmenter {path}: holds {holds}; expected a task model of masks")
        self.path, self.device, self.task = path, torch.device(device), task.to(device)
        self.sha256 = model_sha256(path)

    @without_tf32()
    def predict(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, H, W)`` int64 class ids.

        Raises:
            InputError: If the model cannot take such images.
        """
        try:
            return self.task.predict(images.to(self.device))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            shape = "x".join(map(str, images.shape[1:]))
            raise InputError(
                f"--segmenter {self.path}: cannot take images of {shape} ({str(error).splitlines()[0]}); give the "
                "size that it was trained on with --size HxW"
            ) from error
