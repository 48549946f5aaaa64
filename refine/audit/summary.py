"""An audit in a figure and some sentences, for its page, the report and the terminal; the limits of what it can say are
stated as plainly."""

from refine.audit.result import Audit, Power, Rate, SampledRate, ensemble_of
from refine.files import shown
from refine.metrics.intervals import clopper_pearson
from refine.report.kit.format import at_most, count, number, percent
from refine.report.kit.page import VERDICTS as VERDICTS_OF_MARKS
from refine.report.kit.page import Answer, Mark

QUESTION = "Are the labels right?"
BOUND = "Bound under planted corruption"
LARGE_SHARE = 0.1
"""Share of wrong labels that a yes has to exclude: by the bound, or by the upper end of a random sample."""


def are_they_right(audit: Audit) -> Answer:
    """A no where more images fail than false alarms explain; a yes where all pass, and `LARGE_SHARE` is excluded."""
    bound = audit["bound_under_planted_corruption"]
    upper, passed = bound["upper"], bound["upper_of_passed"]
    sure = f"with {percent(bound['confidence'])} confidence".replace(".0 %", " %")
    sentences = []
    if upper is not None:
        sentences.append(f"{BOUND}: at most {at_most(upper)} of all labels are wrong, {sure}.")
    if passed is not None:
        sentences.append(f"{BOUND}: among the images that passed, at most {at_most(passed)} are wrong, {sure}.")
    if upper is None and passed is None:
        sentences = ["How many labels are wrong cannot be said.", *bound["reasons"]]
    mark, verdict = _mark(audit)
    figure = "not known" if upper is None else f"≤ {at_most(upper)} wrong"
    if upper is None and passed is not None:
        figure = f"≤ {at_most(passed)} wrong of those that passed"
    if "sample" in audit:
        found = audit["sample"]["all"]
        figure = f"{_range_of(found)} wrong ({ends_text(found)})"
    return Answer(QUESTION, mark, verdict, figure, [*people_sentences(audit), *sentences, *_excess(audit)])


def people_sentences(audit: Audit) -> list[str]:
    """Return what people's answers say: how many labels are wrong by a random sample, first of all figures; and how
    many of the wrong labels that people found did not pass (natural power)."""
    sentences = []
    if sample := audit.get("sample"):
        units = "whole groups of " if sample["grouped"] else ""
        open_ones = f", {sample['unsure']} of them not sure or not answered" if sample["unsure"] else ""
        sentences.append(
            f"Random sample of {units}{count(sample['drawn'], 'image')}, judged by a person{open_ones}: "
            f"{_range_of(sample['all'])} of all labels are wrong ({_ends_of(sample['all'])})."
        )
        if passed := sample["passed"]:
            ends = _ends_of(passed)
            sentences.append(
                f"Of the images that had passed when the sample was drawn, {_range_of(passed)} are ({ends})."
            )
        if power := sample["natural_power"]:
            sentences.append(
                f"Natural power: of the wrong labels in the sample, {percent(power['rate'])} did not pass "
                f"({_ends_of(power)})."
            )
    elif found := audit.get("natural_power"):
        sentences.append(
            f"Natural power: of {count(found['n'], 'wrong label')} that a person found, {percent(found['rate'])} had "
            f"not passed (interval {ends_text(found)}, if these images are a random part; --sample draws one)."
        )
    return sentences


def _range_of(found: SampledRate) -> str:
    low, high = found["rate"], found["rate_if_unsure_are_wrong"]
    return percent(low) if low == high else f"{100 * low:.1f} to {percent(high)}"


def _ends_of(found: SampledRate) -> str:
    return f"exact 95 % interval {ends_text(found)}"


def ends_text(found: Rate | SampledRate) -> str:
    """Return both ends of an interval."""
    return f"{100 * found['low']:.1f} to {percent(found['high'])}"


def inconclusive_sentences(audit: Audit) -> list[str]:
    """Return the first sentences on an inconclusive audit: that it is, and what its order of images is worth; none for
    others."""
    if not audit.get("remedies"):
        return []
    open_ones = audit["counts"]["inconclusive"]
    sentences = [
        f"Inconclusive: no judge is competent on {open_ones} of {count(audit['images'], 'image')}. What would help, "
        "the cheapest first:"
    ]
    if ranking := audit.get("ranking"):
        sentences.append(
            f"Until then, look at the images in the order of their score by the {shown(ranking['by'])} judges, who "
            f"find {percent(ranking['rate'])} of the planted corruption: the rank in audit.jsonl is an order, not a "
            "verdict."
        )
    return sentences


