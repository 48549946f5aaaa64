import random
from pathlib import Path

import numpy as np
import pytest

from refine.audit.decisions import cut_points, decided_ones, moved_limit, override, read_decisions
from refine.audit.result import Decision
from refine.audit.verdicts import CUTS, MOST_WRONG_SHARE
from refine.errors import InputError
from tests.audit.audits import certificate

KEYS = ("a.png", "b.png", "c.png", "d.png")


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding=encoding, errors="surrogateescape")
    return path


def test_reads_what_was_decided_and_skips_the_rest(tmp_path: Path) -> None:
    text = "note,key,verdict\nx,a.png,pass\n,b.png,\n,,\n,c.png, fail \n,a.png,pass\n,d.png,unsure\n"
    read = read_decisions(written(tmp_path, text), KEYS)
    assert read == {"a.png": "pass", "b.png": None, "c.png": "fail", "d.png": "unsure"}
    assert decided_ones(read) == {"a.png": "pass", "c.png": "fail"}
    spreadsheet = written(tmp_path, "key,verdict\r\na.png,pass\r\n", "utf-8-sig")
    assert read_decisions(spreadsheet, KEYS) == {"a.png": "pass"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("key,said\na.png,pass\n", "expected the columns key,verdict, found key,said"),
        ("", "expected the columns key,verdict"),
        ("key,verdict\na.png,pass\nz.png,fail\n", "line 3: 'z.png' is not an image of this audit"),
        ("key,verdict\na.png,pass\nz.png,\n", "line 3: 'z.png' is not an image of this audit"),
        ("key,verdict\na.png,review\n", "line 2: verdict 'review'; expected pass, fail or unsure"),
        ("key,verdict\na.png,pass\nb.png,pass\na.png,fail\n", "line 4: 'a.png' is decided twice, and differently"),
        ("key,verdict\n\udcff\udcfe,pass\n", "cannot be read as CSV"),
        (None, "cannot be read as CSV"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "decisions.csv" if text is None else written(tmp_path, text)
    with pytest.raises(InputError, match=r"decisions\.csv") as raised:
        read_decisions(path, KEYS)
    assert found in str(raised.value)


def test_a_persons_verdict_stands_with_the_audits() -> None:
    audited = [certificate("a.png", "review"), certificate("b.png", "pass"), certificate("c.png", "fail")]
    first, second, third = override(audited, {"a.png": "pass", "b.png": "fail", "c.png": "unsure"})
    assert (first["verdict"], first["by"], first["audit_verdict"]) == ("pass", "person", "review")
    assert first["reasons"] == ["A person decided: pass.", *audited[0]["reasons"]]
    assert first["scores"] == audited[0]["scores"]
    assert (second["verdict"], second["by"], second["audit_verdict"]) == ("fail", "person", "pass")
    assert third == audited[2]


PASS: list[Decision] = ["pass"]
FAIL: list[Decision] = ["fail"]
ERROR = 0.05 / CUTS


def moved(scores: list[float], said: list[Decision], cuts: list[float] | None = None, largest: int = 1) -> float:
    """The limit, 0.5 before."""
    return moved_limit(scores, said, 0.5, cuts or [1.0] * CUTS, ERROR, largest)


def test_cuts_are_fixed_by_the_scores_alone() -> None:
    scores = [number / 100 for number in range(100)]
    assert cut_points(scores, 0.095, 0.895) == [0.36, 0.63, 0.89]
    assert cut_points(scores, 0.985) == [0.99] * CUTS
    assert cut_points(scores, 2.0) == []


def test_the_limit_moves_to_the_highest_cut_below_which_images_are_right() -> None:
    scores = [1.0 + number / 300 for number in range(300)]
    cuts = [1.3, 1.6, 1.999]
    assert moved(scores, 300 * PASS, cuts) == 1.999
    said = [*200 * PASS, *100 * FAIL]
    assert moved(scores, said, cuts) == 1.6
    shuffled = list(zip(scores, said, strict=True))
    random.Random(0).shuffle(shuffled)
    assert moved([score for score, _ in shuffled], [each for _, each in shuffled], cuts) == 1.6


@pytest.mark.parametrize(
    ("few", "enough", "largest"), [(0, 80, 1), (1, 80, 1), (20, 80, 1), (79, 80, 1), (79, 800, 10)]
)
def test_few_decisions_do_not_move_it(few: int, enough: int, largest: int) -> None:
    """Even if all are right: more than `MOST_WRONG_SHARE` may be wrong then."""
    assert moved([1.0] * few, few * PASS, largest=largest) == 0.5
    assert moved([1.0] * enough, enough * PASS, largest=largest) == 1.0


def test_it_never_goes_down_and_asks_only_what_lies_above_it() -> None:
    for score, said in ((0.1, 200 * FAIL), (0.1, 200 * PASS), (1.0, 200 * FAIL)):
        assert moved([score] * 200, said) == 0.5


@pytest.mark.parametrize(("count", "group"), [(200, 1), (1000, 1), (1000, 10)])
def test_below_the_moved_limit_few_are_wrong(count: int, group: int) -> None:
    """Everywhere a little too many labels are wrong: the best of all prefixes would move it in 14 % of 1000 runs; of
    groups of 10 with one fate, counted as single images, in 415 of 1000."""
    rng = np.random.default_rng(0)
    times = 0
    for _ in range(1000):
        scores = (np.repeat(rng.random(count // group), group) + 1e-3 * rng.random(count)).tolist()
        wrong = np.repeat(rng.random(count // group) < MOST_WRONG_SHARE + 1e-9, group)
        said: list[Decision] = ["fail" if each else "pass" for each in wrong]
        times += moved_limit(scores, said, 0.0, cut_points(scores, 0.0), ERROR, largest=group) > 0
    assert 1000 - times >= 933
