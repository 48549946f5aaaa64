"""Each way in which an audit can say nothing has its own first remedy, with a command to copy; images are ranked."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from refine.audit.evidence import POWER_BAR
from refine.audit.inconclusive import (
    SAMPLED_IMAGES,
    images_to_show_power,
    is_inconclusive,
    ranked,
    ranking_of,
    remedies,
)
from refine.audit.options import MOST_STEPS, AuditOptions
from refine.audit.result import Audit, JudgeRecord, Power, ReachedBar, Remedy
from refine.cli import parser
from refine.metrics.intervals import clopper_pearson
from refine.options import read_options
from tests.audit.audits import audit, certificate, power, record

EACH = 36
"""Images of a class with which a judge that finds all corruptions is shown to find 90 % of it."""
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
    found: dict[str, ReachedBar] = {
        name: {"value": value, "bar": BARS[name]} for name, value in shares.items() if value is not None
    }
    made = record(competent=False, decides=False, found=planted)
    return {**made, "reached": found, "labeled_images": labeled}


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


def words(line: str) -> AuditOptions:
    """Parse a command line as `refine` would."""
    name, *arguments = shlex.split(line)
    assert name == "refine"
    return read_options(AuditOptions, vars(parser().parse_args(arguments)))


def test_the_number_of_images_follows_from_the_interval_of_power() -> None:
    assert images_to_show_power() == EACH
    assert clopper_pearson(EACH, EACH)[0] >= POWER_BAR > clopper_pearson(EACH - 1, EACH - 1)[0]
    some = images_to_show_power(0.95)
    assert some is not None
    assert clopper_pearson(int(0.95 * some), some)[0] >= POWER_BAR
    assert images_to_show_power(POWER_BAR) is None


def test_an_audit_with_verdicts_needs_none() -> None:
    found = inconclusive(content=judge())
    found["counts"] = {"pass": 69, "review": 0, "fail": 0, "inconclusive": 69}
    assert remedies(found, OUTPUT) == []
    assert remedies(audit(), OUTPUT) == []


NEAR = judge([power("another class's image", 95, 100)], label=0.9, consensus=0.9, power=0.887)
WEAK = judge([power("another class's image", 80)], label=0.9, consensus=0.9, power=0.71)
FEW = judge(labeled=20, label=0.7, power=0.6, held_out=0.7, consensus=None)
UNLEARNED = judge(learned_on=0.6)


@pytest.mark.parametrize(
    ("found", "action", "images", "said"),
    [
        (
            inconclusive(content=judge(), adapted=judge(label=0.81)),
            "real-labeled",
            3 * EACH,
            "find the label in 97.0 % of synthetic images that they never saw, but find the label in only 9.0 % of the "
            "refined ones (bar 50.0 %)",
        ),
        (inconclusive(kind="mask", content=judge()), "real-labeled", EACH, f"Label {EACH} real images for judges"),
        (inconclusive(content=UNLEARNED), "steps", None, "60.0 % of the images that they learned on"),
        (inconclusive(steps=416, content=judge()), "steps", None, "416 steps, fewer than the usual 417"),
        (inconclusive(content=judge(), real=judge(labeled=200, learned_on=0.5)), "steps", None, "real judges"),
        (inconclusive(steps=MOST_STEPS, content=UNLEARNED), "judge", None, "Ask a larger model of yours"),
        (
            inconclusive(content=NEAR),
            "images",
            images_to_show_power(0.95),
            "95.0 % of the planted corruption, but 100 images are too few",
        ),
        (
            inconclusive(content=WEAK),
            "real-labeled",
            3 * EACH,
            "find only 71.0 % of the planted corruption (bar 90.0 %)",
        ),
        (
            inconclusive(content=judge(), real=FEW),
            "real-labeled",
            3 * EACH,
            "Judges of 20 labeled real images can be relied on to find only 60.0 %",
        ),
        (inconclusive(content=judge(), real={**FEW, "labeled_images": 100}), "real-labeled", 200, "100 labeled real"),
        (
            inconclusive(content=judge(), real=judge(labeled=200, label=0.3)),
            "sample",
            SAMPLED_IMAGES,
            "do not look real, or many of their labels are wrong",
        ),
        (inconclusive(images=EACH - 1, content=judge()), "sample", EACH - 1, "too few to show that any judge"),
    ],
    ids=[
        "a gap that is too wide",
        "labels without classes are not counted by class",
        "judges that did not learn",
        "fewer steps than usual",
        "real judges that did not learn",
        "judges that can learn no longer",
        "power that too few images show",
        "power that no number of images would show",
        "few labeled real images",
        "many, but not enough",
        "refined images that able real judges cannot read",
        "too few images for any judge",
    ],
)
def test_what_was_missed_says_what_would_help(found: Audit, action: str, images: int | None, said: str) -> None:
    remedy = first(found)
    assert (remedy["action"], remedy["images"]) == (action, images)
    assert said in remedy["why"]
    flags = words(remedy["commands"][0])
    asked = {"real-labeled": flags.real_labeled == Path("DIR"), "judge": flags.judge == (Path("FILE"),)}
    assert asked.get(action, True)
    assert (action == "sample") == (len(remedies(found, OUTPUT)) == 1)


def test_the_command_is_that_of_the_audit_with_one_flag_set() -> None:
    remedy = first(inconclusive(content=judge()))
    assert f"{EACH} of each class" in remedy["why"]
    assert "--judge" in remedy["why"]
    (line,) = remedy["commands"]
    found = words(line)
    assert (found.real_labeled, found.output) == (Path("DIR"), Path("out/audit-2"))
    folders = (Path("my lamps"), Path("refined"), ("red", "yellow", "green"))
    assert (found.synthetic, found.refined, found.classes) == folders
    assert (found.steps, found.seed, found.networks, found.trust) == (417, 3, ("lenet", "small-cnn"), ("mine",))


@pytest.mark.parametrize(("steps", "asked"), [(417, 834), (50, 417), (2000, MOST_STEPS)])
def test_judges_that_did_not_learn_are_trained_longer(steps: int, asked: int) -> None:
    assert words(first(inconclusive(steps=steps, content=UNLEARNED))["commands"][0]).steps == asked


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


def test_an_audit_is_inconclusive_where_most_of_its_images_are() -> None:
    assert is_inconclusive({"pass": 4, "review": 0, "fail": 0, "inconclusive": 5})
    assert not is_inconclusive({"pass": 4, "review": 1, "fail": 0, "inconclusive": 5})


PIXELS, DOUBT = "adapted: pixels", "adapted: doubt"


def finds(hits: int, limit: float = 1.0) -> JudgeRecord:
    """A judge that found so many of a hundred replaced images, and all of another corruption."""
    found = [power("another class's image", hits), power("lamps swapped", 100)]
    return {**record(competent=False, found=found), "fail_threshold": limit}


def test_the_judges_that_find_most_of_the_planted_corruption_rank_if_any_do() -> None:
    assert ranking_of({"content: doubt": finds(40), DOUBT: finds(75)}) == {"by": "adapted", "rate": 0.75}
    assert ranking_of({"content: doubt": finds(0), "structure: pixels": record(decides=False)}) is None
    assert ranking_of({}) is None


@pytest.mark.parametrize(
    ("limits", "scores", "ranks"),
    [
        ({DOUBT: 1.0}, [{DOUBT: 0.1}, {DOUBT: 2.0}, {DOUBT: 0.7}], [3, 1, 2]),
        ({PIXELS: 10.0, DOUBT: 0.5}, [{PIXELS: 12.0, DOUBT: 0.1}, {PIXELS: 1.0, DOUBT: 0.9}], [2, 1]),
        ({DOUBT: 0.0}, [{DOUBT: -0.7}, {DOUBT: 0.2}], [2, 1]),
        ({DOUBT: -0.5}, [{DOUBT: -0.7}, {DOUBT: 0.2}], [2, 1]),
        ({DOUBT: 1.0}, [{DOUBT: 0.9}, {DOUBT: 0.1, "content: doubt": 99.0}], [1, 2]),
    ],
    ids=["by score", "units compare by their limits", "limit of zero", "limit below zero", "scores of other judges"],
)
def test_the_image_with_the_highest_score_is_the_first(
    limits: dict[str, float], scores: list[dict[str, float]], ranks: list[int]
) -> None:
    judges = {name: finds(75, limit) for name, limit in limits.items()} | {"content: doubt": finds(40)}
    found = [certificate(str(place), "inconclusive", scores=those) for place, those in enumerate(scores)]
    assert [one["rank"] for one in ranked(found, audit(found, judges=judges, ranking=ranking_of(judges)))] == ranks


def test_decided_images_have_no_rank_and_old_ranks_go() -> None:
    judges = {DOUBT: finds(75)}
    found = [certificate("a", "inconclusive", scores={DOUBT: 0.9}), certificate("b", "pass", by="person", rank=1)]
    made = ranked(found, audit(found, judges=judges, ranking=ranking_of(judges)))
    assert made[0]["rank"] == 1
    assert "rank" not in made[1]
    assert "rank" not in ranked(made, audit(made, ranking=None))[0]
