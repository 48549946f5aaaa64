"""Random samples of an audit whose wrong labels are known: how often their intervals hold the truth, and how wide they
are."""

import shutil
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import Decision, SampleEstimate, read_audit, read_certificates
from refine.audit.sampling import draw, drawn, judged_strata
from refine.data.images import list_images


def write_part(synthetic: Path, refined: Path, folder: Path, images: int, share: float, seed: int) -> set[str]:
    """Copy images of both sides, spread over the classes; some get the refined picture of another class.

    Args:
        synthetic: Class folders of the images before.
        refined: Class folders of the images after.
        folder: For ``synthetic`` and ``refined``.
        images: How many.
        share: Part of them whose label is wrong afterwards.
        seed: Seed of the draw.

    Returns:
        The keys of the latter.
    """
    keys = sorted(str(path.relative_to(refined)) for path in list_images(refined))
    keys = [keys[len(keys) * place // images] for place in range(images)]
    generator = torch.Generator().manual_seed(seed)
    order = [keys[place] for place in torch.randperm(images, generator=generator).tolist()]
    wrong, rest = order[: round(share * images)], order[round(share * images) :]
    others = {}
    for key in wrong:  # each picture stands in once
        others[key] = next(one for one in rest if Path(one).parent != Path(key).parent)
        rest.remove(others[key])
    for key in keys:
        for source, side in ((synthetic, "synthetic"), (refined, "refined")):
            (folder / side / key).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / (others.get(key, key) if side == "refined" else key), folder / side / key)
    return set(wrong)


def simulated(folder: Path, wrong: Collection[str], number: int, count: int) -> dict[str, Any]:
    """Draw samples again and again, answered by the truth.

    Args:
        folder: Folder of the audit.
        wrong: Keys whose label is wrong.
        number: Images of a sample.
        count: How many samples.
    """
    lines = read_certificates(folder)
    passed = [key for key, one in lines.items() if one["verdict"] == "pass"]
    truth = {
        "all": len(wrong) / len(lines),
        "passed": sum(key in wrong for key in passed) / max(1, len(passed)),
        "natural_power": 1 - sum(key in wrong for key in passed) / max(1, len(wrong)),
    }

    @cache
    def of(strata: tuple[tuple[str, JudgedStratum], ...]) -> SampleEstimate:
        return estimate(dict(strata), number, 0, number)

    ends: dict[str, list[tuple[float, float]]] = {name: [] for name in truth}
    for seed in range(count):
        sample = draw(list(lines.values()), number, seed, None)
        answers: dict[str, Decision] = {key: "fail" if key in wrong else "pass" for key in drawn(sample)}
        found: Mapping[str, Any] = of(tuple(judged_strata({**sample, "answers": answers}).items()))
        for name, those in ends.items():
            those.append((found[name]["low"], found[name]["high"]) if found[name] else (0.0, 1.0))
    return {
        "images": len(lines),
        "verdicts": read_audit(folder)["counts"],
        "sample": number,
        "draws": count,
        "bound_under_planted_corruption": read_audit(folder)["bound_under_planted_corruption"],
        **{
            name: {
                "truth": true,
                "holds": sum(low <= true <= high for low, high in ends[name]),
                "mean_low": mean(low for low, _ in ends[name]),
                "mean_high": mean(high for _, high in ends[name]),
                "mean_width": mean(high - low for low, high in ends[name]),
            }
            for name, true in truth.items()
        },
    }
