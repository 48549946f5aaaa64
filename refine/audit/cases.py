"""Single images of an audit as a page shows them: before and after with the label over both, and what was found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from refine.audit.result import Certificate, JudgeRecord, Verdict
from refine.data.annotation import Annotation
from refine.data.layouts import Layout
from refine.data.samples import LabelSpace, Record
from refine.errors import InputError
from refine.progress import track
from refine.report.kit.format import number
from refine.report.kit.overlay import Legend, caption, class_colors, drawn_classes, outline_label
from refine.report.kit.pictures import PHOTOGRAPH, TINY, data_uri, fit

BOX = PHOTOGRAPH
"""The longest side of a picture in its file: lines and letters are drawn at this size, and must not shrink again."""


class ScoreText(NamedTuple):
    """One figure of a certificate."""

    name: str
    text: str
    over: bool
    """Whether it lies above its threshold."""


class Case(NamedTuple):
    """One image of the page."""

    key: str
    label: str
    """What is said better than drawn: the class, or the angles."""
    verdict: Verdict
    rank: int
    """Place in the order of suspicion; 0 without one."""
    by: str
    """Who else had a say; empty where the audit alone decided."""
    reasons: list[str]
    scores: list[ScoreText]
    pictures: dict[str, str]
    """Data URIs by caption; empty where one of the two images cannot be read."""
    large: bool
    """Whether they are photographs rather than thumbnails."""
    missing: str
    """Why there are no pictures."""
    classes: frozenset[int]
    """What is drawn over them."""


def worst_first(certificates: Iterable[Certificate], judges: Mapping[str, JudgeRecord]) -> list[Certificate]:
    """Sorted by rank where they have one; else first those with the score farthest above its threshold, in thresholds;
    then by number of reasons, key.

    Args:
        certificates: In any order.
        judges: As they stand in `audit.json`; a score without a competent judge of its name counts nothing.
    """
    return sorted(certificates, key=lambda each: _place(each, judges))


def _place(each: Certificate, judges: Mapping[str, JudgeRecord]) -> tuple[int, float, int, str]:
    return each.get("rank", 0), -_excess(each, judges), -len(each["reasons"]), each["key"]


def _excess(certificate: Certificate, judges: Mapping[str, JudgeRecord]) -> float:
    able = {name: judge for name, judge in judges.items() if judge["competent"]}
    thresholds = {name: judge.get("fail_threshold", judge["threshold"]) for name, judge in able.items()}
    return max(
        (
            (score - thresholds[name]) / max(abs(thresholds[name]), 1e-6)
            for name, score in certificate["scores"].items()
            if name in thresholds
        ),
        default=0.0,
    )


def cases(
    certificates: Sequence[Certificate], synthetic: Layout, refined: Layout, judges: Mapping[str, JudgeRecord]
) -> list[Case]:
    """In the order of the certificates, with a progress bar.

    Args:
        certificates: Those to show.
        synthetic: Images before, and the labels that are drawn over both sides.
        refined: Images after, under the same keys.
        judges: As they stand in `audit.json`.
    """
    before, after = ({record.key: record for record in layout.records()} for layout in (synthetic, refined))
    return [
        _case(each, (synthetic, before.get(each["key"])), (refined, after.get(each["key"])), judges)
        for each in track(certificates, "draw labels")
    ]


Place = tuple[Layout, Record | None]


def _case(certificate: Certificate, before: Place, after: Place, judges: Mapping[str, JudgeRecord]) -> Case:
    pictures: dict[str, str] = {}
    annotation, label, missing, large = Annotation(), "", "", False
    try:
        annotation, label = annotation_of(*before)
        images = {"before": image_of(*before), "after": image_of(*after)}
        pictures = {name: drawn_over(image, annotation, before[0].label_space) for name, image in images.items()}
        large = max(images["before"].shape) > TINY
    except (InputError, OSError) as error:
        missing = str(error)
    said = certificate.get("audit_verdict")
    by = f"by a person{f'; the audit said {said}' if said else ''}" if certificate["by"] == "person" else ""
    return Case(
        key=certificate["key"],
        label=label,
        verdict=certificate["verdict"],
        rank=certificate.get("rank", 0),
        by=by,
        reasons=certificate["reasons"],
        scores=[_score(name, value, judges.get(name)) for name, value in certificate["scores"].items()],
        pictures=pictures,
        large=large,
        missing=missing,
        classes=drawn_classes(annotation),
    )


def _score(name: str, value: float, judge: JudgeRecord | None) -> ScoreText:
    """With its threshold, where it has one that counts."""
    if judge is None or not judge["competent"]:
        return ScoreText(name, number(value), False)
    review, fail = judge["threshold"], judge.get("fail_threshold")
    if fail is not None and value > fail:
        return ScoreText(name, f"{number(value)} > {number(fail)} (fail)", True)
    over = value > review
    return ScoreText(name, f"{number(value)} {'>' if over else '≤'} {number(review)} (review)", over)


def annotation_of(layout: Layout, record: Record | None) -> tuple[Annotation, str]:
    """The label of an image, and what of it is said better than drawn."""
    if record is None or layout.label_space.kind == "none":
        return Annotation(), ""
    try:
        annotation = layout.annotation(record)
    except InputError:  # the pictures tell something without it
        return Annotation(), "its label cannot be read"
    return annotation, caption(annotation, layout.label_space)


def image_of(layout: Layout, record: Record | None) -> Tensor:
    """``(3, H, W)`` uint8."""
    if record is None:
        raise InputError(f"not in {layout.root.name}")
    return layout.image(record, 3)


def drawn_over(image: Tensor, annotation: Annotation, space: LabelSpace) -> str:
    """A data URI of the image with its label over it."""
    picture = fit(Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()), BOX)
    return data_uri(outline_label(picture, annotation, space, (image.shape[1], image.shape[2])))


def legend(shown_cases: Iterable[Case], space: LabelSpace) -> list[Legend]:
    """The colors of the classes that are drawn; a class that is written needs none."""
    colors = class_colors(space)
    used = sorted(set().union(*(case.classes for case in shown_cases)))
    return [Legend(space.names[index], colors[index]) for index in used if index < len(space.names)]