def caveats(audit: Audit) -> list[str]:
    """Return how far that holds, one sentence each."""
    people = [f"{count(audit['decided_by_person'], 'verdict')} given by a person."] * bool(audit["decided_by_person"])
    absent = audit.get("missing", 0)
    gone = [f"{count(absent, 'synthetic image')} without a refined one: not judged."] if absent else []
    return [*_judges(audit), _weakest(audit["power"]), *gone, *people]


def counts_sentence(audit: Audit) -> str:
    """Return the counts in a sentence."""
    counts, total = audit["counts"], max(1, audit["images"])
    told = {"pass": "passed", "review": "are for a person to look at", "fail": "failed", "inconclusive": "inconclusive"}
    parts = [
        f"{percent(counts[name] / total)} {text} ({counts[name]:,})".replace(",", "\u202f")
        for name, text in told.items()
        if counts[name]
    ]
    return f"Of {count(audit['images'], 'image')}, {', '.join(parts)}." if parts else "No image was judged."


def competence_sentence(audit: Audit) -> str:
    """Return how many judges are competent."""
    able, judges = able_judges(audit)
    return f"{able} of {count(judges, 'judge')} competent on these images." if judges else "There was no judge."


def able_judges(audit: Audit) -> tuple[int, int]:
    """Return the number of competent judges and of all; one that measures several things is one."""
    judges = {ensemble_of(name): judge["competent"] for name, judge in audit["judges"].items()}
    return sum(judges.values()), len(judges)


def more_than_chance(audit: Audit) -> bool:
    """Return whether more images fail than the rate of false rejects, at its highest, explains."""
    judged = audit["images"] - audit["counts"]["inconclusive"]
    return judged > 0 and clopper_pearson(audit["counts"]["fail"], judged)[0] > audit["false_rejects"]["high"]


def _mark(audit: Audit) -> tuple[Mark, str]:
    counts, upper, sample = audit["counts"], audit["bound_under_planted_corruption"]["upper"], audit.get("sample")
    bounded = upper is not None and counts["inconclusive"] * 2 <= audit["images"]
    # A sample that is hardly answered leaves open what it was drawn for.
    sampled = sample is not None and not sample["all"]["low"] <= LARGE_SHARE < sample["all"]["high"]
    if more_than_chance(audit):
        return "bad", f"✗ {counts['fail']} failed"
    if not bounded and not sampled:
        return "unknown", "? inconclusive"
    if counts["fail"]:
        return "even", f"! {counts['fail']} failed"
    if counts["inconclusive"]:
        return "even", f"! {counts['inconclusive']} inconclusive"
    if counts["review"]:
        return "even", f"! {counts['review']} to look at"
    ends = (upper, None if sample is None else sample["all"]["high"])
    small = any(end is not None and end <= LARGE_SHARE for end in ends)
    return ("good", VERDICTS_OF_MARKS["good"]) if small else ("unknown", "? inconclusive")


def _excess(audit: Audit) -> list[str]:
    if not audit["counts"]["fail"]:
        return []
    rejects = audit["false_rejects"]
    alarms = f"false alarms ({percent(rejects['rate'])} of perturbations are rejected, interval {ends_text(rejects)})"
    return [f"{'More' if more_than_chance(audit) else 'No more'} fail than {alarms} may explain."]


def _judges(audit: Audit) -> list[str]:
    """Return the judges that are not competent, and why; all measures of one judge share its reason."""
    records = {ensemble_of(name): judge for name, judge in audit["judges"].items() if not judge["competent"]}
    return [
        f"The judge {shown(name)} is not competent here: {number(judge['measured'])} where {number(judge['bar'])} was "
        f"asked for. {judge['why']}"
        for name, judge in records.items()
    ]


def _weakest(power: list[Power]) -> str:
    if not power:
        return "No corruption was planted, so it is not known how much of it would be found."
    best: dict[str, Power] = {}
    for each in power:
        other = best.get(each["harm"])
        if other is None or each["rate"] > other["rate"]:
            best[each["harm"]] = each
    least, most = (choose(best.values(), key=lambda power: power["rate"]) for choose in (min, max))
    text = f"Planted on purpose, {_planted(most)} is found in {percent(most['rate'])}"
    return f"{text}." if least is most else f"{text}, {_planted(least)} in only {percent(least['rate'])}."


def _planted(power: Power) -> str:
    size = "" if power["size"] is None else f" ({number(power['size'])} {power['unit']})"
    return f"“{shown(power['harm'])}”{size}"
