"""Networks that distances and validations ask, by the names and files that users give.

They are feature extractors, segmenters, and judges, which say whether an image still shows its label.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.devices import without_tf32
from refine.errors import InputError
from refine.labels import LabelKind, LabelSpace
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.frozen_task import FrozenTask
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
from refine.metrics.features.extractor import sized_for

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
    # all depths of Inception share a file
    families = {name.split("-")[0] if name.startswith("inception") else name for name, what in wanted if not what}
    if weights is not None and len(families) > 1:
        raise InputError(
            f"--weights {weights}: the weights of {' or of '.join(sorted(families))}? Say which: "
            f"--features {min(families)}=FILE …"
        )
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
        with sized_for(f"--segmenter {self.path}:", images):
            return self.task.predict(images.to(self.device))


class Judges:
    """Task models that predict together: by the mean of their probabilities, or of their values.

    Args:
        paths: Checkpoints or bundles of task models, one or more.
        trust: Modules whose classes they may name.

    Raises:
        InputError: If one cannot be loaded or holds no task model, or there are several of objects.
    """

    def __init__(self, paths: Sequence[Path], trust: tuple[str, ...] = ()) -> None:
        self.models = [FrozenTask(path, trust) for path in paths]
        if len(paths) > 1 and not all(model.task.label_kind.has_mean for model in self.models):
            raise InputError(
                f"{paths[1]}: of objects one judge is asked alone, boxes have no mean; leave out the others"
            )
        self.sha256 = [model.sha256 for model in self.models]

    @property
    def kind(self) -> LabelKind:
        """Kind of the labels that they know."""
        return self.models[0].task.label_kind

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes or targets that they know."""
        return tuple(self.models[0].task.classes or ())

    def require(self, labels: LabelSpace, where: Path, channels: int, size: tuple[int, int]) -> None:
        """Hold the judges against a dataset, and let each look at an empty image.

        Args:
            labels: Of the dataset.
            where: Its folder, to name it.
            channels: Of its images.
            size: Height and width of the images that will be judged.

        Raises:
            InputError: If the dataset has no labels or others, or a judge cannot take such images.
        """
        if not labels.is_labeled:
            raise InputError(
                f"{where}: has no labels, so there is nothing to judge; leave out --judge, or name --layout"
            )
        for model in self.models:
            model.require(labels, where)
            try:
                model.without_gradient(torch.zeros(1, channels, *size))
            except (RuntimeError, ValueError) as error:
                raise InputError(
                    f"{model.path}: cannot judge images of {channels}x{size[0]}x{size[1]} (channels x height x width): "
                    f"{str(error).splitlines()[0]}; fit the judge on such images"
                ) from error

    @torch.no_grad()
    @without_tf32()
    def predict(self, images: Tensor) -> Tensor:
        """Predict for images as files hold them: rounded to 8 bits first, so that no hidden signal counts.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], on any device.

        Returns:
            As `Task.predict`: ``(B,)`` or ``(B, H, W)`` int64 class numbers, ``(B, K)`` float32 values, or boxes.
        """
        seen = to_float(to_levels(images))
        size = seen.shape[-2], seen.shape[-1]
        estimates = [self.kind.estimate(model.without_gradient(seen).float(), size) for model in self.models]
        return self.kind.decided(torch.stack(estimates).mean(0))
