import json
from pathlib import Path

import pytest

from refine.apply.load_repair import load_repair, made_with
from refine.audit.result import SUMMARY
from refine.errors import InputError


def test_a_folder_without_an_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no audit\.jsonl here"):
        load_repair(tmp_path, "original", "fail")
    with pytest.raises(InputError, match="--if-wrong 'keep'"):
        load_repair(tmp_path, "keep", "fail")
    with pytest.raises(InputError, match="--repair 'all'"):
        load_repair(tmp_path, "original", "all")


def test_the_flags_of_the_audited_run_are_those_that_the_audit_recorded(tmp_path: Path) -> None:
    assert made_with(tmp_path) == {}
    for held, flags in (
        ({"provenance": {"flags": {"strength": 0.5}}}, {"strength": 0.5}),
        ({"provenance": {"flags": None}}, {}),
        ({"provenance": {}}, {}),
        ([], {}),
    ):
        (tmp_path / SUMMARY).write_text(json.dumps(held))
        assert made_with(tmp_path) == flags
