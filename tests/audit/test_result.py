"""Files that `refine audit` wrote are read back by the types that they were written from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import LINES, SUMMARY, read_audit, read_certificates
from refine.errors import InputError
from tests.audit.audits import audit, certificate, rate, save_audit

FOUND = [certificate("a.png"), certificate("b.png", "fail"), certificate("c.png", by="person", audit_verdict="review")]
BOUND = audit()["bound_under_planted_corruption"]
REMEDY = {"action": "sample", "images": 72, "why": "Look.", "commands": ["refine audit --sample 72"]}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"judges": {"a": {**audit()["judges"]["agreement"], "fail_threshold": 0.9}}, "missing": 4},
        {"remedies": [REMEDY], "ranking": {"by": "adapted", "rate": 0.75}},
        {"bound_under_planted_corruption": {**BOUND, "upper": None, "upper_of_passed": None}},
        {
            "sample": estimate({"pass": JudgedStratum(50, 20, 1), "fail": JudgedStratum(9, 9, 8, 1.0)}, 28, 1, 29),
            "natural_power": rate(3, 9),
        },
    ],
)
def test_what_was_written_is_read_as_it_was(more: dict[str, Any], tmp_path: Path) -> None:
    lines = [*FOUND, certificate("d.png", "inconclusive", rank=1)]
    folder = save_audit(tmp_path, lines, **more)
    assert read_audit(folder) == audit(lines, **more)
    assert list(read_certificates(folder).values()) == lines


def changed(folder: Path, text: str) -> Path:
    save_audit(folder, FOUND)
    (folder / SUMMARY).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"false_rejects": {"rate": 5, "low": 0, "high": 1, "n": 9}}, r"<= 1\.0.*false_rejects\.rate"),
        ({"images": -1}, r">= 0.*\$\.images"),
        ({"judges": {"x": {"competent": "yes"}}}, r"Expected `bool`, got `str`.*judges\[\.\.\.\]\.competent"),
        ({"bound_under_planted_corruption": None}, r"got `null`.*bound_under_planted_corruption"),
        ({"remedies": [{**REMEDY, "action": "pray"}]}, r"Invalid enum value 'pray'.*remedies\[0\]\.action"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_audit(changed(tmp_path, json.dumps({**audit(FOUND), **fields})))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "Expected `object`, got `array`; audit again"),
        ('{"bound_under_planted_corruption": {}}', "missing required field"),
        ('{"judges": {}}', "its bound was made by an earlier version and held too seldom; audit again"),
    ],
)
def test_a_damaged_summary_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_audit(changed(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON .nested too deep"),
        ("[]", "Expected `object`"),
        ('{"key": 3, "verdict": "pass", "scores": {}}', "Expected `str`"),
        ('{"key": "a", "by": "audit", "verdict": "good"}', "Invalid enum value 'good'"),
        ('{"key": "a", "by": "audit", "v": "pass"}', "missing required field"),
    ],
)
def test_a_damaged_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = save_audit(tmp_path, FOUND) / LINES
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], line + "\n", lines[2]]))
    with pytest.raises(InputError, match=rf"audit\.jsonl: line 2: .*{message}.*audit again"):
        read_certificates(tmp_path)


@pytest.mark.parametrize(("name", "read"), [(SUMMARY, read_audit), (LINES, read_certificates)])
def test_a_folder_without_an_audit_is_named(name: str, read: Callable[[Path], object], tmp_path: Path) -> None:
    (save_audit(tmp_path, FOUND) / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: cannot be read.*name a folder that `refine audit` wrote"):
        read(tmp_path)


@pytest.mark.parametrize("null", [False, True])
def test_what_a_file_of_an_earlier_version_may_lack(tmp_path: Path, null: bool) -> None:
    result: dict[str, Any] = {**audit(FOUND)}
    bound = {**BOUND, "upper": None, "upper_of_passed": None}
    power = {**rate(3, 9), "harm": "moved", "size": None, "unit": None}
    if not null:
        bound = {name: bound[name] for name in ("confidence", "reasons")}
        power = {name: part for name, part in power.items() if part is not None}
    result |= {"bound_under_planted_corruption": bound, "power": [power]}
    for name in ("decided_by_person", "provenance", "remedies", "missing"):
        result[name] = None
        if not null:
            del result[name]
    found = read_audit(changed(tmp_path, json.dumps(result)))
    assert (found["decided_by_person"], found["provenance"], found.get("remedies", [])) == (0, {}, [])
    assert found["bound_under_planted_corruption"]["upper"] is None
    assert (found["power"][0]["size"], found["power"][0]["unit"]) == (None, "")
