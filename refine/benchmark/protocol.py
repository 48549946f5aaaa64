"""What a benchmark did: as settings for the record, and as a paragraph for people."""

import platform
from dataclasses import asdict

import lightning
import torch

import refine
from refine.benchmark.agreement import ENOUGH
from refine.benchmark.datasets import FDA_BETA, RANDOMIZATION, SYNTHETIC, TARGET, Datasets
from refine.benchmark.fit import JITTER, Protocol
from refine.benchmark.plan import AGREED, FINE_TUNED, JOINED, SELF_TRAINING, UNLABELED, Plan

FEW_GROUPS = 10
"""With fewer groups, intervals and p-values over them are said to be rough."""


def settings(protocol: Protocol, data: Datasets) -> dict[str, object]:
    """Return all settings that the figures follow from, without the folders."""
    task = protocol.task(data.classes, data.channels, 0)
    named = asdict(protocol)
    return {
        **{name: named[name] for name in ("steps", "batch_size", "shift", "horizontal_flip", "kind")},
        **({"strong": True} if protocol.strong else {}),
        "size": list(data.size),
        "channels": data.channels,
        "color_jitter": JITTER,
        "network": {
            "name": type(task.model).__name__,
            "flag": task.network,
            "parameters": sum(weight.numel() for weight in task.model.parameters()),
            "width": task.width,
            "learning_rate": task.learning_rate,
            "weight_decay": task.weight_decay,
        },
        "device": protocol.device,
        "versions": {
            "refine": refine.__version__,
            "torch": str(torch.__version__),
            "lightning": str(lightning.__version__),
            "python": platform.python_version(),
        },
    }


def protocol_text(plan: Plan, data: Datasets, groups: int | None) -> str:
    """Return one paragraph for people.

    Args:
        plan: What was fitted.
        data: What it was fitted on.
        groups: Number of the user's groups; None where there are none.
    """
    protocol, folds = plan.protocol, len(plan.folds)
    drawn = "classes drawn equally often" if data.kind.one_class else "images drawn equally often"
    strong = ""
    if protocol.strong:
        moves = " and of scale, place and angle" if data.kind.one_class else ""
        strong = f", then strong ones of light, color, blur and noise{moves}"
    plural = "s" if plan.seeds > 1 else ""
    many = f" ({plan.single_seeds} of rows of one folder)" if plan.single_seeds > plan.seeds else ""
    flips = "horizontal flips, " if protocol.horizontal_flip else ""
    whole = "" if groups is None else ", groups whole"
    target = f"{TARGET} trained on a folder of its own"
    if folds:
        target = (
            f"{TARGET} by cross-validation over {folds} contiguous blocks of the recording (order of file names{whole})"
        )
    rough = "; they take images as independent, so for neighbors in one recording they are too narrow"
    if groups is not None:
        rough = f"; with {groups} groups they are rough, and p is never below {2 / 2**groups:.2g}"
        rough *= groups < FEW_GROUPS
    of = f"clusters of test images ({groups} groups)" if groups is not None else "test images"
    return (
        f"Every row trains the same network from scratch, {protocol.steps} steps of {protocol.batch_size} images, "
        f"{drawn}, shifts up to {protocol.shift} pixels, {flips}mild changes of brightness, "
        f"contrast and saturation{strong}; {plan.seeds} seed{plural}{many} of initial weights, sampling and "
        f"augmentation. Tested on all {len(data.real.keys)} labeled real images of "
        f"{', '.join(data.classes)}; {target}. "
        "The benchmark itself chooses nothing by the test images' labels: each fit is tested as its last step left it. "
        f"{_rows_notes(plan)}Intervals: 95 % bootstrap over {of} of the mean over seeds{rough}. "
        f"Differences to {SYNTHETIC}: the same draws for both rows; p by a randomization test that swaps the two rows' "
        f"results on {of}, two-sided, adjusted for the number of rows by Holm's procedure. {_draws_note(plan)}Gap "
        "closed: 95 % by Fieller's theorem over the same resamples; not defined where the interval of the gap itself "
        "holds 0."
    )


def _rows_notes(plan: Plan) -> str:
    """A sentence on each kind of row that needs one, each followed by a blank."""
    notes = {
        "color_transfer": "Color statistics are taken from the real images without labels. ",
        "histogram_matching": "So are the histograms of histogram_matching. ",
        "fda": f"fda takes the real images' mean amplitudes at low frequencies, beta {FDA_BETA}. ",
        RANDOMIZATION: f"{RANDOMIZATION} trains on the synthetic images with strong random changes of light, contrast, "
        "saturation, blur and noise, never of hue. ",
    }
    found = "".join(note for name, note in notes.items() if name in plan.rows)
    if UNLABELED in plan.sets:
        found += (
            f"Unlabeled images, to which the translators were adapted: {len(plan.sets[UNLABELED].keys)}; statistics of "
            f"baselines are theirs, and rows that end in {SELF_TRAINING} learn from them by FixMatch with a mean "
            "teacher. "
        )
    if any(source.joins and AGREED in name for name, source in plan.rows.items()):
        found += (
            f"Rows with {AGREED} learn from the images of all translators of one row that agree: after self-training "
            "their predictions on the unlabeled images agree beyond chance (of classes and pixels Cohen's kappa) by "
            f"{ENOUGH} or more. Of three translators or "
            "more each fit leaves one out, and the spread of their draw is the jackknife's. "
        )
    if any(source.joins and JOINED in name for name, source in plan.rows.items()):
        found += (
            f"Rows with {JOINED} learn from the images of all translators of one row; of three or more each fit leaves "
            "one out. "
        )
    if any(source.sets and source.real for source in plan.rows.values()):
        found += (
            "Rows with labeled real images beside others draw half of all images from them; seeds choose. Rows that "
            f"end in {FINE_TUNED} learn from the others for half of the steps, then from them alone, at a tenth of the "
            "rate. "
        )
    if any(source.share is not None for source in plan.rows.values()):
        found += f"Of NAME@P+{SYNTHETIC}, P % of the draws are of NAME. "
    return found


def _draws_note(plan: Plan) -> str:
    """A sentence on rows of several translators, or on what the intervals of other rows do not cover."""
    several = [f"{row} ({count})" for row in plan.rows if (count := plan.translators(row)) > 1]
    if not several:
        return "No interval covers the draw of a translator: each refined row has one folder. "
    return (
        f"Rows of several translators ({', '.join(several)}): each side of an interval is the root of the sum of two "
        "squares, of Student's t interval over the translators' means and of the bootstrap's; p is no smaller than "
        "by that combination. Other rows' intervals do not cover the draw of a translator. "
    )
