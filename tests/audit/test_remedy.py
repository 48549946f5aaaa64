"""Each way in which an audit can say nothing has its own first remedy, with a command that can be copied."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from refine.audit.evidence import POWER
from refine.audit.remedy import SAMPLED_IMAGES, images_needed, remedies
from refine.audit.result import Audit, JudgeRecord, Power, Reached, Remedy
from refine.audit.setting import MOST_STEPS
from refine.cli import parser
from refine.metrics.intervals import clopper_pearson
from tests.audit.audits import audit, certificate, power

EACH = 36
"""Images of a class with which a judge that finds all harm is shown to find 90 % of it."""
OUTPUT = Path("out/audit")
BARS = {"label": 0.5, "consensus": 0.7, "power": 0.9, "held_out": 0.8, "learned_on": 0.8}


def judge(planted: Sequence[Power] = (), labeled: int = 0, **reached: float | None) -> JudgeRecord:
    """An ensemble that learned its own images, and missed all bars on the refined ones but for what is given."""
    shares: dict[str, float | None] = {
        "label": 0.09,
        "consensus": 0.6,
        "power": 0.02,
        "held_out": 0.97,
        "learned_on": 0.99,
        **reached,
    }
    found: dict[str, Reached] = {
        name: {"value": value, "bar": BARS[name]} for name, value in shares.items() if value is not None
    }
    record: JudgeRecord = {"competent": False, "measured": 0.6, "bar": 0.7, "threshold": 0.5, "why": ""}
    return {**record, "reached": found, "power": list(planted), "labeled_images": labeled}


def inconclusive(images: int = 138, steps: int = 417, kind: str = "class", **judges: JudgeRecord) -> Audit:
    made = {
        "synthetic": "my lamps",
        "refined": "refined",
        "layout": "class-folders",
        "classes": ["red", "yellow", "green"],
        "networks": ["lenet", "small-cnn"],
        "size": [64, 32],
        "steps": steps,
        "seed": 3,
        "trust": ["mine"],
    }
    found = [certificate(str(number), "inconclusive") for number in range(images)]
    records = {f"{name}: class_doubt": record for name, record in judges.items()}
    return audit(found, kind=kind, classes=["red", "yellow", "green"], judges=records, provenance=made)


def first(found: Audit) -> Remedy:
    return remedies(found, OUTPUT)[0]


def words(line: str) -> argparse.Namespace:
    """Parse a command line as `refine` would."""
    name, *arguments = shlex.split(line)
    assert name == "refine"
    return parser().parse_args(arguments)


def test_the_number_of_images_follows_from_the_interval_of_power() -> None:
    assert images_needed() == EACH
    assert clopper_pearson(EACH, EACH)[0] >= POWER > clopper_pearson(EACH - 1, EACH - 1)[0]
    some = images_needed(0.95)
    assert some is not None
    assert clopper_pearson(int(0.95 * some), some)[0] >= POWER
    assert images_needed(POWER) is None


def test_an_audit_with_verdicts_needs_none() -> None:
    found = inconclusive(content=judge())
    found["counts"] = {"pass": 69, "review": 0, "fail": 0, "inconclusive": 69}
    assert remedies(found, OUTPUT) == []
    assert remedies(audit(), OUTPUT) == []


def test_a_gap_that_is_too_wide_asks_for_labeled_real_images() -> None:
    remedy = first(inconclusive(content=judge(), adapted=judge(label=0.81)))
    assert (remedy["action"], remedy["images"]) == ("real-labeled", 3 * EACH)
    assert (
        "find the label in 97.0 % of synthetic images that they never saw, but find the label in only 9.0 % of the "
        "refined ones (bar 50.0 %)" in remedy["why"]
    )
    assert f"{EACH} of each class" in remedy["why"]
    assert "--judge" in remedy["why"]
    (line,) = remedy["commands"]
    found = words(line)
    assert (found.real_labeled, found.output) == (Path("DIR"), Path("out/audit-2"))
    assert (found.synthetic, found.refined, found.classes) == (
        Path("my lamps"),
        Path("refined"),
        ("red", "yellow", "green"),
    )
    assert (found.steps, found.seed, found.networks, found.trust) == (417, 3, ["lenet", "small-cnn"], ["mine"])


def test_labels_without_classes_are_not_counted_by_class() -> None:
    remedy = first(inconclusive(kind="mask", content=judge()))
    assert remedy["images"] == EACH
    assert "class" not in remedy["why"]


@pytest.mark.parametrize(("steps", "asked"), [(417, 834), (50, 417), (2000, MOST_STEPS)])
def test_judges_that_did_not_learn_are_trained_longer(steps: int, asked: int) -> None:
    remedy = first(inconclusive(steps=steps, content=judge(learned_on=0.6)))
    assert (remedy["action"], remedy["images"]) == ("steps", None)
    assert "60.0 % of the images that they learned on" in remedy["why"]
    assert words(remedy["commands"][0]).steps == asked


def test_judges_that_were_trained_for_fewer_steps_than_usual_are_trained_longer() -> None:
    remedy = first(inconclusive(steps=416, content=judge()))
    assert remedy["action"] == "steps"
    assert "416 steps, fewer than the usual 417" in remedy["why"]


def test_judges_that_can_learn_no_longer_make_way_for_a_model_of_the_users() -> None:
    remedy = first(inconclusive(steps=MOST_STEPS, content=judge(learned_on=0.6)))
    assert remedy["action"] == "judge"
    assert words(remedy["commands"][0]).judge == [Path("FILE")]


def test_power_that_too_few_images_show_asks_for_more_of_them() -> None:
    near = judge([power("another class's image", 95, 100)], label=0.9, consensus=0.9, power=0.887)
    remedy = first(inconclusive(content=near))
    assert (remedy["action"], remedy["images"]) == ("images", images_needed(0.95))
    assert "95.0 % of the planted harm, but 100 images are too few" in remedy["why"]
    assert words(remedy["commands"][0]).refined == Path("refined")


def test_power_that_no_number_of_images_would_show_does_not() -> None:
    weak = judge([power("another class's image", 80)], label=0.9, consensus=0.9, power=0.71)
    remedy = first(inconclusive(content=weak))
    assert remedy["action"] == "real-labeled"
    assert "find only 71.0 % of the planted harm (bar 90.0 %)" in remedy["why"]


def test_too_few_labeled_real_images_ask_for_more_of_them() -> None:
    real = judge(labeled=20, label=0.7, power=0.6, held_out=0.7, consensus=None)
    remedy = first(inconclusive(content=judge(), real=real))
    assert (remedy["action"], remedy["images"]) == ("real-labeled", 3 * EACH)
    assert "Judges of 20 labeled real images can be relied on to find only 60.0 %" in remedy["why"]
    many = first(inconclusive(content=judge(), real={**real, "labeled_images": 100}))
    assert many["images"] == 200
    assert words(many["commands"][0]).real_labeled == Path("DIR")


def test_real_judges_that_did_not_learn_are_trained_longer() -> None:
    remedy = first(inconclusive(content=judge(), real=judge(labeled=200, learned_on=0.5)))
    assert remedy["action"] == "steps"
    assert "real judges" in remedy["why"]


def test_refined_images_that_able_real_judges_cannot_read_are_to_be_looked_at() -> None:
    found = remedies(inconclusive(content=judge(), real=judge(labeled=200, label=0.3)), OUTPUT)
    assert [one["action"] for one in found] == ["sample"]
    assert "do not look real, or many of their labels are wrong" in found[0]["why"]


def test_too_few_images_for_any_judge_are_all_to_be_looked_at() -> None:
    found = remedies(inconclusive(images=EACH - 1, content=judge()), OUTPUT)
    assert [(one["action"], one["images"]) for one in found] == [("sample", EACH - 1)]


def test_a_random_sample_is_always_the_last_way_out() -> None:
    last = remedies(inconclusive(content=judge()), OUTPUT)[-1]
    assert (last["action"], last["images"]) == ("sample", SAMPLED_IMAGES)
    assert last["commands"] == [
        f"refine audit --output out/audit --sample {SAMPLED_IMAGES}",
        "refine audit --output out/audit --decisions out/audit/sample.csv",
    ]
    assert [words(line).sample for line in last["commands"]] == [SAMPLED_IMAGES, None]
    assert clopper_pearson(0, SAMPLED_IMAGES)[1] <= 0.05 < clopper_pearson(0, SAMPLED_IMAGES - 1)[1]
    assert remedies(inconclusive(images=50, content=judge()), OUTPUT)[-1]["images"] == 50


def test_a_sample_that_is_answered_is_not_asked_for_again() -> None:
    found = inconclusive(content=judge())
    found["sample"] = {}  # type: ignore[typeddict-item]  # what it says is of no concern here
    assert [one["action"] for one in remedies(found, OUTPUT)] == ["real-labeled"]
