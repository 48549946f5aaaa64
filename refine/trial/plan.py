"""What a trial does: its methods, how the time is shared, and the commands that go on after it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from refine.apply.options import ApplyOptions
from refine.inspect.options import InspectOptions
from refine.labels import KINDS
from refine.options import flag_name, flag_words, recorded
from refine.terminal import duration
from refine.training.sizing import LEAST_STEPS, Size, presets_of
from refine.trial.measure import DatasetPair
from refine.trial.options import TryOptions
from refine.trial.result import TRAINING_FREE, Trial, clearly_nearer, judge_reads, keeps_labels, safest

WEIGHTS = {"simgan": 1.5, "cyclegan": 2.5, "cut": 2.0, "cycada": 2.5}
"""Parts of the time for training: a step of a translator in both directions takes longer, and it needs more of them."""
CLASSES = {"simgan": "SimGAN", "cyclegan": "CycleGAN", "cut": "CUT", "cycada": "CyCADA"}
SELF_WEIGHTS = (0.5, 0.1, 0.02)
"""λ of SimGAN: `least_change` of `refine.trial.result` takes one, where there is time for all."""
WEIGHED_STEPS = 150
"""Nominal number of steps that each of them needs."""
FREE_STEPS = 30
"""Batches whose statistics a method without training takes."""
FEW_STEPS = 200
"""Steps below which a method that learns has hardly begun."""
TASK_PART, MEASURING_PART, BENCHMARK_PART = 0.05, 0.1, 0.25
"""Parts of the time: for each task model (the judge, f_S of CyCADA), for measuring and pages, and for the benchmark."""
LONGER_MINUTES = 60
"""Time of the training that is proposed to go on with."""


def methods(kind: str) -> list[str]:
    """Return the names of the methods that fit a kind of labels (or ``none``), in the order in which they are tried."""
    guided = kind in KINDS and KINDS[kind].has_semantic_loss
    return [*TRAINING_FREE, *(name for name in WEIGHTS if name != "cycada" or guided)]


def share(name: str, left: Sequence[str], seconds: float) -> float:
    """Return the seconds for one method of those that are left, it among them."""
    return seconds * WEIGHTS[name] / sum(WEIGHTS[each] for each in left if each in WEIGHTS)


def for_training(seconds: float, benchmark: bool) -> float:
    """Return the seconds of a whole trial that training may take."""
    return seconds * (1 - MEASURING_PART - (BENCHMARK_PART if benchmark else 0))


def fewest_seconds(names: Sequence[str], size: Size, device: str) -> float:
    """Return the nominal time of the fewest steps that each method makes on images of this height and width."""
    seconds = 0.0
    for name in names:
        if name in WEIGHTS:
            small = presets_of(f"refine.methods.{CLASSES[name]}")[0]
            crop = min(size[0], small.crop), min(size[1], small.crop)
            seconds += LEAST_STEPS * small.seconds_a_step(device, crop, small.batch_for(crop, small.largest_batch))
    return seconds


def self_weights(size: Size, device: str, seconds: float) -> tuple[float, ...]:
    """Return the λ of SimGAN that the time allows to try on images of this height and width; none: its own default."""
    small = presets_of("refine.methods.SimGAN")[0]
    crop = min(size[0], small.crop), min(size[1], small.crop)
    step = small.seconds_a_step(device, crop, small.batch_for(crop, small.largest_batch))
    return SELF_WEIGHTS if seconds >= len(SELF_WEIGHTS) * WEIGHED_STEPS * step else ()


def time_hint(names: Sequence[str], size: Size, device: str, minutes: float, benchmark: bool) -> str:
    """Return a sentence where `fewest_seconds` do not fit into the time of a trial; else nothing."""
    needed = fewest_seconds(names, size, device) / for_training(1, benchmark)
    if needed <= 60 * minutes:
        return ""
    return (
        f"{minutes:g} min are short: the fewest steps of each method make it about {duration(needed)} on a usual "
        f"{device}"
    )


def size_flags(pair: DatasetPair) -> dict[str, Any]:
    """Return the flag of `refine fit` that brings images to the size at which they are judged."""
    return {"data.crop" if pair.crops else "data.resize": list(pair.size)}


def data_flags(options: TryOptions, pair: DatasetPair, device: str) -> dict[str, Any]:
    """Return the flags of `refine fit` that say how the datasets lie."""
    given = recorded(options)
    lie = {f"data.{name}": given[name] for name in ("layout", "real_layout", "mapping", "classes")}
    named = {name: value for name, value in lie.items() if value not in ("auto", None)}
    return {"data.channels": pair.channels, "device": device, **named}


def fit_flags(name: str, options: TryOptions, pair: DatasetPair, device: str) -> dict[str, Any]:
    """Return the flags of `refine fit` for a method."""
    flags = data_flags(options, pair, device)
    if name == "cycada":
        flags |= {"model.task": str(options.output / "runs" / "f_S" / "last.ckpt"), "model.semantic_weight": 0}
        flags |= {"model.cycle_semantic_weight": 1, **size_flags(pair)}
    return flags


def labels_hint(pair: DatasetPair) -> str:
    """Return a sentence where the real images lie in folders that are named as the classes; else nothing."""
    folders = {Path(record.key).parts[0] for record in pair.real.records if "/" in record.key}
    kind = KINDS.get(pair.space.kind)
    if kind is None or not kind.one_class or len(folders & set(pair.space.names)) < 2:
        return ""
    root = pair.real.layout.root
    return f"{root}: its folders are named as the classes; if that is right, --labeled-real {root} tests on them"


def short_trainings(trial: Trial) -> list[str]:
    """Return a sentence on methods that have hardly learned; none where there are none."""
    few = [
        name
        for name, tried in trial["methods"].items()
        if name in WEIGHTS and "measured" in tried and tried.get("steps", 0) < FEW_STEPS
    ]
    return [f"{', '.join(few)}: fewer than {FEW_STEPS} steps, which says little of what they can do."] if few else []


def apply_command(checkpoint: Path, options: TryOptions) -> str:
    """Return the command that refines the synthetic dataset."""
    flags = {"checkpoint": checkpoint, "input": options.synthetic, "output": "refined"}
    flags |= {"layout": options.layout, "device": options.device}
    return shlex.join(["refine", "apply", *flag_words(ApplyOptions, _unusual(flags))])


def candidate(trial: Trial, method: str | None) -> str | None:
    """Return the method to go on with.

    The recommended one; without one the nearest, if it is nearer than doing nothing, of those that keep the labels, or
    where all lose them, the one that loses fewest.
    """
    nothing = trial["nothing"]
    if method is not None or nothing["distance"] <= trial["floor"]:
        return method
    found = {name: tried["measured"] for name, tried in trial["methods"].items() if "measured" in tried}
    nearer = {name: one for name, one in found.items() if one["distance"] < nothing["distance"]}
    nearer = clearly_nearer(found, nothing) or nearer
    kept = [name for name in nearer if not loses_labels(trial, name)]
    if nearer and not kept:
        return safest(nearer)
    return min(kept, key=lambda name: nearer[name]["distance"], default=None)


def loses_labels(trial: Trial, name: str) -> bool:
    """Whether the judge, if it can say so, finds too few labels in the images of a method that was measured."""
    nothing = trial["nothing"]
    if not judge_reads(nothing, trial.get("guessing", 1.0)):
        return False
    return not keeps_labels(trial["methods"][name]["measured"], nothing)


def further_commands(trial: Trial, method: str | None, options: TryOptions, fit_flags: Mapping[str, Any]) -> list[str]:
    """Return complete commands that may decide what is open, and that train the `candidate` for longer.

    Args:
        trial: What was tried.
        method: The recommended one; None where it cannot be decided.
        options: Those of the trial.
        fit_flags: Those that the candidate was trained with.
    """
    given = _unusual(recorded(options))
    found: list[list[str]] = []
    if method is None:
        if "benchmark" not in trial and options.labeled_real is None and trial["kind"] in KINDS:
            usual = {"minutes": f"{trial['settings']['minutes']:g}", "device": trial["settings"]["device"]}
            found.append(["try", *flag_words(TryOptions, {**given, **usual, "labeled_real": "DIR"})])
        sides = {"folder": options.synthetic, "real": options.real, "output": "inspected"}
        layouts = {
            name: value for name, value in given.items() if name in {"layout", "real_layout", "mapping", "device"}
        }
        found.append(["inspect", *flag_words(InspectOptions, {**sides, **layouts})])
    name = candidate(trial, method)
    if name is not None and name in WEIGHTS:
        every = {"data.synthetic": options.synthetic, "data.real": options.real, **fit_flags, "minutes": LONGER_MINUTES}
        texts = {
            flag: str(value) if isinstance(value, str | Path) else json.dumps(value) for flag, value in every.items()
        }
        found.append(["fit", "-c", name, *(f"{flag_name(flag)}={text}" for flag, text in texts.items())])
    return [shlex.join(["refine", *words]) for words in found]


def _unusual(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that have to be given, with their values."""
    return {name: value for name, value in flags.items() if value not in (None, "auto")}
