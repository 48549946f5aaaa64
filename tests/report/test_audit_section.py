from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.audit_section import audit_section
from refine.report.audited import read_audit
from tests.audit.audits import certificate, save_audit
from tests.report.trees import make


def test_failed_images_come_before_those_to_review(tmp_path: Path) -> None:
    trees = make(tmp_path)
    worst = certificate("green/000.png", "review", scores={"agreement": 1.0})
    found = [worst, certificate("red/000.png", "fail"), certificate("red/001.png")]
    section = audit_section(read_audit(save_audit(tmp_path / "audit", found)), trees.synthetic, trees.refined)
    assert [case.key for case in section.cases] == ["red/000.png", "green/000.png"]
    assert section.wrong == 2


@pytest.mark.parametrize("recorded", [{"layout": "no-such-layout"}, {"mapping": "no-such-mapping"}])
def test_images_are_opened_as_the_audit_opened_them(tmp_path: Path, recorded: dict[str, str]) -> None:
    trees = make(tmp_path)
    found = save_audit(tmp_path / "audit", [certificate("red/000.png", "fail")], provenance=recorded)
    with pytest.raises(InputError, match="no-such"):
        audit_section(read_audit(found), trees.synthetic, trees.refined)
