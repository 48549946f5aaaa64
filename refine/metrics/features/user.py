"""Networks of the user's own as extractors: a fitted task model, or any module, named by its class."""

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from refine.devices import without_tf32
from refine.errors import InputError
from refine.metrics.features.extractor import described, read_weights, resized, short_reason, sized_for
from refine.networks.layers import with_channels
from refine.yaml_text import read_yaml

OPTIONS = ("class_path", "init_args", "weights", "side", "mean", "std")
CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*")


class SupportsFeatures(Protocol):
    """A task model, as far as this module is concerned."""

    def features(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)``, of masks to ``(B, D, h, w)``."""


class TaskFeatures:
    """The features of a fitted task model; maps of features are averaged over their places.

    Args:
        task: The model, in eval mode and on ``device``.
        name: As in ``fid[name]``.
        sha256: Of its checkpoint, if it came from one.
        device: Where it runs; images are brought there.
    """

    resize = "none"
    input_range = "-1 to 1"

    def __init__(
        self, task: SupportsFeatures, name: str, sha256: str | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.task, self.name, self.sha256, self.device = task, name, sha256, torch.device(device)

    @torch.no_grad()
    @without_tf32()
    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)`` float32.

        Raises:
            InputError: If the model cannot take images of this size or channel count.
        """
        with sized_for(f"features {self.name!r}: the model", images):
            found = self.task.features(images.to(self.device)).float()
        return found.flatten(2).mean(dim=2) if found.ndim > 2 else found


class UserFeatures:
    """A module that somebody wrote, as an extractor.

    Args:
        network: ``(B, 3, H, W)`` to ``(B, D)``.
        name: As in ``fid[name]``.
        sha256: Of its file of weights, if it came from one.
        side: Images are brought to this height and width (bicubic, antialiased); None leaves them.
        normalization: Mean and deviation of each channel in [0, 1] that are taken out; None gives images in [-1, 1].
        device: Where it runs; images are brought there.
    """

    def __init__(
        self,
        network: Any,
        name: str,
        sha256: str | None = None,
        side: int | None = None,
        normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        if isinstance(network, nn.Module):
            network = network.eval().requires_grad_(False).to(self.device)
        self.network, self.name, self.sha256 = network, name, sha256
        self.side, self.normalization = side, normalization
        self.resize = "none" if side is None else described("clean", side)
        self.input_range = "-1 to 1"
        if normalization is not None:
            self.input_range = f"0 to 1 with the mean {normalization[0]} and the deviation {normalization[1]} taken out"

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, D)`` float32; errors as those of `embed`."""
        return self.embed(self.prepare(images))

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, 3, side, side)`` in the same range; without a side, of the same size."""
        pixels = with_channels(images.to(self.device), 3)
        return pixels if self.side is None else resized(pixels, self.side, "clean") / 127.5 - 1

    @torch.no_grad()
    @without_tf32()
    def embed(self, prepared: Tensor) -> Tensor:
        """What `prepare` gave to ``(B, D)`` float32.

        Raises:
            InputError: If the module fails on such images, or gives anything but one vector an image.
        """
        pixels = prepared
        if self.normalization is not None:
            mean, deviation = (pixels.new_tensor(values)[:, None, None] for values in self.normalization)
            pixels = ((pixels + 1) / 2 - mean) / deviation
        shape = tuple(pixels.shape)
        try:
            features = self.network(pixels)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a module of the user's raises
            raise InputError(f"features {self.name!r}: failed on images of {shape}: {short_reason(error)}") from error
        if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(pixels):
            found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(
                f"features {self.name!r}: gave {found} for images of {shape}; expected a tensor ({len(pixels)}, D)"
            )
        return features.float()


def is_class_path(text: str) -> bool:
    """Whether this is ``module:Class`` or ``package.module.Class``."""
    return CLASS_PATH.fullmatch(text) is not None


def user_features(
    given: str, name: str | None = None, trust: Sequence[str] = (), device: torch.device | str = "cpu"
) -> UserFeatures:
    """A module of the user's own.

    Args:
        given: ``module:Class``, ``package.module.Class``, or a YAML file with ``class_path`` and perhaps ``init_args``
            (its arguments), ``weights`` (a file of tensors, beside the YAML file or absolute), ``side`` (height and
            width that it wants), and ``mean`` and ``std`` (of [0, 1], for each channel).
        name: As in ``fid[name]``; None takes the class's.
        trust: Modules that may be imported.
        device: Where it runs.

    Raises:
        InputError: If its module is not trusted, it does not exist, its arguments do not fit, or it is not callable.
    """
    file = Path(given) if given.endswith((".yaml", ".yml")) else None
    options: dict[str, Any] = dict(read_yaml(file)) if file is not None else {"class_path": given}
    for key in options:
        if key not in OPTIONS:
            raise InputError(f"{given}: takes no {key!r}; expected {', '.join(OPTIONS)}")
    found = _imported(given, str(options.get("class_path", "")), trust)
    network = _built(given, found, options.get("init_args") or {})
    sha256 = None
    if options.get("weights"):
        if file is None or not isinstance(network, nn.Module):
            raise InputError(f"{given}: weights need a torch module, found {type(network).__name__}")
        weights = read_weights(file.parent / str(options["weights"]), f"the weights of {given}", "a state dict")
        weights.load(network)
        sha256 = weights.sha256
    side = options.get("side")
    if side is not None and (not isinstance(side, int) or side < 1):
        raise InputError(f"{given}: side is {side!r}; expected a whole number of pixels, such as 224")
    return UserFeatures(network, name or found.__name__.lower(), sha256, side, _normalization(given, options), device)


def _imported(given: str, class_path: str, trust: Sequence[str]) -> Any:
    if not is_class_path(class_path):
        raise InputError(f"{given}: class_path is {class_path!r}; expected module:Class or package.module.Class")
    module_name, _, name = class_path.replace(":", ".").rpartition(".")
    if not any(module_name == root or module_name.startswith(f"{root}.") for root in trust):
        raise InputError(
            f"{given}: features from {class_path} would run that module, which is not trusted; nothing was run. "
            f"If you trust it, add --trust {module_name}"
        )
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{given}: {class_path} does not exist here ({error}); PYTHONPATH names the folder that a module lies in"
        ) from error
    if not callable(found):
        raise InputError(f"{given}: {class_path} is {type(found).__name__}; expected a torch module or a function")
    return found


def _built(given: str, found: Any, arguments: Mapping[str, Any]) -> Any:
    """An instance of a class; a function as it is."""
    if not inspect.isclass(found):
        if arguments:
            raise InputError(f"{given}: init_args belong to a class, and {found.__name__} is none")
        return found
    try:
        network = found(**arguments)
    except Exception as error:  # whatever a class of the user's raises
        raise InputError(f"{given}: its arguments do not fit {found.__name__} ({short_reason(error)})") from error
    if not callable(network):
        raise InputError(f"{given}: a {found.__name__} cannot be called; expected a torch module, or `__call__`")
    return network


def _normalization(given: str, options: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if "mean" not in options and "std" not in options:
        return None
    mean, deviation = options.get("mean"), options.get("std")
    for values in (mean, deviation):
        if not isinstance(values, list) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
            raise InputError(f"{given}: mean and std are {mean!r} and {deviation!r}; expected three numbers each")
    return tuple(map(float, mean or ())), tuple(map(float, deviation or ()))
