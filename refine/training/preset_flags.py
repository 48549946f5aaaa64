"""`--preset` and `--minutes`: what of a run's settings follows from them where neither a flag nor a recipe says it."""

from collections.abc import Mapping, Sequence
from operator import le
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace

from refine import methods
from refine.devices import choose_device
from refine.errors import InputError
from refine.methods.training_free import TrainingFree
from refine.options import flag_name
from refine.recipes import RUN_SETTINGS
from refine.terminal import count_of, duration
from refine.training.options import ONE_LENGTH
from refine.training.sizing import (
    GFLOPS,
    MINUTES,
    Preset,
    Size,
    choose_preset,
    fitting_crop,
    look_at,
    presets_of,
    shorter_warm_ups,
    smaller_crop,
    without_odd,
)
from refine.training.steps import LOOKS
from refine.yaml_text import read_yaml

LONGEST_MAPPED = 256
"""Longest side of a crop from which statistics of images are taken."""


def given_flag(args: Sequence[str], name: str) -> bool:
    """Whether a flag stands on the command line."""
    return any(arg.partition("=")[0] == name for arg in args)


def keep_stored(config: Namespace, given: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Take what a resumed run began with, where no flag or recipe says it.

    Args:
        config: The run's settings; they change.
        given: What flags and recipes say of them.
        content: The checkpoint.
    """
    stored = content["refine"]
    model, data = config["model"], config["data"]
    if stored.get("class_path", "").rpartition(".")[2] != model["class_path"].rpartition(".")[2]:
        return  # whoever builds the method says so
    known = set(model["init_args"].keys())
    for name, value in stored["init_args"].items():
        if name in known and name not in _names(given, "model"):
            model["init_args"][name] = value
    if given.get("steps") is None and isinstance(steps := stored["init_args"].get("steps"), int):
        config["steps"] = steps
    position = content.get(data["class_path"].rpartition(".")[2])
    for name, fits in (("batch_size", _is_count), ("crop", _is_crop)):
        if name not in data["init_args"] or not isinstance(position, dict) or not fits(position.get(name, 0)):
            continue
        now, before = data["init_args"][name], position[name]
        shrunk = name == "crop" and now and before and all(map(le, before, now))  # what was asked for did not fit
        if name not in _names(given, "data") or shrunk:
            data["init_args"][name] = tuple(before) if isinstance(before, list) else before


def minutes_to_follow(checkpoint: Path, content: Mapping[str, Any]) -> float | None:
    """Return the time of a run that was stopped before its first steps were timed; None if its steps are settled."""
    settings = checkpoint.parent / RUN_SETTINGS
    if content["refine"]["steps_done"] >= LOOKS[0] or not settings.is_file():
        return None
    minutes = read_yaml(settings).get("minutes")
    return float(minutes) if isinstance(minutes, int | float) and 0 < minutes < float("inf") else None


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_crop(value: object) -> bool:
    return value is None or (isinstance(value, list) and len(value) == 2 and all(map(_is_count, value)))


def size_run(config: Namespace, given: Mapping[str, Any], args: Sequence[str]) -> tuple[list[str], float | None]:
    """Set what the preset says.

    Args:
        config: The run's settings; they change.
        given: What flags and recipes say of them.
        args: The command line.

    Returns:
        What was chosen, as lines for a person, and the minutes that the number of steps is to follow; None where it is
        given.

    Raises:
        InputError: If the time is none, or sizes are.
    """
    minutes, model = config["minutes"], config["model"]
    timed = given_flag(args, "--minutes")
    if minutes is not None and not 0 < minutes < float("inf"):
        raise InputError(f"--minutes is {minutes:g}; expected more than 0")
    if timed and any(given_flag(args, flag) for flag in ("--steps", "--model.steps", "--model.init_args.steps")):
        raise InputError(ONE_LENGTH)
    for key in ("crop", "resize", "real_resize"):
        if (size := config["data"]["init_args"].get(key)) and min(size) < 1:
            flag = flag_name(f"data.{key}")
            raise InputError(f"{flag} is {_shown(size)}; expected a height and a width of 1 or more")
    name = model["class_path"].rpartition(".")[2]
    presets = presets_of(f"refine.methods.{name}")
    sizes, images = _images(config)
    lines: list[str] = []
    if not presets:
        if config["preset"] != "auto":
            lines.append(f"--preset {config['preset']}: {name} comes in one size")
        method = getattr(methods, name, None)
        maps = isinstance(method, type) and issubclass(method, TrainingFree)
        _set_crop(config, sizes, LONGEST_MAPPED if maps else None, lines)
        return lines, minutes if timed else None
    device = _device(config)
    budget = minutes or MINUTES[device]
    preset = choose_preset(presets, config["preset"], device, budget, sizes, images)
    chosen = _set_method(model, given, preset)
    size = _set_crop(config, sizes, preset.crop, lines)
    batch = config["data"]["init_args"].get("batch_size")
    if "batch_size" in config["data"]["init_args"] and "batch_size" not in _names(given, "data"):
        batch = config["data"]["init_args"]["batch_size"] = preset.batch_for(size, images)
    fixed = config["steps"] is not None or "steps" in _names(given, "model")
    follows = timed or (not fixed and (preset.name != "paper" or minutes is not None))
    if follows:
        config["steps"] = preset.steps_in(budget, device, size, batch or preset.batch_size)
    steps = config["steps"] or model["init_args"].get("steps")
    if isinstance(steps, int):
        changed = shorter_warm_ups(dict(model["init_args"].items()), _names(given, "model"), steps)
        for key, value in changed.items():
            model["init_args"][key] = chosen[key] = value
    shown = ", ".join([*(f"{key} {value}".replace("_", "-") for key, value in chosen.items()), f"batches of {batch}"])
    many = count_of(steps, "step")
    time = f"about {many} in {budget:g} min"
    if not follows:
        takes = preset.seconds_a_step(device, size, batch or preset.batch_size) * (steps or 0)
        time = f"{many}, nominally {duration(takes)} on such a device"
    images_of = f" and images of {_shown(size)}" if sizes else ""
    lines.append(f"size: {preset.name}, for {device}{images_of}: {shown}; {time}")
    if preset.name != "paper" and config["preset"] == "auto":
        lines.append("(--minutes N for more or less time, --preset paper for the paper's size and steps)")
    config["preset"] = preset.name  # what was chosen is stored
    if follows:
        config["minutes"] = budget
    return lines, budget if follows else None


def _device(config: Namespace) -> str:
    accelerator = config["trainer"]["accelerator"]
    if accelerator in GFLOPS:
        return str(accelerator)
    if accelerator == "gpu":
        return "cuda" if torch.cuda.is_available() else "mps"
    return choose_device("auto").type if accelerator == "auto" else "cuda"


def _images(config: Namespace) -> tuple[list[Size], int]:
    """Sizes of training images before they are cropped, and number of those of the smaller domain."""
    data = config["data"]["init_args"]
    found: list[Size] = []
    counts = []
    for side in ("synthetic", "real"):
        if data.get(side) is not None:
            sizes, count = look_at(Path(str(data[side])))
            found += without_odd(sizes)
            counts += [count] * (count > 0)
    if data.get("resize"):
        found = [tuple(data["resize"]), tuple(data.get("real_resize") or data["resize"])]
    return found, min(counts, default=1 << 20)


def _set_method(model: Namespace, given: Mapping[str, Any], preset: Preset) -> dict[str, Any]:
    """Set a preset's arguments; returns those that were not given."""
    named = _names(given, "model")
    chosen = {}
    for name, value in preset.init_args.items():
        goes_with = "blocks" if name == "nce_layers" else name  # its last layer depends on how many blocks there are
        if not {name, goes_with} & named:
            model["init_args"][name] = chosen[name] = value
    return chosen


def _set_crop(config: Namespace, sizes: list[Size], longest: int | None, lines: list[str]) -> Size:
    """Set a crop that fits where none is given, or a smaller one; return the size of a training image.

    Args:
        config: The run's settings; they change.
        sizes: Heights and widths of the images.
        longest: Longest side of a crop; None where the method is not to get one that was not asked for.
        lines: Takes what there is to say.
    """
    data = config["data"]["init_args"]
    if "crop" not in data:
        return sizes[0] if sizes else (64, 64)
    asked = data["crop"]
    if asked is None:
        if longest is not None and not data.get("resize"):
            crop = data["crop"] = fitting_crop(sizes, longest)
            usual = sorted(sizes)[len(sizes) // 2] if sizes else (0, 0)
            if crop is not None and 2 * min(crop) < min(longest, *usual):
                lines.append(f"crop: {_shown(crop)}, since some images are that small (most are {_shown(usual)})")
        return data["crop"] or (sizes[0] if sizes else (64, 64))
    crop = smaller_crop(tuple(asked), sizes)
    if crop != tuple(asked):
        lines.append(f"crop: {_shown(crop)}, since images are smaller than {_shown(asked)} (height x width)")
        data["crop"] = crop
    return crop


def _names(given: Mapping[str, Any], part: str) -> set[str]:
    """Arguments of the method, or of the data, that flags and recipes name."""
    found = given.get(part)
    arguments = found.get("init_args") if found is not None else None
    return set(arguments.keys()) if arguments is not None else set()


def _shown(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
