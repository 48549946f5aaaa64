"""Single images of an audit as pages show them with their labels: cases with what was found, before and after; and the
questions of a random sample, which show no verdict."""

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from PIL import Image
from torch import Tensor

import refine
from refine.audit.result import SAMPLE_CSV, Certificate, JudgeRecord, Verdict
from refine.data.layouts import Layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import shown
from refine.labels import Annotation, LabelSpace
from refine.report.kit.format import number
from refine.report.kit.overlay import Legend, caption, drawn_classes, legend, outline_label
from refine.report.kit.page import template
from refine.report.kit.pictures import PHOTOGRAPH, TINY, data_uri, fit_within
from refine.terminal import track

SAMPLE_TEMPLATE = Path(__file__).with_name("sample.html.j2")


class ShownScore(NamedTuple):
    """One figure of a certificate."""

    name: str
    text: str
    over: bool
    """Whether it lies above its threshold."""


class ShownCase(NamedTuple):
    """One image of the page."""

    key: str
    label: str
    """The part of the label that is better written than drawn: the class, or the angles."""
    verdict: Verdict
    rank: int
    """Place in the order of judge scores, 1 first; 0 without one."""
    by: str
    """Who else had a say; empty where the audit alone decided."""
    reasons: list[str]
    scores: list[ShownScore]
    pictures: dict[str, str]
    """Data URIs by caption; empty where one of the two images cannot be read."""
    large: bool
    """Whether they are photographs rather than thumbnails."""
    missing: str
    """Why there are no pictures."""
    classes: frozenset[int]
    """Classes that are drawn over them."""


def cases(
    certificates: Sequence[Certificate], synthetic: Layout, refined: Layout, judges: Mapping[str, JudgeRecord]
) -> list[ShownCase]:
    """Return cases in the order of the certificates, with a progress bar.

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


def _case(certificate: Certificate, before: Place, after: Place, judges: Mapping[str, JudgeRecord]) -> ShownCase:
    pictures: dict[str, str] = {}
    annotation, label, missing, large = Annotation(), "", "", False
    try:
        annotation, label = _annotation_of(*before)
        images = {"before": _image_of(*before), "after": _image_of(*after)}
        pictures = {name: _drawn_over(image, annotation, before[0].label_space) for name, image in images.items()}
        large = max(images["before"].shape) > TINY
    except (InputError, OSError) as error:
        missing = str(error)
    said = certificate.get("audit_verdict")
    by = f"by a person{f'; the audit said {said}' if said else ''}" if certificate["by"] == "person" else ""
    return ShownCase(
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


def _score(name: str, value: float, judge: JudgeRecord | None) -> ShownScore:
    """Return a score with its threshold, where it has one that counts."""
    if judge is None or not judge["competent"]:
        return ShownScore(name, number(value), False)
    review, fail = judge["threshold"], judge.get("fail_threshold")
    if fail is not None and value > fail:
        return ShownScore(name, f"{number(value)} > {number(fail)} (fail)", True)
    over = value > review
    return ShownScore(name, f"{number(value)} {'>' if over else '≤'} {number(review)} (review)", over)


def _annotation_of(layout: Layout, record: Record | None) -> tuple[Annotation, str]:
    """Return the label of an image, and the part of it that is better written than drawn."""
    if record is None or not layout.label_space.is_labeled:
        return Annotation(), ""
    try:
        annotation = layout.annotation(record)
    except InputError:  # the pictures tell something without it
        return Annotation(), "its label cannot be read"
    return annotation, caption(annotation, layout.label_space)


def _image_of(layout: Layout, record: Record | None) -> Tensor:
    """``(3, H, W)`` uint8."""
    if record is None:
        raise InputError(f"not in {layout.root.name}")
    return layout.image(record, 3)


def _drawn_over(image: Tensor, annotation: Annotation, space: LabelSpace) -> str:
    """Return a data URI of the image with its label over it."""
    # Lines and letters are drawn at the size that the picture has in its file, and must not shrink again.
    picture = fit_within(Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()), PHOTOGRAPH)
    return data_uri(outline_label(picture, annotation, space, (image.shape[1], image.shape[2])))


def case_legend(shown_cases: Iterable[ShownCase], space: LabelSpace) -> list[Legend]:
    """Return the colors of the classes that are drawn in some cases."""
    return legend(set().union(*(case.classes for case in shown_cases)), space)


class Question(TypedDict):
    """One image to judge."""

    key: str
    shown: str
    """The key as people can read it."""
    label: str
    """Its label, where it is said better than drawn."""
    pictures: list[str]
    """Data URIs: the refined image, and, where a label can be drawn, the same with its label over it."""
    tiny: bool
    missing: str
    """Why there is no picture."""


def sample_page(output: Path, keys: Sequence[str], synthetic: Layout, refined: Layout) -> bytes:
    """Return the page on which a person answers a sample without seeing the verdicts: one file that loads nothing.

    Args:
        output: Folder of the audit.
        keys: Keys of the images, in the order in which they are asked about.
        synthetic: Holds the labels.
        refined: Holds the images.
    """
    labeled, images = ({record.key: record for record in layout.records()} for layout in (synthetic, refined))
    questions, classes = [], set[int]()
    for key in track(keys, "draw the sample"):
        question: Question = {"key": key, "shown": shown(key), "label": "", "pictures": [], "tiny": True, "missing": ""}
        try:
            annotation, question["label"] = _annotation_of(synthetic, labeled.get(key))
            image = _image_of(refined, images.get(key))
            plain = _drawn_over(image, Annotation(), synthetic.label_space)
            over = _drawn_over(image, annotation, synthetic.label_space)
            question["pictures"] = [plain] if over == plain else [plain, over]
            question["tiny"] = max(image.shape) <= TINY
            classes |= drawn_classes(annotation)
        except (InputError, OSError) as error:
            question["missing"] = shown(str(error))
        questions.append(question)
    page = template(SAMPLE_TEMPLATE).render(
        title=f"Sample of {shown(refined.root.resolve().name)}",
        version=refine.__version__,
        questions=questions,
        legend=legend(classes, synthetic.label_space),
        # Answers of another sample must not be taken for answers of this one.
        store="refine-sample-" + hashlib.sha256(json.dumps(list(keys)).encode()).hexdigest()[:16],
        file=SAMPLE_CSV,
        command=f"refine audit --output {shlex.quote(str(output))} --decisions {SAMPLE_CSV}",
    )
    return page.encode()
