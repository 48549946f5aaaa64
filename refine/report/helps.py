"""The third question: does it help a model that is trained on it?"""

import re
from statistics import mean

from refine.files import shown
from refine.report.benchmarked import Benchmark, Row
from refine.report.kit.format import p_text, percent
from refine.report.kit.page import CHANCE, MIXED, VERDICTS, Answer, Mark
from refine.report.measured import NAMES, overlap

BASELINES = {
    "color_transfer": "matching the color statistics",
    "histogram_matching": "matching the histograms",
    "fda": "FDA",
    "randomization": "random appearance in training",
}
"""What can be done without a translator, by the name of its row."""

MIXTURE = re.compile(r"\+(synthetic|\d+_real)$")
"""How rows end that train on more than one refined dataset."""


def does_it_help(benchmark: Benchmark | None, names: tuple[str, ...] = ()) -> Answer:
    """Accuracy, or mIoU, on real images after training on each kind of data.

    Args:
        benchmark: What was measured.
        names: What this dataset's row may be called, beside ``refined``. Where there is no such row, every row
            that is no baseline is told, not the best one alone.
    """
    question = "Does it help?"
    if benchmark is None:
        return Answer(question, "unknown", "", "not measured", [])
    rows = benchmark.rows
    apart = {"synthetic", "target_supervised"}
    called = {name.replace("_", "").lower(): name for name in rows if name not in apart}
    told = [called[name] for name in ("refined", *names) if name in called][:1] or [
        name for name in rows if name not in {*apart, *BASELINES} and not MIXTURE.search(name)
    ]
    if not told or "synthetic" not in rows:
        return Answer(question, "unknown", "", "see the table", ["The benchmark has no synthetic and refined rows."])
    before, after = mean(rows["synthetic"].scores), [mean(rows[name].scores) for name in told]
    sentences = [sentence for name in told for sentence in _against_synthetic(name, benchmark)]
    if target := rows.get("target_supervised"):
        sentences.append(f"Trained on labeled real images it reaches {benchmark.text(mean(target.scores))}.")
    ends = benchmark.text(after[0])
    if len(after) > 1:
        ends = f"{benchmark.text(min(after)).removesuffix(' %')} … {benchmark.text(max(after))}"
    marks: set[Mark] = {_gain(before, each, benchmark) for each in after}
    mark: Mark = "even" if len(marks) > 1 else next(iter(marks))
    verdict = MIXED if len(marks) > 1 else VERDICTS[mark]
    tests = [difference for name in told if (difference := rows[name].difference) and difference.p is not None]
    if len(tests) == len(told) and all(difference.may_be_chance for difference in tests):
        mark, verdict = "even", CHANCE
    return Answer(question, mark, verdict, f"{benchmark.text(before)} → {ends}", sentences)


def _gain(before: float, after: float, benchmark: Benchmark) -> Mark:
    gain = benchmark.gain(before, after)
    return "good" if gain > 0 else "bad" if gain < 0 else "even"


def _against_synthetic(name: str, benchmark: Benchmark) -> list[str]:
    """What one row's score says, and how far that can be trusted."""
    row, synthetic = benchmark.rows[name], benchmark.rows["synthetic"]
    before, after = mean(synthetic.scores), mean(row.scores)
    figures = f"{_score(after, benchmark)} against {benchmark.text(before)}"
    if row.difference is not None and row.difference.p is not None and row.difference.may_be_chance:
        sentences = [
            f"No difference is shown on real images between models trained on {_called(name)} images and on the "
            f"synthetic images as they are: {figures}."
        ]
    else:
        verdict = {"good": "better", "bad": "worse"}.get(_gain(before, after, benchmark), "no better and no worse")
        sentences = [
            f"A model trained on {_called(name)} images is {verdict} on real ones than one trained on the synthetic "
            f"images as they are: {figures}."
        ]
    if (closed := benchmark.gap_closed.get(name, 0)) > 0:
        ends = benchmark.gap_intervals.get(name)
        told = f" (95 % {percent(ends[0])} to {percent(ends[1])})" if ends else ""
        sentences.append(f"That closes {percent(closed)}{told} of the gap to labeled real images.")
    if row.translators > 1:
        sentences.append(f"It is the mean over {row.translators} translator seeds; the interval covers their draw.")
    if before != after:
        sentences += _trusted(row, synthetic, benchmark)
    for baseline, words in BASELINES.items():
        other = benchmark.rows.get(baseline)
        if other and other is not row and benchmark.gain(after, mean(other.scores)) >= 0:
            score = mean(other.scores)
            compared = "better" if benchmark.gain(after, score) > 0 else "as well"
            sentences.append(f"Without a translator, {words} alone does {compared}: {benchmark.text(score)}.")
    return sentences


def _score(value: float, benchmark: Benchmark) -> str:
    return f"{benchmark.text(value)} {'right' if benchmark.metric == 'accuracy' else benchmark.name}"


def _trusted(row: Row, synthetic: Row, benchmark: Benchmark) -> list[str]:
    """How far a difference can be trusted: by its test; without one, by the intervals; without these, by the seeds."""
    if (difference := row.difference) and difference.p is not None:
        ends = f", 95 % {benchmark.differences(difference.interval)}" if difference.interval else ""
        p = f"p = {p_text(difference.p)} (Holm, over the rows)".replace("= <", "<")
        figures = f"{benchmark.difference(difference.value)}{ends}, {p}"
        return [f"The difference {'may be' if difference.may_be_chance else 'is more than'} chance: {figures}."]
    if row.interval and synthetic.interval:
        chance = overlap(row.interval, synthetic.interval)
    else:
        one, other = row.scores, synthetic.scores
        chance = max(min(one), min(other)) <= min(max(one), max(other))
    return ["The two overlap: the difference may be chance."] if chance else []


def _called(name: str) -> str:
    return NAMES.get(name, "refined" if name == "refined" else f"refined ({shown(name)})")
