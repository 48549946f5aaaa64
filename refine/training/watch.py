"""Callbacks of `refine fit` that measure at each validation, as its flags say."""

import json
from math import isinf
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from refine.data import UnpairedImages
from refine.distances.label_error import images_needed
from refine.distances.networks import Judges, extractors
from refine.errors import InputError
from refine.methods.base import Method
from refine.methods.translator import Translator
from refine.training.checkpoints import Checkpoints
from refine.training.validation import Validation

JUDGE = "--judge"


def joined(args: list[str]) -> list[str]:
    """Several ``--judge`` as one list: of a flag that stands twice, the parser would take the last."""
    found, kept, given = [], [], iter(args)
    for arg in given:
        flag, equals, value = arg.partition("=")
        if flag != JUDGE:
            kept.append(arg)
        elif (value := value if equals else next(given, "")) != "":
            found.append(value)
    if len(found) < 2:
        return args
    return [*kept, f"{JUDGE}={json.dumps(found)}"]


def watching(config: Namespace, device: str) -> tuple[Validation, Checkpoints]:
    """The two callbacks.

    Args:
        config: All flags.
        device: Where the networks of ``validation_features`` run.

    Raises:
        InputError: If a file cannot be loaded, or the bound is out of range or has no judge.
    """
    bound, paths, trust = config["label_error_bound"], _list(config["judge"]), tuple(_list(config["trust"]))
    if bound is not None and not 0 <= bound <= 1:
        raise InputError(f"--label-error-bound is {bound:g}; expected a share from 0 to 1")
    if bound is not None and not paths:
        raise InputError(
            "--label-error-bound needs a judge that measures the error; name a task model with --judge FILE"
        )
    judges = Judges([Path(path) for path in paths], trust) if paths else None
    networks = extractors(_list(config["validation_features"]), config["validation_weights"], device, trust)
    checkpoints = Checkpoints(int(config["checkpoint_every"]), bound, judges.sha256 if judges else ())
    return Validation(judges, networks, bound), checkpoints


def require_judged(judges: Judges, model: Method, data: UnpairedImages, bound: float | None = None) -> None:
    """Hold the judges against what is trained, and on what.

    Raises:
        InputError: If nothing is refined, the data has no such labels or images, or too few to show the bound.
    """
    if not isinstance(model, Translator):
        raise InputError(
            f"--judge: {type(model).__name__} refines no images, so there is nothing to judge; leave it out"
        )
    needed = 0 if bound is None else 2 * images_needed(bound)
    if data.validation_images < needed:
        cure = "no number of images shows that" if isinf(needed) else "give --data.validation-samples or more data"
        raise InputError(
            f"--label-error-bound {bound:g}: {data.validation_images} validation images cannot show it, "
            f"{f'it takes {needed:.0f}; ' if not isinf(needed) else ''}{cure}"
        )
    judges.require(data.label_space, data.synthetic, data.channels, data.training_size)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
