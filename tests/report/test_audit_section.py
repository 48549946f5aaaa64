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


def test_without_verdicts_the_most_suspicious_images_come_first_and_remedies_are_told(tmp_path: Path) -> None:
    trees = make(tmp_path)
    keys = {"red/000.png": 3, "green/000.png": 1, "red/001.png": 2}
    found = [certificate(key, "inconclusive", rank=rank) for key, rank in keys.items()]
    remedy = {"action": "sample", "images": 3, "why": "Look.", "commands": ["refine audit --output a --sample 3"]}
    folder = save_audit(tmp_path / "audit", found, remedies=[remedy])
    section = audit_section(read_audit(folder), trees.synthetic, trees.refined)
    assert [case.key for case in section.cases] == sorted(keys, key=lambda key: keys[key])
    assert (section.wrong, section.inconclusive) == (0, 3)
    assert section.remedies == [remedy]
    assert section.way_out[0].startswith("Inconclusive: no judge is competent on 3 of 3 images.")


@pytest.mark.parametrize("recorded", [{"layout": "no-such-layout"}, {"mapping": "no-such-mapping"}])
def test_images_are_opened_as_the_audit_opened_them(tmp_path: Path, recorded: dict[str, str]) -> None:
    trees = make(tmp_path)
    found = save_audit(tmp_path / "audit", [certificate("red/000.png", "fail")], provenance=recorded)
    with pytest.raises(InputError, match="no-such"):
        audit_section(read_audit(found), trees.synthetic, trees.refined)
