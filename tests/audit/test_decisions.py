import random
from pathlib import Path

import numpy as np
import pytest

from refine.audit.bound import CUTS
from refine.audit.decisions import HARMLESS, Decision, cut_points, decide, made, moved_limit, read_decisions
from refine.errors import InputError
from tests.audit.audits import certificate

KEYS = ("a.png", "b.png", "c.png")


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_reads_what_was_decided_and_skips_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "note,key,verdict\nx,a.png,pass\n,b.png,\n,,\n,c.png, fail \n,a.png,pass\n")
    read = read_decisions(path, KEYS)
    assert read == {"a.png": "pass", "b.png": None, "c.png": "fail"}
    assert made(read) == {"a.png": "pass", "c.png": "fail"}


def test_unsure_is_no_decision(tmp_path: Path) -> None:
    path = written(tmp_path, "key,verdict\na.png,unsure\nb.png,fail\n")
    read = read_decisions(path, KEYS)
    assert (read["a.png"], made(read)) == ("unsure", {"b.png": "fail"})
    audited = certificate("a.png", "review")
    assert decide([audited], {"a.png": "unsure"}) == [audited]


def test_reads_what_a_spreadsheet_saved(tmp_path: Path) -> None:
    path = written(tmp_path, "key,verdict\r\na.png,pass\r\n", "utf-8-sig")
    assert read_decisions(path, KEYS) == {"a.png": "pass"}


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
    """Even if all are right: more than `HARMLESS` may be wrong then."""
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
        said: list[Decision] = ["fail" if wrong else "pass" for wrong in rng.random(count) < HARMLESS + 1e-9]
        moved += moved_limit(scores, said, 0.0, cut_points(scores, 0.0), ERROR) > 0
    assert 1000 - moved >= 933


def test_below_the_moved_limit_few_are_wrong_where_images_come_in_groups() -> None:
    """Groups of 10 with one fate, 1000 images decided: as single images they would move it in 415 of 1000 runs."""
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(1000):
        scores = (np.repeat(rng.random(100), 10) + 1e-3 * rng.random(1000)).tolist()
        said: list[Decision] = ["fail" if w else "pass" for w in np.repeat(rng.random(100) < HARMLESS + 1e-9, 10)]
        moved += moved_limit(scores, said, 0.0, cut_points(scores, 0.0), ERROR, largest=10) > 0
    assert 1000 - moved >= 933
    assert moved_limit([1.0] * 79, passes(79), 0.5, [1.0] * CUTS, ERROR, largest=10) == 0.5
    assert moved_limit([1.0] * 800, passes(800), 0.5, [1.0] * CUTS, ERROR, largest=10) == 1.0
