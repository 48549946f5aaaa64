"""Where an audit is inconclusive: the order in which to look at its images, and remedies, the cheapest first, chosen by
the bars that its judges missed."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from refine.audit.calibration import MOST_IMAGES, replacements
from refine.audit.ensembles import CONTENT, GIVEN, REAL
from refine.audit.evidence import POWER_BAR
from refine.audit.options import MOST_STEPS, AuditOptions, usual_steps
from refine.audit.result import (
    SAMPLE_CSV,
    Action,
    Audit,
    Certificate,
    JudgeRecord,
    Power,
    Ranking,
    ReachedBar,
    Remedy,
    ensemble_of,
)
from refine.audit.verdicts import excess
from refine.labels import KINDS
from refine.metrics.intervals import clopper_pearson
from refine.options import flag_words
from refine.report.kit.format import count, percent, recorded_texts

SAMPLED_IMAGES = 72
"""Images of a random sample: where none of so many is wrong, no more than 5 % of all are (exact 95 % interval)."""


def is_inconclusive(counts: Mapping[str, int]) -> bool:
    """Return whether most of the images are inconclusive.

    Args:
        counts: Number of images by verdict.
    """
    return counts["inconclusive"] * 2 > sum(counts.values())


def ranking_of(records: Mapping[str, JudgeRecord]) -> Ranking | None:
    """Return the judge ensemble that finds most of the planted corruption, or None where none finds any.

    Args:
        records: As they stand in `audit.json`.
    """
    found: dict[str, Power] = {}
    for name, record in records.items():
        planted = replacements(record.get("power", []))
        if planted and "fail_threshold" in record:
            found[ensemble_of(name)] = min(planted, key=lambda power: power["low"])
    best = max(found, key=lambda name: found[name]["low"], default=None)
    return {"by": best, "rate": found[best]["rate"]} if best is not None and found[best]["low"] > 0 else None


def ranked(certificates: Sequence[Certificate], audit: Audit) -> list[Certificate]:
    """Return the certificates with a rank for each inconclusive image, and without one for the others.

    Args:
        certificates: One for each image.
        audit: Its ``ranking`` names the judge ensemble; where it is None, no image has a rank.
    """
    ranking = audit.get("ranking")
    limits = {
        name: record["fail_threshold"]
        for name, record in audit["judges"].items()
        if ranking is not None and ensemble_of(name) == ranking["by"]
    }
    excesses = {
        one["key"]: excess(one["scores"], limits) for one in certificates if limits and one["verdict"] == "inconclusive"
    }
    order = {key: place for place, key in enumerate(sorted(excesses, key=lambda key: (-excesses[key], key)), 1)}
    found: list[Certificate] = []
    for one in certificates:
        plain: Certificate = {**one}
        plain.pop("rank", None)
        found.append({**plain, "rank": order[one["key"]]} if one["key"] in order else plain)
    return found


def images_to_show_power(rate: float = 1.0) -> int | None:
    """Return the smallest number of images on which a judge can be shown to find 90 % of planted corruption.

    Args:
        rate: Share of it that the judge finds, 0 to 1.

    Returns:
        The smallest n for which the lower end of the exact 95 % interval of ``floor(rate * n)`` out of n reaches
        `POWER_BAR`; None where no n up to `MOST_IMAGES`, on which power is measured, does.
    """
    sizes = range(1, MOST_IMAGES + 1)
    return next((n for n in sizes if clopper_pearson(int(rate * n + 1e-9), n)[0] >= POWER_BAR), None)


def remedies(audit: Audit, output: Path) -> list[Remedy]:
    """Return what would help, the cheapest first; nothing where most images have a verdict.

    A pure function of what was measured: which judge ensemble missed which bar, and by how much.

    Args:
        audit: What stands in `audit.json`.
        output: The audit's folder.
    """
    if not audit["images"] or not is_inconclusive(audit["counts"]):
        return []
    found = _found(audit, output)
    asked = min(SAMPLED_IMAGES, audit["images"])
    why = (
        f"Without judges: look at {asked} images drawn at random, and say for each whether the label is right. It "
        "tells how many of all labels are wrong, not which"
    )
    if not any(one["action"] == "sample" for one in found):
        found.append(_sample(output, asked, why))
    return [one for one in found if one["action"] != "sample" or "sample" not in audit]  # which is answered already


def _found(audit: Audit, output: Path) -> list[Remedy]:
    """Return what would help these judges."""
    least = images_to_show_power()
    assert least is not None
    if audit["images"] < least:
        why = (
            f"{count(audit['images'], 'image')} are too few to show that any judge is competent: it takes {least}. "
            "Look at all of them"
        )
        return [_sample(output, audit["images"], why)]
    records: dict[str, JudgeRecord] = {}
    for name, record in audit["judges"].items():
        records.setdefault(ensemble_of(name), record)
    found = [*_longer(audit, output, records), *_more_images(audit, output, records)]
    return found or _other_judges(audit, output, records, least)


def _longer(audit: Audit, output: Path, records: Mapping[str, JudgeRecord]) -> list[Remedy]:
    """More steps where judges do not find the labels even in the images that they learned on."""
    steps = int(str(audit["provenance"]["steps"]))
    usual = usual_steps(KINDS[audit["kind"]].judges.steps, audit["images"])
    longer = _again(audit, output, "steps", str(min(MOST_STEPS, max(2 * steps, usual))))
    for name in (REAL, CONTENT):
        learned = records[name].get("reached", {}).get("learned_on") if name in records else None
        if learned is None or learned["value"] >= learned["bar"]:
            continue
        why = (
            f"The {name} judges have not learned enough: they find the label in only {percent(learned['value'])} of "
            f"the images that they learned on, after {count(steps, 'step')}"
        )
        if steps >= MOST_STEPS:
            more = _again(audit, output, "judge", "FILE")
            return [_remedy("judge", None, f"{why}. Ask a larger model of yours, trained on such labels", more)]
        return [_remedy("steps", None, f"{why}. Train them longer", longer)]
    if steps < usual:
        why = f"Judges were trained for {count(steps, 'step')}, fewer than the usual {usual}. Train them longer"
        return [_remedy("steps", None, why, longer)]
    return []


def _more_images(audit: Audit, output: Path, records: Mapping[str, JudgeRecord]) -> list[Remedy]:
    """More refined images where judges miss nothing but the lower end of the interval of their power."""
    for name in (CONTENT, REAL, GIVEN):
        record = records.get(name)
        planted = replacements(record.get("power", [])) if record else []
        if record is None or not planted or _missed(record) != ["power"]:
            continue
        weakest = min(planted, key=lambda power: power["low"])
        needed = images_to_show_power(weakest["rate"])
        if needed is not None and needed > weakest["n"]:
            why = (
                f"The {name} judges find {percent(weakest['rate'])} of the planted corruption, but {weakest['n']} "
                f"images are too few to show that it is {percent(POWER_BAR)} at least. Refine more images, and audit "
                f"{needed} or more"
            )
            return [_remedy("images", needed, why, _again(audit, output))]
    return []


def _other_judges(audit: Audit, output: Path, records: Mapping[str, JudgeRecord], least: int) -> list[Remedy]:
    """Labeled real images; where judges that read these do not find the labels in the refined ones, a look at those."""
    by_class = KINDS[audit["kind"]].one_class
    each = least * len(audit["classes"]) if by_class else least
    parts = f", {least} of each class," if by_class else ""
    more = _again(audit, output, "real_labeled", "DIR")
    real, first = records.get(REAL), records.get(CONTENT)
    if real is None:
        known = first.get("reached", {}).get("held_out") if first else None
        at_home = (
            f"find the label in {percent(known['value'])} of synthetic images that they never saw, but "
            if known
            else ""
        )
        why = (
            f"The content judges {at_home}{_short(first)}. Label {each} real images{parts} for judges to learn on; a "
            "model of yours that reads such images will do, too (--judge FILE)"
        )
        return [_remedy("real-labeled", each, why, more)]
    learned, reached, home = real.get("labeled_images", 0), _competence(real), real.get("reached", {}).get("held_out")
    if learned >= each and home and home["value"] >= home["bar"] and "label" in _missed(real):
        why = (
            f"The real judges find the label in {percent(home['value'])} of real images that they never saw, but in "
            f"only {percent(reached['label']['value'])} of the refined ones: these do not look real, or many of their "
            "labels are wrong. Look at a random sample"
        )
        return [_sample(output, min(SAMPLED_IMAGES, audit["images"]), why)]
    needed = max(each, 2 * learned)
    why = f"Judges of {count(learned, 'labeled real image')} {_short(real)}. Label {needed} in all{parts} for them"
    return [_remedy("real-labeled", needed, why, more)]


def _competence(record: JudgeRecord) -> dict[str, ReachedBar]:
    """Return what competence hangs on, without what only the choice of a remedy does."""
    return {name: one for name, one in record.get("reached", {}).items() if name in _SENTENCES}


def _missed(record: JudgeRecord) -> list[str]:
    return [name for name, one in _competence(record).items() if one["value"] < one["bar"]]


_SENTENCES = {
    "label": "find the label in only {} of the refined ones (bar {})",
    "consensus": "say the same of only {} of the refined ones (bar {})",
    "power": "can be relied on to find only {} of the planted corruption (bar {})",
}


def _short(record: JudgeRecord | None) -> str:
    """Return by how much a judge ensemble misses each of its bars."""
    missed = [
        sentence.format(percent(record["reached"][name]["value"]), percent(record["reached"][name]["bar"]))
        for name, sentence in _SENTENCES.items()
        if record and name in _missed(record)
    ]
    return " and ".join(missed) or "are not competent"


def _remedy(action: Action, images: int | None, why: str, *commands: list[str]) -> Remedy:
    return {"action": action, "images": images, "why": f"{why}.", "commands": [shlex.join(one) for one in commands]}


def _again(audit: Audit, output: Path, flag: str = "", value: str = "") -> list[str]:
    """Return the command of this audit, into a folder next to it, with a flag set."""
    made = audit["provenance"]
    judges = [*recorded_texts(made, "judge"), *[value] * (flag == "judge")]
    target = output.with_name(f"{output.name}-2")
    words = flag_words(AuditOptions, {**made, flag: value, "judge": judges, "output": target})
    return ["refine", "audit", *words]


def _sample(output: Path, images: int, why: str) -> Remedy:
    asked = flag_words(AuditOptions, {"output": output, "sample": images})
    answered = flag_words(AuditOptions, {"output": output, "decisions": output / SAMPLE_CSV})
    return _remedy("sample", images, why, ["refine", "audit", *asked], ["refine", "audit", *answered])
