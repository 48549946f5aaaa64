"""The page on which a person answers a random sample without seeing the verdicts: one file that loads nothing."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import refine
from refine.audit.cases import annotation_of, drawn_over, image_of
from refine.audit.result import SAMPLE_CSV
from refine.data.annotation import Annotation
from refine.data.layouts import Layout
from refine.errors import InputError
from refine.files import shown
from refine.progress import track
from refine.report.kit.overlay import Legend, class_colors, drawn_classes
from refine.report.kit.page import template
from refine.report.kit.pictures import TINY

TEMPLATE = Path(__file__).with_name("sample.html.j2")


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
    """The page's HTML.

    Args:
        output: Folder of the audit.
        keys: Images of the sample, in the order in which they are asked about.
        synthetic: Holds the labels.
        refined: Holds the images.
    """
    labeled, images = ({record.key: record for record in layout.records()} for layout in (synthetic, refined))
    questions, classes = [], set[int]()
    for key in track(keys, "draw the sample"):
        question: Question = {"key": key, "shown": shown(key), "label": "", "pictures": [], "tiny": True, "missing": ""}
        try:
            annotation, question["label"] = annotation_of(synthetic, labeled.get(key))
            image = image_of(refined, images.get(key))
            plain = drawn_over(image, Annotation(), synthetic.label_space)
            over = drawn_over(image, annotation, synthetic.label_space)
            question["pictures"] = [plain] if over == plain else [plain, over]
            question["tiny"] = max(image.shape) <= TINY
            classes |= drawn_classes(annotation)
        except (InputError, OSError) as error:
            question["missing"] = shown(str(error))
        questions.append(question)
    space = synthetic.label_space
    colors = class_colors(space)
    page = template(TEMPLATE).render(
        title=f"Sample of {shown(refined.root.resolve().name)}",
        version=refine.__version__,
        questions=questions,
        legend=[Legend(space.names[index], colors[index]) for index in sorted(classes) if index < len(space.names)],
        # Answers of another sample must not be taken for answers of this one.
        store="refine-sample-" + hashlib.sha256(json.dumps(list(keys)).encode()).hexdigest()[:16],
        file=SAMPLE_CSV,
        command=f"refine audit --output {shlex.quote(str(output))} --decisions {SAMPLE_CSV}",
    )
    return page.encode()
