"""A person's verdicts come to a finished audit: nothing is trained."""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refine.audit.options import AuditOptions
from refine.audit.pairs import open_pairs
from refine.audit.result import LINES, PAGE, SUMMARY, Decision, Verdict
from refine.audit.review import cut_points, decided_ones, moved_limit, override, read_decisions, write_audit
from refine.audit.run import run_audit
from refine.audit.verdicts import CUTS, MOST_WRONG_SHARE
from refine.cli import main
from refine.errors import InputError
from tests.apply.trees import tree
from tests.audit.audits import audit, certificate, record
from tests.audit.shapes import CLASSES, EACH, SPOILED, Finished, certificates, key, summary, write_shapes

KEYS = ("a.png", "b.png", "c.png")


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_reads_what_was_decided_and_skips_the_rest(tmp_path: Path) -> None:
    text = "note,key,verdict\nx,a.png,pass\n,b.png,\n,,\n,c.png, fail \n,a.png,pass\n,d.png,unsure\n"
    read = read_decisions(written(tmp_path, text), (*KEYS, "d.png"))
    assert read == {"a.png": "pass", "b.png": None, "c.png": "fail", "d.png": "unsure"}
    assert decided_ones(read) == {"a.png": "pass", "c.png": "fail"}
    spreadsheet = written(tmp_path, "key,verdict\r\na.png,pass\r\n", "utf-8-sig")
    assert read_decisions(spreadsheet, KEYS) == {"a.png": "pass"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("key,said\na.png,pass\n", "expected the columns key,verdict, found key,said"),
        ("", "expected the columns key,verdict"),
        ("key,verdict\na.png,pass\nz.png,fail\n", "line 3: 'z.png' is no image of this audit"),
        ("key,verdict\na.png,pass\nz.png,\n", "line 3: 'z.png' is no image of this audit"),
        ("key,verdict\na.png,review\n", "line 2: verdict 'review'; expected pass, fail or unsure"),
        ("key,verdict\na.png,pass\nb.png,pass\na.png,fail\n", "line 4: 'a.png' is decided twice, and differently"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(InputError, match=r"decisions\.csv") as raised:
        read_decisions(written(tmp_path, text), KEYS)
    assert found in str(raised.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_bytes(b"key,verdict\n\xff\xfe,pass\n")
    for file in (path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="cannot be read as CSV"):
            read_decisions(file, KEYS)


def test_a_persons_verdict_stands_and_the_audits_beside_it() -> None:
    audited = [certificate("a.png", "review"), certificate("b.png", "pass"), certificate("c.png", "fail")]
    first, second, third = override(audited, {"a.png": "pass", "b.png": "fail", "c.png": "unsure"})
    assert (first["verdict"], first["by"], first["audit_verdict"]) == ("pass", "person", "review")
    assert first["reasons"] == ["A person decided: pass.", *audited[0]["reasons"]]
    assert first["scores"] == audited[0]["scores"]
    assert (second["verdict"], second["by"], second["audit_verdict"]) == ("fail", "person", "pass")
    assert third == audited[2]


def passes(count: int) -> list[Decision]:
    return ["pass"] * count


def fails(count: int) -> list[Decision]:
    return ["fail"] * count


ERROR = 0.05 / CUTS


def test_cuts_are_fixed_by_the_scores_alone() -> None:
    scores = [number / 100 for number in range(100)]
    assert cut_points(scores, 0.095, 0.895) == [0.36, 0.63, 0.89]
    assert cut_points(scores, 0.985) == [0.99] * CUTS
    assert cut_points(scores, 2.0) == []


def test_the_limit_moves_to_the_highest_cut_below_which_images_are_right() -> None:
    scores = [1.0 + number / 300 for number in range(300)]
    cuts = [1.3, 1.6, 1.999]
    assert moved_limit(scores, passes(300), 0.5, cuts, ERROR) == 1.999
    wrong_from_200 = [*passes(200), *fails(100)]
    assert moved_limit(scores, wrong_from_200, 0.5, cuts, ERROR) == 1.6
    shuffled = list(zip(scores, wrong_from_200, strict=True))
    random.Random(0).shuffle(shuffled)
    assert moved_limit([score for score, _ in shuffled], [said for _, said in shuffled], 0.5, cuts, ERROR) == 1.6


@pytest.mark.parametrize("count", [0, 1, 20, 79])
def test_few_decisions_do_not_move_it(count: int) -> None:
    """Even if all are right: more than `MOST_WRONG_SHARE` may be wrong then."""
    assert moved_limit([1.0] * count, passes(count), 0.5, [1.0] * CUTS, ERROR) == 0.5
    assert moved_limit([1.0] * 80, passes(80), 0.5, [1.0] * CUTS, ERROR) == 1.0


def test_it_never_goes_down_and_asks_only_what_lies_above_it() -> None:
    for score, said in ((0.1, fails(200)), (0.1, passes(200)), (1.0, fails(200))):
        assert moved_limit([score] * 200, said, 0.5, [1.0] * CUTS, ERROR) == 0.5


@pytest.mark.parametrize("count", [200, 1000])
def test_below_the_moved_limit_few_are_wrong(count: int) -> None:
    """Everywhere a little too many labels are wrong: the best of all prefixes would move it in 14 % of 1000 runs."""
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(1000):
        scores = rng.random(count).tolist()
        said: list[Decision] = ["fail" if wrong else "pass" for wrong in rng.random(count) < MOST_WRONG_SHARE + 1e-9]
        moved += moved_limit(scores, said, 0.0, cut_points(scores, 0.0), ERROR) > 0
    assert 1000 - moved >= 933


def test_below_the_moved_limit_few_are_wrong_where_images_come_in_groups() -> None:
    """Groups of 10 with one fate, 1000 images decided: as single images they would move it in 415 of 1000 runs."""
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(1000):
        scores = (np.repeat(rng.random(100), 10) + 1e-3 * rng.random(1000)).tolist()
        wrong = np.repeat(rng.random(100) < MOST_WRONG_SHARE + 1e-9, 10)
        said: list[Decision] = ["fail" if each else "pass" for each in wrong]
        moved += moved_limit(scores, said, 0.0, cut_points(scores, 0.0), ERROR, largest=10) > 0
    assert 1000 - moved >= 933
    assert moved_limit([1.0] * 79, passes(79), 0.5, [1.0] * CUTS, ERROR, largest=10) == 0.5
    assert moved_limit([1.0] * 800, passes(800), 0.5, [1.0] * CUTS, ERROR, largest=10) == 1.0


@pytest.fixture(autouse=True)
def _nothing_is_trained(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)


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
    moved, lines = summary(own.output)["judges"][NAME], certificates(own.output)
    assert moved["threshold"] == max(lines[name]["scores"][NAME] for name in DOUBTED)
    assert moved["benign_threshold"] == limit
    assert verdicts(own) == ["pass"] * len(DOUBTED)
    assert lines[DOUBTED[0]]["by"] == "audit"
    bound = summary(own.output)["bound_under_planted_corruption"]
    assert "10 of them only before a person's decisions moved the limits" in bound["reasons"][0]


def test_few_decisions_stand_alone_and_those_of_one_group_are_few(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:30], "pass"))
    assert verdicts(own) == ["review"] * 10 + ["pass"] * 20 + ["review"] * 80
    audit = summary(own.output)
    assert audit["judges"][NAME]["threshold"] == limit
    audit["largest_group"] = 10
    (own.output / SUMMARY).write_text(json.dumps(audit))
    decide(own, dict.fromkeys(DOUBTED, "pass"))
    assert summary(own.output)["judges"][NAME]["threshold"] == limit


def test_decisions_against_it_move_the_limit_back(own: Finished) -> None:
    limit = doubt(own)
    decide(own, dict.fromkeys(DOUBTED[10:-10], "pass"))
    assert summary(own.output)["judges"][NAME]["threshold"] > limit
    decide(own, dict.fromkeys(DOUBTED[:40], "fail"))
    assert summary(own.output)["judges"][NAME]["threshold"] == limit
    assert verdicts(own)[-10:] == ["review"] * 10


def test_bad_decisions_change_nothing(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(own.output)
    assert decide(own, {"bar/03.png": "pass", "none.png": "pass"}) == 2
    assert "line 3: 'none.png' is no image of this audit" in capsys.readouterr().err
    assert tree(own.output) == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (None, "name a folder that `refine audit` wrote"),
        (lambda audit: audit["provenance"].pop("layout"), "its provenance does not say what was audited; audit again"),
        (
            lambda audit: audit.pop("bound_under_planted_corruption"),
            "its bound was made by an earlier version and held too seldom; audit again",
        ),
    ],
)
def test_a_folder_without_a_whole_audit_is_refused(
    own: Finished, damage: Callable[[dict[str, Any]], object] | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own.output / SUMMARY
    audit = json.loads(path.read_text())
    path.unlink()
    if damage is not None:
        damage(audit)
        path.write_text(json.dumps(audit))
    assert decide(own, {}) == 2
    assert said in capsys.readouterr().err


def test_training_is_where_it_is_looked_for(own: Finished, tmp_path: Path) -> None:
    """Else these tests would not notice it."""
    with pytest.raises(TypeError):
        run_audit(own.synthetic, own.refined, tmp_path / "new", AuditOptions(folds=2, steps=1))


def test_an_inconclusive_audit_is_written_with_ranks_and_with_what_would_help(tmp_path: Path) -> None:
    synthetic = write_shapes(tmp_path / "synthetic", each=2)
    scores = {"bar/00.png": 0.2, "disk/01.png": 0.9}
    found = [certificate(key, "inconclusive", scores={"adapted: doubt": score}) for key, score in scores.items()]
    made = audit(found, judges={"adapted: doubt": record(competent=False)})
    made["provenance"] |= {"synthetic": str(synthetic), "refined": str(synthetic)}
    write_audit(tmp_path / "out", made, found, open_pairs(synthetic, synthetic))
    written = [json.loads(line) for line in (tmp_path / "out" / LINES).read_text().splitlines()]
    assert [one["rank"] for one in written] == [2, 1]
    summary = json.loads((tmp_path / "out" / SUMMARY).read_text())
    assert summary["ranking"] == {"by": "adapted", "rate": 0.98}
    assert summary["remedies"][0]["action"] == "sample"
    assert "<span>--sample</span> <span>2</span>" in (tmp_path / "out" / PAGE).read_text()


def test_lines_page_and_summary_are_written(tmp_path: Path) -> None:
    synthetic = write_shapes(tmp_path / "synthetic", each=2)
    found = [certificate("bar/00.png", "fail"), certificate("disk/01.png", "pass")]
    write_audit(tmp_path / "out", audit(found), found, open_pairs(synthetic, synthetic))
    written = [json.loads(line) for line in (tmp_path / "out" / LINES).read_text().splitlines()]
    assert written == found
    assert json.loads((tmp_path / "out" / SUMMARY).read_text()) == audit(found)
    assert "bar/00.png" in (tmp_path / "out" / PAGE).read_text()
