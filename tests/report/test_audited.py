import json
from pathlib import Path
from typing import Any

import pytest

from refine.audit.estimate import Counted, estimate
from refine.audit.result import SUMMARY
from refine.errors import InputError
from refine.report.audited import read_audit
from tests.audit.audits import audit, certificate, rate, save_audit

FOUND = [certificate("a.png"), certificate("b.png", "fail"), certificate("c.png", by="person", audit_verdict="review")]


def changed(folder: Path, **fields: Any) -> Path:
    save_audit(folder, FOUND)
    (folder / "audit.json").write_text(json.dumps({**audit(FOUND), **fields}))
    return folder


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    found = read_audit(save_audit(tmp_path, FOUND))
    assert found.summary == audit(FOUND)
    assert found.certificates == FOUND
    judge = {**audit()["judges"]["agreement"], "fail_threshold": 0.9}
    more = read_audit(save_audit(tmp_path, FOUND, judges={"a": judge}, missing=4)).summary
    assert (more["judges"]["a"], more["missing"]) == (judge, 4)


def test_what_would_help_and_ranks_are_read(tmp_path: Path) -> None:
    remedy: dict[str, Any] = {
        "action": "sample",
        "images": 72,
        "why": "Look.",
        "commands": ["refine audit --sample 72"],
    }
    found = [certificate("a.png", "inconclusive", rank=2), certificate("b.png", "inconclusive", rank=1)]
    more: dict[str, Any] = {"remedies": [remedy], "ranking": {"by": "adapted", "rate": 0.75}}
    read = read_audit(save_audit(tmp_path, found, **more))
    assert read.summary == audit(found, **more)
    assert read.certificates == found
    with pytest.raises(InputError, match=r"remedies\[0\]\.action: expected steps or images or"):
        read_audit(save_audit(tmp_path, found, remedies=[{**remedy, "action": "pray"}]))


def test_a_bound_that_is_not_known_stays_so(tmp_path: Path) -> None:
    bound: dict[str, Any] = {"upper": None, "upper_of_passed": None, "confidence": 0.95, "reasons": []}
    found = read_audit(changed(tmp_path, bound_under_planted_corruption=bound)).summary
    assert found["bound_under_planted_corruption"]["upper"] is None


def test_a_sample_is_read_as_it_was_written(tmp_path: Path) -> None:
    sample = estimate({"pass": Counted(50, 20, 1), "fail": Counted(9, 9, 8, 1.0)}, 28, 1, 29)
    natural = rate(3, 9)
    found = read_audit(save_audit(tmp_path, FOUND, sample=sample, natural_power=natural)).summary
    assert (found["sample"], found["natural_power"]) == (sample, natural)


def test_an_audit_with_the_bound_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    found: dict[str, Any] = {**audit(FOUND)}
    found["wrong_labels"] = found.pop("bound_under_planted_corruption")
    (save_audit(tmp_path, FOUND) / SUMMARY).write_text(json.dumps(found))
    with pytest.raises(InputError, match="made by an earlier version and held too seldom; make it anew with `refine"):
        read_audit(tmp_path)


def test_summary_and_lines_of_different_audits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"do not have the same verdicts; make it anew with `refine audit`"):
        read_audit(changed(tmp_path, counts={"pass": 3, "review": 0, "fail": 0, "inconclusive": 0}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"false_rejects": {"rate": 5, "low": 0, "high": 1, "n": 9}}, r"false_rejects\.rate: expected a number from 0"),
        ({"images": -1}, r"images: expected a whole number from 0 on, found -1"),
        ({"judges": {"x": {"competent": "yes"}}}, r"judges\.x\.competent: expected true or false"),
        ({"bound_under_planted_corruption": None}, r"bound_under_planted_corruption: expected a value, found nothing"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_audit(changed(tmp_path, **fields))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[" * 100_000, "line 1: not JSON .nested too deep"),
        ('{"key": "a", "by": "audit", "verdict": "good"}', "line 1: verdict: expected pass or review"),
    ],
)
def test_a_damaged_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    save_audit(tmp_path, FOUND)
    (tmp_path / "audit.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        read_audit(tmp_path)


def test_a_folder_without_an_audit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audit\.json: cannot be read.*`refine audit`"):
        read_audit(tmp_path)
    save_audit(tmp_path, FOUND)
    (tmp_path / "audit.jsonl").unlink()
    with pytest.raises(InputError, match=r"audit\.jsonl: cannot be read"):
        read_audit(tmp_path)
