"""`tune-strength`: each checkpoint at each strength, on the same images, by the same judges."""

from math import isnan

import torch

from refine.data.open_layout import open_layout
from refine.data.store import tell
from refine.devices import choose_device
from refine.distances.label_error import LabelError
from refine.distances.networks import Judges, extractors
from refine.errors import InputError
from refine.files import require_output
from refine.json_files import write_json
from refine.methods.checkpoint import load_translator, model_sha256
from refine.metrics.sliced_wasserstein import PATCH, draw_places
from refine.terminal import counted
from refine.tuning.measure import MOST_DESCRIBED, StrengthTest, choose_images, open_judged
from refine.tuning.options import TuneOptions
from refine.tuning.plot import tuning_plot
from refine.tuning.result import PICTURE, RESULT, Point, Tuning, choose

LEAST_REAL = 4
"""Two in each half of the floor."""


def tune_strength(options: TuneOptions) -> Tuning:
    """Measure realism and label error of each checkpoint at each strength, and choose.

    Images are refined at their own size and rounded to 8 bits, as `refine apply` does; then synthetic and real ones
    are brought to one size, at which they are compared and judged. What a file format loses is not seen.

    Raises:
        InputError: If an option is out of range, a file cannot be read, or judges and labels do not fit.
    """
    if not all(0 <= strength <= 1 for strength in options.strengths):
        given = ",".join(f"{strength:g}" for strength in options.strengths)
        raise InputError(f"--strengths {given}: expected each from 0 to 1")
    bound, seed, synthetic, output = options.label_error_bound, options.seed, options.synthetic, options.output
    if not 0 <= bound <= 1:
        raise InputError(f"--label-error-bound {bound:g}: expected a share from 0 to 1")
    device, swd = choose_device(options.device), "swd" in options.features
    networks = extractors(options.features, options.weights, str(device), options.trust)
    tried = sorted({float(strength) for strength in options.strengths} - {0.0})
    translators = {str(path): (path, load_translator(path, options.trust).to(device)) for path in options.checkpoint}
    asked = Judges(options.judge, options.trust)
    require_output(output)
    labeled = choose_images(open_judged(synthetic, options.layout, options.mapping, asked.names), options.count, 2)
    unlabeled = choose_images(open_layout(options.real_layout, options.real), options.count, LEAST_REAL)
    for note in filter(None, (labeled.note, unlabeled.note)):
        tell(note)
    channels = 3 if labeled.in_color() or unlabeled.in_color() else 1
    for name, (_, translator) in translators.items():
        if translator.channels < channels:
            raise InputError(f"{name}: takes gray images, and these have color; take a checkpoint of RGB images")
    size = options.size or unlabeled.median_size()
    asked.require(labeled.layout.label_space, synthetic, channels, size)
    if swd and min(size) < PATCH:
        raise InputError(f"images of {size[0]}x{size[1]} are too small for swd; give --size HxW, {PATCH} or more")
    places = draw_places(size, torch.Generator().manual_seed(seed)) if swd else None

    total = len(unlabeled.records) + len(labeled.records) * (1 + len(translators))
    with counted(total, "trying strengths") as advance:
        test = StrengthTest(labeled, asked, networks, places, seed, size, channels, device, advance)
        reference = test.real(unlabeled)
        ((nothing, kept_out),) = test.points(None, "", (0.0,), reference)
        if isnan(nothing["label_error"]["value"]):
            raise InputError(
                f"{synthetic}: none of the {len(labeled.records)} images that were taken has anything to judge, no "
                "pixel of a class and no object; check the labels, or take more images (--count)"
            )
        found: list[tuple[Point, LabelError]] = []
        for name, (_, translator) in translators.items():
            found.append(({**nothing, "checkpoint": name}, kept_out))
            found += test.points(translator, name, tried, reference)
    points = [point for point, _ in found]
    metric = next(iter(nothing["distances"]))
    chosen = choose(points, metric, bound)
    held_out = {(point["checkpoint"], point["strength"]): error for point, error in found}
    error = None if chosen is None else held_out[chosen["checkpoint"], chosen["strength"]]
    confirmed = error is not None and error["high"] <= bound
    result: Tuning = {
        "metric": metric,
        "label_error_bound": bound,
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
            "real": str(options.real),
            "layouts": [labeled.layout.name, unlabeled.layout.name],
            "mapping": options.mapping,
            "classes": list(asked.names),
            "kind": asked.kind.name,
            "size": list(size),
            "channels": channels,
            "count": options.count,
            "swd_most_images": MOST_DESCRIBED if swd else None,
            "checkpoints": {name: model_sha256(path) for name, (path, _) in translators.items()},
            "judges": {str(model.path): model.sha256 for model in asked.models},
            "extractors": {network.name: network.sha256 for network in networks},
            "seed": seed,
            "device": device.type,
            "torch": str(torch.__version__),
        },
    }
    write_json(result, output / RESULT)
    tuning_plot(result, output / PICTURE)
    return result
