"""A person's verdicts come to a finished audit: nothing is trained."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from refine.audit.decisions import Decision
from refine.audit.result import LINES, SUMMARY, Verdict
from refine.audit.run import run_audit
from refine.cli import main
from tests.apply.trees import tree
from tests.audit.shapes import CLASSES, EACH, SPOILED, Finished, certificates, key, summary


@pytest.fixture(autouse=True)
def _nothing_is_trained(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("judges", "families"):
        monkeypatch.setattr(f"refine.audit.{module}.train_judges", None)


def decide(own: Finished, verdicts: Mapping[str, Decision]) -> int:
    path = own.output.parent / "decisions.csv"
    path.write_text("key,verdict\n" + "".join(f"{name},{verdict}\n" for name, verdict in verdicts.items()))
    return main(["audit", "--output", str(own.output), "--decisions", str(path)])


def test_they_override_and_are_recorded_as_such(own: Finished) -> None:
    wrong, right = "bar/03.png", "disk/05.png"
    before = certificates(own.output)
    assert decide(own, {wrong: "pass", right: "fail"}) == 1
    after, audit = certificates(own.output), summary(own.output)
    assert (after[wrong]["verdict"], after[wrong]["by"], after[wrong]["audit_verdict"]) == ("pass", "person", "fail")
    assert (after[right]["verdict"], after[right]["by"]) == ("fail", "person")
    assert {name: line for name, line in after.items() if name not in {wrong, right}} == {
        name: line for name, line in before.items() if name not in {wrong, right}
    }
    assert audit["decided_by_person"] == 2
    assert audit["counts"]["fail"] == len(SPOILED)
    assert "A person decided" in (own.output / "audit.html").read_text()


def test_no_fail_is_left_if_a_person_says_so(own: Finished) -> None:
    assert decide(own, dict.fromkeys(SPOILED, "pass")) == 0
    assert summary(own.output)["counts"]["fail"] == 0


def test_later_ones_are_added_to_earlier_ones(own: Finished) -> None:
    decide(own, {"bar/03.png": "pass", "bar/11.png": "pass"})
    decide(own, {"bar/11.png": "fail"})
    after = certificates(own.output)
    assert [after[name]["verdict"] for name in ("bar/03.png", "bar/11.png")] == ["pass", "fail"]
    assert {after[name]["by"] for name in ("bar/03.png", "bar/11.png")} == {"person"}
    assert summary(own.output)["decided_by_person"] == 2


def test_the_same_decisions_twice_change_nothing(own: Finished) -> None:
    decide(own, {"bar/03.png": "pass", "disk/05.png": "fail"})
    once = tree(own.output)
    decide(own, {"bar/03.png": "pass", "disk/05.png": "fail"})
    assert tree(own.output) == once


NAME = "content: class_doubt"
NAMES = [key(kind, number) for kind in CLASSES for number in range(EACH)]
DOUBTED = NAMES[:110]


def doubt(own: Finished) -> float:
    """Give many images a score above the limit for a review, each its own; returns that limit."""
    limit, lines = summary(own.output)["judges"][NAME]["threshold"], certificates(own.output)
    fail = summary(own.output)["judges"][NAME]["fail_threshold"]
    for number, name in enumerate(DOUBTED):
        lines[name]["scores"][NAME] = limit + (fail - limit) * (number + 1) / (len(DOUBTED) + 1)
        lines[name]["verdict"] = "review"
    (own.output / LINES).write_text("".join(json.dumps(line) + "\n" for line in lines.values()))
    return limit


def verdicts(own: Finished) -> list[Verdict]:
    lines = certificates(own.output)
    return [lines[name]["verdict"] for name in DOUBTED]


def test_many_decisions_move_the_limit_for_a_review(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:], "pass"))
    record, lines = summary(own.output)["judges"][NAME], certificates(own.output)
    assert record["threshold"] == max(lines[name]["scores"][NAME] for name in DOUBTED)
    assert record["benign_threshold"] == limit
    assert verdicts(own) == ["pass"] * len(DOUBTED)
    assert lines[DOUBTED[0]]["by"] == "audit"
    bound = summary(own.output)["bound_under_planted_corruption"]
    assert "10 of them only before a person's decisions moved the limits" in bound["reasons"][0]


def test_images_of_one_group_count_as_one_decision(own: Finished) -> None:
    limit = doubt(own)
    audit = summary(own.output)
    audit["largest_group"] = 10
    (own.output / SUMMARY).write_text(json.dumps(audit))
    decide(own, dict.fromkeys(DOUBTED, "pass"))
    assert summary(own.output)["judges"][NAME]["threshold"] == limit


def test_few_decisions_stand_alone(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:30], "pass"))
    assert summary(own.output)["judges"][NAME]["threshold"] == limit
    assert verdicts(own) == ["review"] * 10 + ["pass"] * 20 + ["review"] * 80


def test_decisions_against_it_move_the_limit_back(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:-10], "pass"))
    assert summary(own.output)["judges"][NAME]["threshold"] > limit
    decide(own, dict.fromkeys(DOUBTED[:40], "fail"))
    assert summary(own.output)["judges"][NAME]["threshold"] == limit
    assert verdicts(own)[-10:] == ["review"] * 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("none.png,pass\n", "line 2: 'none.png' is no image of this audit"),
        ("bar/03.png,inconclusive\n", "line 2: verdict 'inconclusive'; expected pass, fail or unsure"),
        ("bar/03.png,pass\nbar/03.png,fail\n", "line 3: 'bar/03.png' is decided twice, and differently"),
    ],
)
def test_bad_decisions_change_nothing(own: Finished, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(own.output)
    path = own.output.parent / "decisions.csv"
    path.write_text("key,verdict\n" + text)
    assert main(["audit", "--output", str(own.output), "--decisions", str(path)]) == 2
    assert said in capsys.readouterr().err
    assert tree(own.output) == before


def test_a_folder_without_a_whole_audit_is_refused(
    own: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own.output / SUMMARY).unlink()
    assert decide(own, {}) == 2
    assert "name a folder that `refine audit` wrote" in capsys.readouterr().err


def test_a_summary_that_does_not_say_what_was_audited_is_refused(
    own: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = summary(own.output)
    del audit["provenance"]["layout"]
    (own.output / SUMMARY).write_text(json.dumps(audit))
    assert decide(own, {}) == 2
    assert "its provenance does not say what was audited; audit again" in capsys.readouterr().err


def test_an_audit_with_the_bound_of_an_earlier_version_is_refused(
    own: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    audit: dict[str, object] = {**summary(own.output)}
    audit["wrong_labels"] = audit.pop("bound_under_planted_corruption")
    (own.output / SUMMARY).write_text(json.dumps(audit))
    assert decide(own, {}) == 2
    assert "made by an earlier version, whose bound held too seldom; audit again" in capsys.readouterr().err


def test_training_is_where_it_is_looked_for(own: Finished, tmp_path: Path) -> None:
    """Else these tests would not notice it."""
    from refine.audit.setting import Setting

    with pytest.raises(TypeError):
        run_audit(own.synthetic, own.refined, tmp_path / "new", Setting(folds=2, steps=1))
