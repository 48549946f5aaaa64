"""`tune-strength`: each checkpoint at each strength, on the same images, by the same judges."""

from collections.abc import Sequence
from math import isnan
from pathlib import Path

import torch

from refine.data.open_layout import open_layout
from refine.data.unpaired import tell
from refine.errors import InputError
from refine.files import require_output, write_json
from refine.methods.checkpoint import load_translator, model_sha256
from refine.metrics import FeatureExtractor
from refine.metrics.sliced_wasserstein import PATCH, draw_places
from refine.progress import counted
from refine.training.judges import Judges
from refine.tuning.measure import MOST_DESCRIBED, StrengthTest, choose_images, open_judged
from refine.tuning.plot import tuning_plot
from refine.tuning.result import PICTURE, RESULT, Tuning, choose

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_REAL = 4
"""Two in each half of the floor."""


def tune_strength(
    checkpoints: Sequence[Path],
    synthetic: Path,
    real: Path,
    judges: Sequence[Path],
    *,
    output: Path,
    strengths: Sequence[float] = STRENGTHS,
    label_error_bound: float = 0.05,
    swd: bool = True,
    extractors: Sequence[FeatureExtractor] = (),
    layouts: tuple[str, str] = ("auto", "auto"),
    mapping: str | None = None,
    size: tuple[int, int] | None = None,
    count: int = 500,
    seed: int = 0,
    device: torch.device | str = "cpu",
    trust: tuple[str, ...] = (),
) -> Tuning:
    """Measure realism and label error of each checkpoint at each strength, and choose.

    Images are refined at their own size and rounded to 8 bits, as `refine apply` does; then synthetic and real ones
    are brought to one size, at which they are compared and judged. What a file format loses is not seen.

    Args:
        checkpoints: Of translators.
        synthetic: The labeled dataset; of class folders, only the classes that the judges know.
        real: The real images.
        judges: Checkpoints of task models of these labels; several answer together.
        output: Folder for `tune-strength.json` and `tune-strength.png`.
        strengths: Shares of the change, 0 to 1. Zero, doing nothing, is always tried.
        label_error_bound: Highest label error of the choice, 0 to 1: no point is chosen whose interval ends above it,
            on every other image; and the rest, which had no part in the choice, must confirm it.
        swd: Whether to measure the sliced Wasserstein distance. If so, the choice is made by it, else by the first
            extractor's KID.
        extractors: Networks whose features FID and KID are measured on.
        layouts: How the synthetic and the real dataset lie.
        mapping: From the synthetic dataset's classes to those of the judges.
        size: The common height and width; None takes the median of the real images. Judges should be asked at the size
            that they were fitted at.
        count: Images of each side, at most, spread over the keys.
        seed: Of patches, projections, halves and bootstrap.
        device: Where networks run.
        trust: Modules beside ``refine`` whose classes checkpoints may name.

    Raises:
        InputError: If an argument is out of range, a file cannot be read, or judges and labels do not fit.
    """
    if not all(0 <= strength <= 1 for strength in strengths):
        given = ",".join(f"{strength:g}" for strength in strengths)
        raise InputError(f"--strengths {given}: expected each from 0 to 1")
    if not 0 <= label_error_bound <= 1:
        raise InputError(f"--label-error-bound {label_error_bound:g}: expected a share from 0 to 1")
    if not swd and not extractors:
        raise InputError("nothing to measure: choose features (swd needs no weights)")
    tried = sorted({float(strength) for strength in strengths} - {0.0})
    device = torch.device(device)
    translators = {str(path): (path, load_translator(path, trust).to(device)) for path in checkpoints}
    asked = Judges(judges, trust)
    require_output(output)
    labeled = choose_images(open_judged(synthetic, layouts[0], mapping, asked.names), count, 2)
    unlabeled = choose_images(open_layout(layouts[1], real), count, LEAST_REAL)
    for note in filter(None, (labeled.note, unlabeled.note)):
        tell(note)
    channels = 3 if labeled.in_color() or unlabeled.in_color() else 1
    for name, (_, translator) in translators.items():
        if translator.channels < channels:
            raise InputError(f"{name}: takes gray images, and these have color; take a checkpoint of RGB images")
    size = size or unlabeled.median_size()
    asked.require(labeled.layout.label_space, synthetic, channels, size)
    if swd and min(size) < PATCH:
        raise InputError(f"images of {size[0]}x{size[1]} are too small for swd; give --size HxW, {PATCH} or more")
    places = draw_places(size, torch.Generator().manual_seed(seed)) if swd else None

    total = len(unlabeled.records) + len(labeled.records) * (1 + len(translators))
    with counted(total, "trying strengths") as advance:
        test = StrengthTest(labeled, asked, extractors, places, seed, size, channels, device, advance)
        reference = test.real(unlabeled)
        (nothing,) = test.points(None, "", (0.0,), reference)
        if isnan(nothing.point["label_error"]["value"]):
            raise InputError(
                f"{synthetic}: none of the {len(labeled.records)} images that were taken has anything to judge, no "
                "pixel of a class and no object; check the labels, or take more images (--count)"
            )
        found = []
        for name, (_, translator) in translators.items():
            found.append(nothing._replace(point={**nothing.point, "checkpoint": name}))
            found += test.points(translator, name, tried, reference)
    points = [each.point for each in found]
    metric = next(iter(nothing.point["distances"]))
    chosen = choose(points, metric, label_error_bound)
    held_out = {(point["checkpoint"], point["strength"]): error for point, error in found}
    error = None if chosen is None else held_out[chosen["checkpoint"], chosen["strength"]]
    confirmed = error is not None and error["high"] <= label_error_bound
    result: Tuning = {
        "metric": metric,
        "label_error_bound": label_error_bound,
        "points": points,
        "chosen": chosen if confirmed else None,
        "confirmation": None if chosen is None or error is None else {**chosen, "label_error": error},
        "real_floor": test.distances(*reference.random_halves(seed)),
        "n": {
            "synthetic": len(labeled.records),
            "real": len(unlabeled.records),
            "real_floor": len(unlabeled.records) // 2,
        },
        "provenance": {
            "synthetic": str(synthetic),
            "real": str(real),
            "layouts": [labeled.layout.name, unlabeled.layout.name],
            "mapping": mapping,
            "classes": list(asked.names),
            "kind": asked.kind,
            "size": list(size),
            "channels": channels,
            "count": count,
            "swd_most_images": MOST_DESCRIBED if swd else None,
            "checkpoints": {name: model_sha256(path) for name, (path, _) in translators.items()},
            "judges": {str(model.path): model.sha256 for model in asked.models},
            "extractors": {extractor.name: extractor.sha256 for extractor in extractors},
            "seed": seed,
            "device": device.type,
            "torch": str(torch.__version__),
        },
    }
    write_json(result, output / RESULT)
    tuning_plot(result, output / PICTURE)
    return result
