import random
from pathlib import Path

import pytest

from refine.audit.decisions import HARMLESS, Decision, decide, moved_limit, read_decisions
from refine.errors import InputError
from refine.metrics.intervals import clopper_pearson
from tests.audit.audits import certificate

KEYS = ("a.png", "b.png", "c.png")


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_reads_what_was_decided_and_skips_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "note,key,verdict\nx,a.png,pass\n,b.png,\n,c.png, fail \n,a.png,pass\n")
    assert read_decisions(path, KEYS) == {"a.png": "pass", "c.png": "fail"}


def test_reads_what_a_spreadsheet_saved(tmp_path: Path) -> None:
    path = written(tmp_path, "key,verdict\r\na.png,pass\r\n", "utf-8-sig")
    assert read_decisions(path, KEYS) == {"a.png": "pass"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("key,said\na.png,pass\n", "expected the columns key,verdict, found key,said"),
        ("", "expected the columns key,verdict"),
        ("key,verdict\na.png,pass\nz.png,fail\n", "line 3: 'z.png' is no image of this audit"),
        ("key,verdict\na.png,review\n", "line 2: verdict 'review'; expected pass or fail"),
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
    first, second, third = decide(audited, {"a.png": "pass", "b.png": "fail"})
    assert (first["verdict"], first["by"], first["audit_verdict"]) == ("pass", "person", "review")
    assert first["reasons"] == ["A person decided: pass.", *audited[0]["reasons"]]
    assert first["scores"] == audited[0]["scores"]
    assert (second["verdict"], second["by"], second["audit_verdict"]) == ("fail", "person", "pass")
    assert third == audited[2]


def passes(count: int) -> list[Decision]:
    return ["pass"] * count


def fails(count: int) -> list[Decision]:
    return ["fail"] * count


def test_the_limit_moves_to_where_right_images_end() -> None:
    scores = [1.0 + number / 100 for number in range(100)]
    assert moved_limit(scores, passes(100), 0.5) == scores[-1]
    wrong_from_90 = [*passes(90), *fails(10)]
    moved = moved_limit(scores, wrong_from_90, 0.5)
    assert scores[70] <= moved < scores[91]
    shuffled = list(zip(scores, wrong_from_90, strict=True))
    random.Random(0).shuffle(shuffled)
    assert moved_limit([score for score, _ in shuffled], [said for _, said in shuffled], 0.5) == moved


@pytest.mark.parametrize("count", [0, 1, 20, 71])
def test_few_decisions_do_not_move_it(count: int) -> None:
    """Even if all are right: more than `HARMLESS` may be wrong then."""
    assert clopper_pearson(0, count)[1] > HARMLESS
    assert moved_limit([1.0] * count, passes(count), 0.5) == 0.5


def test_it_never_goes_down_and_asks_only_what_lies_above_it() -> None:
    assert moved_limit([0.1] * 200, fails(200), 0.5) == 0.5
    assert moved_limit([0.1] * 200, passes(200), 0.5) == 0.5
    assert moved_limit([1.0] * 200, fails(200), 0.5) == 0.5


def test_of_equal_scores_wrong_ones_count_first() -> None:
    scores = [1.0] * 100
    said = [*passes(90), *fails(10)]
    assert moved_limit(scores, said, 0.5) == 0.5


def test_below_the_moved_limit_few_are_wrong() -> None:
    """Scores say how likely a label is wrong; the limit moves, but seldom to where that is no longer rare."""
    limits = []
    for seed in range(40):
        draw = random.Random(seed)
        scores = [draw.random() for _ in range(300)]
        limits.append(moved_limit(scores, ["fail" if draw.random() < score / 8 else "pass" for score in scores], 0.0))
    too_far = [limit for limit in limits if limit / 16 > HARMLESS]  # the share that is wrong on average below it
    assert len(too_far) <= 0.05 * len(limits)
    assert sum(limit > 0 for limit in limits) > 0.3 * len(limits)
