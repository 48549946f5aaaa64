"""How a benchmark was run: a paragraph for people, and settings for whoever repeats it."""

import platform
from dataclasses import asdict

import lightning
import torch

import refine
from refine.benchmark.augmentation import JITTER
from refine.benchmark.baselines import BETA, RANDOMIZATION
from refine.benchmark.datasets import SYNTHETIC, TARGET, Datasets
from refine.benchmark.fitting import Protocol
from refine.benchmark.plan import Plan

ON_THEIR_OWN = ("steps", "batch_size", "shift", "horizontal_flip", "kind")
"""What of the protocol stands beside the network."""

FEW = 10
"""With fewer groups, what is said of others is said to be rough."""


def settings(protocol: Protocol, data: Datasets) -> dict[str, object]:
    """Everything beside the folders that the figures follow from."""
    return {
        **{name: value for name, value in asdict(protocol).items() if name in ON_THEIR_OWN},
        "size": list(data.size),
        "channels": data.channels,
        "color_jitter": JITTER,
        "network": _network(protocol, data),
        "device": protocol.device,
        "versions": {
            "refine": refine.__version__,
            "torch": str(torch.__version__),
            "lightning": str(lightning.__version__),
            "python": platform.python_version(),
        },
    }


def describe(plan: Plan, data: Datasets, groups: int | None) -> str:
    """One paragraph for people.

    Args:
        plan: What was fitted.
        data: What on.
        groups: How many the user's groups are; None where there are none.
    """
    protocol, folds = plan.protocol, len(plan.folds)
    drawn = "classes drawn equally often" if protocol.kind == "class" else "images drawn equally often"
    flips = "horizontal flips, " if protocol.horizontal_flip else ""
    whole = "" if groups is None else ", groups whole"
    target = (
        f"{TARGET} by cross-validation over {folds} contiguous blocks of the recording (order of file names{whole})"
        if folds
        else f"{TARGET} trained on a folder of its own"
    )
    images = "they take images as independent, so for neighbors in one recording they are too narrow"
    if groups is not None and groups < FEW:
        images = f"with {groups} groups they are rough, and p is never below {2 / 2**groups:.2g}"
    of = f"clusters of test images ({groups} groups)" if groups is not None else "test images"
    return (
        f"Every row trains the same network from scratch, {protocol.steps} steps of {protocol.batch_size} images, "
        f"{drawn}, shifts up to {protocol.shift} pixels, {flips}mild changes of brightness, "
        f"contrast and saturation; {plan.seeds} seeds vary initial weights, sampling and augmentation. Tested on all "
        f"{len(data.real.keys)} labeled real images of {', '.join(data.classes)}; {target}. The benchmark "
        "itself chooses nothing by the test images' labels: each fit is tested as its last step left it. "
        f"{''.join(_rows_told(plan))}Intervals: 95 % bootstrap over {of} of the mean over seeds"
        f"{'; ' + images if groups is None or groups < FEW else ''}. Differences to {SYNTHETIC}: the same draws for "
        f"both rows; p by a randomization test that swaps the two rows' results on {of}, two-sided, adjusted for the "
        f"number of rows by Holm's procedure. {_draws_told(plan)}Gap closed: 95 % by Fieller's theorem over the same "
        "resamples; not defined where the interval of the gap itself holds 0."
    )


def _draws_told(plan: Plan) -> str:
    """A sentence on rows of several translators, or on what the intervals of other rows do not cover."""
    rows = {row: plan.translators(row) for row in plan.rows}
    several = [f"{row} ({count})" for row, count in rows.items() if count > 1]
    if not several:
        return "No interval covers the draw of a translator: each refined row has one folder. "
    return (
        f"Rows of several translators ({', '.join(several)}): each side of an interval is the root of the sum of two "
        "squares, of Student's t interval over the translators' means and of the bootstrap's; p is no smaller than "
        "by that combination. Other rows' intervals do not cover the draw of a translator. "
    )


def _rows_told(plan: Plan) -> list[str]:
    """A sentence on each kind of row that needs one, each with a blank behind."""
    told = []
    if "color_transfer" in plan.rows:
        told.append("Color statistics are taken from the real images without labels.")
    if "histogram_matching" in plan.rows:
        told.append("So are the histograms of histogram_matching.")
    if "fda" in plan.rows:
        told.append(f"fda takes the real images' mean amplitudes at low frequencies, beta {BETA}.")
    if RANDOMIZATION in plan.rows:
        told.append(
            f"{RANDOMIZATION} trains on the synthetic images with strong random changes of light, contrast, "
            "saturation, blur and noise, never of hue."
        )
    if any(source.sets and source.real for source in plan.rows.values()):
        told.append("Rows with labeled real images beside others draw half of all images from them; seeds choose.")
    return [f"{sentence} " for sentence in told]


def _network(protocol: Protocol, data: Datasets) -> dict[str, object]:
    task = protocol.task(data.classes, data.channels, 0)
    return {
        "name": type(task.model).__name__,
        "flag": task.network,
        "parameters": sum(weight.numel() for weight in task.model.parameters()),
        "width": task.width,
        "learning_rate": task.learning_rate,
        "weight_decay": task.weight_decay,
    }
