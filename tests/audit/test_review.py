"""A person's verdicts come to a finished audit: nothing is trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refine.audit.options import AuditOptions
from refine.audit.pairs import open_pairs
from refine.audit.result import LINES, PAGE, SUMMARY, Verdict
from refine.audit.review import write_audit
from refine.audit.run import run_audit
from tests.apply.trees import tree
from tests.audit.audits import audit, certificate, record
from tests.audit.shapes import CLASSES, EACH, SPOILED, Finished, certificates, decide, key, summary, write_shapes


@pytest.fixture(autouse=True)
def _nothing_is_trained(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)


def test_they_override_and_are_recorded_as_such(own: Finished) -> None:
    wrong, right = "bar/03.png", "disk/05.png"
    before = certificates(own.output)
    assert decide(own, {wrong: "pass", right: "fail"}) == 1
    after, found = certificates(own.output), summary(own.output)
    assert (after[wrong]["verdict"], after[wrong]["by"], after[wrong]["audit_verdict"]) == ("pass", "person", "fail")
    assert (after[right]["verdict"], after[right]["by"]) == ("fail", "person")
    for name in (wrong, right):
        del before[name], after[name]
    assert after == before
    assert found["decided_by_person"] == 2
    assert found["counts"]["fail"] == len(SPOILED)
    assert "A person decided" in (own.output / PAGE).read_text()
    once = tree(own.output)
    decide(own, {wrong: "pass", right: "fail"})
    assert tree(own.output) == once
    decide(own, {wrong: "fail"})  # later ones are added to earlier ones
    after = certificates(own.output)
    assert [(after[name]["verdict"], after[name]["by"]) for name in (wrong, right)] == [("fail", "person")] * 2
    assert summary(own.output)["decided_by_person"] == 2


def test_no_fail_is_left_if_a_person_says_so(own: Finished) -> None:
    assert decide(own, dict.fromkeys(SPOILED, "pass")) == 0
    assert summary(own.output)["counts"]["fail"] == 0


NAME = "content: class_doubt"
DOUBTED = [key(kind, number) for kind in CLASSES for number in range(EACH)][:110]


def doubt(own: Finished) -> float:
    """Give many images a score above the limit for a review, each its own; returns that limit."""
    judge, lines = summary(own.output)["judges"][NAME], certificates(own.output)
    limit, fail = judge["threshold"], judge["fail_threshold"]
    for number, name in enumerate(DOUBTED):
        lines[name]["scores"][NAME] = limit + (fail - limit) * (number + 1) / (len(DOUBTED) + 1)
        lines[name]["verdict"] = "review"
    (own.output / LINES).write_text("".join(json.dumps(line) + "\n" for line in lines.values()))
    return limit


def state(own: Finished) -> tuple[float, list[Verdict]]:
    """The limit for a review, and the verdicts of the doubted images."""
    lines = certificates(own.output)
    return summary(own.output)["judges"][NAME]["threshold"], [lines[name]["verdict"] for name in DOUBTED]


def test_many_decisions_move_the_limit_for_a_review_and_back(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:], "pass"))
    lines, found = certificates(own.output), summary(own.output)
    assert state(own) == (max(lines[name]["scores"][NAME] for name in DOUBTED), ["pass"] * len(DOUBTED))
    assert found["judges"][NAME]["benign_threshold"] == limit
    assert lines[DOUBTED[0]]["by"] == "audit"
    reasons = found["bound_under_planted_corruption"]["reasons"]
    assert "10 of them only before a person's decisions moved the limits" in reasons[0]
    decide(own, dict.fromkeys(DOUBTED[:40], "fail"))
    assert state(own) == (limit, ["fail"] * 40 + ["pass"] * 70)
    lines = certificates(own.output)
    assert {lines[name]["by"] for name in DOUBTED} == {"person"}


def test_few_decisions_stand_alone_and_those_of_one_group_are_few(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:30], "pass"))
    assert state(own) == (limit, ["review"] * 10 + ["pass"] * 20 + ["review"] * 80)
    found = {**summary(own.output), "largest_group": 10}
    (own.output / SUMMARY).write_text(json.dumps(found))
    decide(own, dict.fromkeys(DOUBTED, "pass"))
    assert state(own)[0] == limit


def test_what_nobody_decided_is_to_review_again_where_the_limit_moves_back(own: Finished) -> None:
    doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:-10], "pass"))
    decide(own, dict.fromkeys(DOUBTED[:40], "fail"))
    assert state(own)[1][-10:] == ["review"] * 10


def test_bad_decisions_change_nothing(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(own.output)
    assert decide(own, {"bar/03.png": "pass", "none.png": "pass"}) == 2
    assert "line 3: 'none.png' is not an image of this audit" in capsys.readouterr().err
    assert tree(own.output) == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (None, "name a folder that `refine audit` wrote"),
        (lambda found: found["provenance"].pop("layout"), "its provenance does not say what was audited; audit again"),
        (
            lambda found: found.pop("bound_under_planted_corruption"),
            "its bound was made by an earlier version and held too seldom; audit again",
        ),
    ],
)
def test_a_folder_without_a_whole_audit_is_refused(
    own: Finished, damage: Callable[[dict[str, Any]], object] | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own.output / SUMMARY
    found = json.loads(path.read_text())
    path.unlink()
    if damage is not None:
        damage(found)
        path.write_text(json.dumps(found))
    assert decide(own, {}) == 2
    assert said in capsys.readouterr().err


def test_training_is_where_it_is_looked_for(own: Finished, tmp_path: Path) -> None:
    """Else these tests would not notice it."""
    options = AuditOptions(synthetic=own.synthetic, refined=own.refined, output=tmp_path / "new", folds=2, steps=1)
    with pytest.raises(TypeError):
        run_audit(options)


def test_lines_page_and_summary_are_written_of_an_inconclusive_audit_with_ranks_and_remedies(tmp_path: Path) -> None:
    synthetic = write_shapes(tmp_path / "synthetic", each=2)
    opened, output = open_pairs(synthetic, synthetic), tmp_path / "out"

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in (output / LINES).read_text().splitlines()]

    found = [certificate("bar/00.png", "fail"), certificate("disk/01.png", "pass")]
    write_audit(output, audit(found), found, opened)
    assert lines() == found
    assert json.loads((output / SUMMARY).read_text()) == audit(found)
    assert "bar/00.png" in (output / PAGE).read_text()
    scores = {"bar/00.png": 0.2, "disk/01.png": 0.9}
    found = [certificate(key, "inconclusive", scores={"adapted: doubt": score}) for key, score in scores.items()]
    made = audit(found, judges={"adapted: doubt": record(competent=False)})
    made["provenance"] |= {"synthetic": str(synthetic), "refined": str(synthetic)}
    write_audit(output, made, found, opened)
    assert [one["rank"] for one in lines()] == [2, 1]
    written_summary = summary(output)
    assert written_summary["ranking"] == {"by": "adapted", "rate": 0.98}
    assert written_summary["remedies"][0]["action"] == "sample"
    assert "<span>--sample</span> <span>2</span>" in (output / PAGE).read_text()
