"""Two of the three questions, and what the figures say to them: what got worse as plainly as what got better."""

from refine.audit.summary import are_they_right, competent, verdicts
from refine.files import shown
from refine.report.audited import Audited
from refine.report.kit.format import count, number, two
from refine.report.kit.page import CHANCE, MIXED, VERDICTS, Answer, Mark
from refine.report.measured import Metrics, Score, overlap
from refine.report.refined import RefinedDataset, Repaired


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
    moved = "fell" if after.value < before.value else "rose"
    told = {
        "good": f"The refined images are nearer to the real ones than the synthetic images were: {shown(name)} {moved} "
        f"from {texts[0]} to {texts[1]}.",
        "bad": f"The refined images are farther from the real ones than the synthetic images were: {shown(name)} "
        f"{moved} from {texts[0]} to {texts[1]}.",
    }
    sentences = [told.get(mark, f"Refining did not change {shown(name)}: {texts[0]}.")]
    if after.higher_is_nearer:
        sentences.append(f"Of {shown(name)}, higher is nearer.")
    if chance := _chance(name, metrics):
        sentences.append(chance)
    if floor:
        apart = "reach" if floor.higher_is_nearer else "are"
        found = f"{number(floor.value)}{'' if floor.higher_is_nearer else ' apart'}"
        sentences.append(f"Two halves of the real images {apart} {found}: that is the floor.")
    else:
        sentences.append("No floor was measured, so it is not known how low it could be.")
    change = metrics.rows["refined"][name].change
    tested = change is not None and change.may_be_chance
    verdict = CHANCE if tested else VERDICTS[mark]
    for other in metrics.names[1:]:
        pair = metrics.compared(other)
        direction = _direction(pair["synthetic"], pair["refined"])
        if direction != mark and not _chance(other, metrics):
            low, high = two(pair["synthetic"].value, pair["refined"].value)
            fell = pair["refined"].value < pair["synthetic"].value
            verb = "did not change" if direction == "even" else "fell" if fell else "rose"
            of = ", where higher is nearer" if pair["refined"].higher_is_nearer else ""
            sentences.append(f"But {shown(other)} {verb}{of}: {low} before, {high} after.")
            verdict = MIXED
    if metrics.warnings:
        sentences.append(f"{count(len(metrics.warnings), 'warning')} on how these were measured: see below.")
    return Answer(
        question, "even" if verdict in {CHANCE, MIXED} else mark, verdict, f"{texts[0]} → {texts[1]}", sentences
    )


def _direction(before: Score, after: Score) -> Mark:
    nearer = after.value > before.value if after.higher_is_nearer else after.value < before.value
    return "even" if before.value == after.value else "good" if nearer else "bad"


def _chance(name: str, metrics: Metrics) -> str:
    """That a change may be chance; empty where it is more, or where nobody knows.

    The interval of the change, with all images on both sides, says it; without one, the two sides' own intervals.
    """
    before, after = (metrics.rows[side][name] for side in ("synthetic", "refined"))
    if after.change and after.change.interval:
        low, high = after.change.interval
        span = f"{number(low)} to {number(high)}"
        return f"The change may be chance: its 95 % interval is {span}." if after.change.may_be_chance else ""
    pair = metrics.compared(name)
    if overlap(pair["synthetic"].interval or before.interval, pair["refined"].interval or after.interval):
        return "The intervals of the two overlap: the difference may be chance."
    return ""


def are_the_labels_intact(dataset: RefinedDataset, audited: Audited | None = None) -> Answer:
    """What the manifest says of the files and, where there is one, an audit of the pictures.

    Args:
        dataset: What the manifest says.
        audited: What `refine audit` found. Without it, whether each picture still shows its label is for eyes.
    """
    files = _files(dataset)
    if audited is None:
        unseen = (
            "This holds for the files. Whether a picture still shows what its label says is not measured here: look "
            "at the largest changes."
        )
        return files._replace(sentences=[*files.sentences, unseen])
    audit = audited.summary
    pictures = are_they_right(audit)
    if audited.sha256 == dataset.repaired.audit:
        before = (
            "This audit is of the images before they were repaired by it. Audit the refined dataset again to know how "
            "it stands."
        )
        pictures = pictures._replace(mark="unknown", verdict="± before repair", sentences=[before, *pictures.sentences])
    worse = files if _BADNESS.index(files.mark) > _BADNESS.index(pictures.mark) else pictures
    images = len(dataset.images) + dataset.within
    other = [f"The audit is of {count(audit['images'], 'image')}; {count(images, 'image')} were refined."]
    sentences = [*pictures.sentences, verdicts(audit), *(other if audit["images"] != images else [])]
    return Answer(
        pictures.question,
        worse.mark,
        worse.verdict,
        pictures.figure,
        [*sentences, competent(audit), f"The files: {files.figure}.", *files.sentences],
    )


_BADNESS: tuple[Mark, ...] = ("good", "even", "unknown", "bad")


def _files(dataset: RefinedDataset) -> Answer:
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
    sentences += _repaired(dataset.repaired)
    if failed:
        sentences.append(
            f"{count(failed, 'file')} failed and {'is' if failed == 1 else 'are'} missing from the refined dataset"
            + (f", {lost} of them no image: labels may be lost" if lost else "")
            + ". The list is below; a label file of its own would stand there without its image."
        )
    if not dataset.finished:
        sentences.append("`refine apply` has not come to its end here: run the same command again.")
    figure = f"{count(dataset.carried, 'file')} identical" if dataset.carried else "labels in place"
    mark: Mark = "bad" if lost or not dataset.finished else "even" if failed else "good"
    verdict = VERDICTS[mark] if dataset.finished else "✗ not finished"
    return Answer(
        "Are the labels intact?", mark, f"! {failed} missing" if mark == "even" else verdict, figure, sentences
    )


def _repaired(repaired: Repaired) -> list[str]:
    """What became of images that an audit said no to."""
    parts = [
        f"{count(number, 'image')} {text}"
        for number, text in (
            (repaired.weakened, "with less of the change"),
            (repaired.originals, "left as in the input"),
            (repaired.left_out, "left out"),
        )
        if number
    ]
    labels = f", with {count(repaired.labels_left_out, 'label file')}" if repaired.labels_left_out else ""
    return [f"Because an audit said no to them: {', '.join(parts)}{labels}."] if parts else []
