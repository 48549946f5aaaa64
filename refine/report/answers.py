"""The three questions and what the figures say to them. What got worse is said as plainly as what got better."""

from statistics import mean
from typing import Literal, NamedTuple

from refine.apply.files import shown
from refine.report.measured import NAMES, Benchmark, Metrics, Row, Score
from refine.report.numbers import number
from refine.report.refined import RefinedDataset

BASELINES = frozenset({"synthetic", "color_transfer", "target_supervised"})

Mark = Literal["good", "bad", "even", "unknown"]

VERDICTS: dict[Mark, str] = {"good": "✓ yes", "bad": "✗ no", "even": "= the same", "unknown": ""}
MIXED = "± mixed"


class Answer(NamedTuple):
    """One question answered."""

    question: str
    mark: Mark
    verdict: str
    """One word; empty where nothing was measured."""
    figure: str
    """The answer in one glance."""
    sentences: list[str]


def two(before: float, after: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart, three at least."""
    for digits in range(3, 17):
        texts = number(before, digits), number(after, digits)
        if texts[0] != texts[1]:
            break
    return texts if before != after else (number(before), number(after))


def percent(share: float) -> str:
    """0.812 as `81.2 %`."""
    return f"{100 * share:.1f} %"


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\u202f")


def is_it_more_real(metrics: Metrics | None) -> Answer:
    """By the first metric; the others are told where they disagree."""
    question = "Is it more real?"
    if metrics is None:
        return Answer(question, "unknown", "", "not measured", [])
    name = metrics.names[0]
    scores = metrics.compared(name)
    before, after, floor = scores["synthetic"], scores["refined"], scores.get("real_floor")
    texts = two(before.value, after.value)
    mark = _direction(before, after)
    told = {
        "good": f"The refined images are nearer to the real ones than the synthetic images were: {shown(name)} fell "
        f"from {texts[0]} to {texts[1]}.",
        "bad": f"The refined images are farther from the real ones than the synthetic images were: {shown(name)} rose "
        f"from {texts[0]} to {texts[1]}.",
    }
    sentences = [told.get(mark, f"Refining did not change {shown(name)}: {texts[0]}.")]
    whole = metrics.rows["synthetic"][name].interval, metrics.rows["refined"][name].interval
    if _overlap(before.interval or whole[0], after.interval or whole[1]):
        sentences.append("The intervals of the two overlap: the difference may be chance.")
    if floor:
        sentences.append(f"Two halves of the real images are {number(floor.value)} apart: that is the floor.")
    else:
        sentences.append("No floor was measured, so it is not known how low it could be.")
    verdict = VERDICTS[mark]
    for other in metrics.names[1:]:
        pair = metrics.compared(other)
        if (direction := _direction(pair["synthetic"], pair["refined"])) != mark:
            low, high = two(pair["synthetic"].value, pair["refined"].value)
            verb = {"good": "fell", "bad": "rose"}.get(direction, "did not change")
            sentences.append(f"But {shown(other)} {verb}: {low} before, {high} after.")
            verdict = MIXED
    return Answer(question, "even" if verdict == MIXED else mark, verdict, f"{texts[0]} → {texts[1]}", sentences)


def _direction(before: Score, after: Score) -> Mark:
    return "even" if before.value == after.value else "good" if after.value < before.value else "bad"


def _overlap(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]


def are_the_labels_intact(dataset: RefinedDataset) -> Answer:
    """What the manifest says; whether each picture still shows its label is for `refine audit` and for eyes."""
    failed = len(dataset.failures)
    lost = sum(failure.kind == "carried" for failure in dataset.failures)
    images = len(dataset.images) + dataset.within
    where = f"in {count(dataset.containers, 'container')}" if dataset.containers else "each under its own path"
    sentences = [
        f"{count(images, 'image')} refined, {where} and with its size and mode.",
        f"{count(dataset.carried, 'other file')}, the label files among them, carried byte for byte."
        if dataset.carried
        else "Labels in the containers are byte for byte the same."
        if dataset.containers
        else "There are no files beside the images; labels that stand in folder names are in the same places.",
    ]
    if failed:
        sentences.append(
            f"{count(failed, 'file')} failed and {'is' if failed == 1 else 'are'} missing from the refined dataset"
            + (f", {lost} of them no image: labels may be lost" if lost else "")
            + ". The list is below; a label file of its own would stand there without its image."
        )
    if not dataset.finished:
        sentences.append("`refine apply` has not come to its end here: run the same command again.")
    sentences.append(
        "This holds for the files. Whether a picture still shows what its label says is not measured here: look at "
        "the largest changes."
    )
    figure = f"{count(dataset.carried, 'file')} identical" if dataset.carried else "labels in place"
    mark: Mark = "bad" if lost or not dataset.finished else "even" if failed else "good"
    verdict = VERDICTS[mark] if dataset.finished else "✗ not finished"
    return Answer(
        "Are the labels intact?", mark, f"! {failed} missing" if mark == "even" else verdict, figure, sentences
    )


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
    called = {name.replace("_", "").lower(): name for name in rows if name not in {"synthetic", "target_supervised"}}
    told = [called[name] for name in ("refined", *names) if name in called][:1] or [
        name for name in rows if name not in BASELINES and not name.endswith("+synthetic")
    ]
    if not told or "synthetic" not in rows:
        return Answer(question, "unknown", "", "see the table", ["The benchmark has no synthetic and refined rows."])
    before, after = mean(rows["synthetic"].scores), [mean(rows[name].scores) for name in told]
    sentences = [sentence for name in told for sentence in _against_synthetic(name, benchmark)]
    if target := rows.get("target_supervised"):
        sentences.append(f"Trained on labeled real images it reaches {percent(mean(target.scores))}.")
    ends = percent(after[0]) if len(after) == 1 else f"{100 * min(after):.1f} … {percent(max(after))}"
    marks: set[Mark] = {_gain(before, each) for each in after}
    mark: Mark = "even" if len(marks) > 1 else next(iter(marks))
    verdict = MIXED if len(marks) > 1 else VERDICTS[mark]
    return Answer(question, mark, verdict, f"{percent(before)} → {ends}", sentences)


def _gain(before: float, after: float) -> Mark:
    return "good" if after > before else "bad" if after < before else "even"


def _against_synthetic(name: str, benchmark: Benchmark) -> list[str]:
    """What one row's score says, and how far that can be trusted."""
    row, synthetic, color = (benchmark.rows.get(other) for other in (name, "synthetic", "color_transfer"))
    assert row is not None
    assert synthetic is not None
    before, after = mean(synthetic.scores), mean(row.scores)
    verdict = {"good": "better", "bad": "worse"}.get(_gain(before, after), "no better and no worse")
    sentences = [
        f"A model trained on {_called(name)} images is {verdict} on real ones than one trained on the synthetic "
        f"images as they are: {_score(after, benchmark)} against {percent(before)}."
    ]
    if (closed := benchmark.gap_closed.get(name, 0)) > 0:
        sentences.append(f"That closes {percent(closed)} of the gap to labeled real images.")
    if before != after and _may_be_chance(row, synthetic):
        sentences.append("The two overlap: the difference may be chance.")
    if color and color is not row and mean(color.scores) >= after:
        compared = "better" if mean(color.scores) > after else "as well"
        sentences.append(f"Matching the color statistics alone does {compared}: {percent(mean(color.scores))}.")
    return sentences


def _score(share: float, benchmark: Benchmark) -> str:
    return f"{percent(share)} {'right' if benchmark.metric == 'accuracy' else benchmark.metric}"


def _may_be_chance(one: Row, other: Row) -> bool:
    """Whether the intervals overlap; without intervals, the seeds."""
    if one.interval and other.interval:
        return _overlap(one.interval, other.interval)
    return max(min(one.scores), min(other.scores)) <= min(max(one.scores), max(other.scores))


def _called(name: str) -> str:
    return NAMES.get(name, "refined" if name == "refined" else f"refined ({shown(name)})")
