from io import StringIO
from pathlib import Path

from rich.console import Console

from refine.audit.result import Audit, Remedy
from refine.audit.table import false_rejects_table, judges_table, power_table, print_summary
from tests.audit.audits import audit, certificate, power, rate

JUDGE = audit()["judges"]["agreement"]


def printed(found: Audit) -> str:
    file = StringIO()
    print_summary(found, Path("out"), Console(file=file, width=200))
    return file.getvalue()


def test_all_that_matters_is_printed() -> None:
    text = printed(audit([certificate("a", "pass"), certificate("b", "pass"), certificate("c", "fail")]))
    for said in (
        "3 images",
        "2 (66.7 %)",
        "1 (33.3 %)",
        "agreement: competent. Balanced accuracy on held-out synthetic images.",
        "1.5 % (interval 0.3 to 4.3 %, n = 200)",
        "another class's image",
        "2 pixels",
        "60.0 %",
        "bound under planted corruption: wrong labels at most 3.1 % of all, 1.2 % of those that passed (95 %)",
        "out/audit.html",
    ):
        assert said in text
    nothing = {"upper": None, "upper_of_passed": None, "confidence": 0.95, "reasons": ["No judge is competent."]}
    text = printed(audit([certificate("a")], bound_under_planted_corruption=nothing))
    assert "bound under planted corruption: No judge is competent." in text
    assert "at most" not in text
    assert "0 images" in printed(audit())  # no division by zero
    judges = {"[red]x: y": {"competent": False, "measured": 0, "bar": 1, "threshold": 1, "why": "[bold]why"}}
    assert "[red]x: y: not competent. [bold]why" in printed(audit(judges=judges))


def test_an_inconclusive_audit_begins_with_what_would_help() -> None:
    remedies: list[Remedy] = [
        {"action": "real-labeled", "images": 108, "why": "Too wide a gap.", "commands": ["refine audit --a b"]},
        {"action": "sample", "images": 72, "why": "Look yourself.", "commands": ["refine c", "refine d"]},
    ]
    certificates = [certificate(key, "inconclusive") for key in "abc"]
    text = printed(audit(certificates, remedies=remedies, ranking={"by": "adapted", "rate": 0.75}))
    assert text.splitlines()[:7] == [
        "Inconclusive: no judge is competent on 3 of 3 images. What would help, the cheapest first:",
        "1. Too wide a gap.",
        "     refine audit --a b",
        "2. Look yourself.",
        "     refine c",
        "     refine d",
        "Until then, look at the images in the order of their score by the adapted judges, who find 75.0 % of the "
        "planted corruption: the rank in audit.jsonl is an order, not a verdict.",
    ]
    assert "Inconclusive" not in printed(audit([certificate("a")], remedies=[]))


def test_tables_have_a_line_for_each_figure() -> None:
    found = audit(power=[power("moved", 60, size=2, unit="pixels")], false_rejects_by_change={"blur": rate(0, 50)})
    line = ["moved", "2 pixels", "60.0 %", "49.7 to 69.7", "100"]
    assert power_table(found).rows == [line]
    assert power_table(found, with_failed=True).rows == [[*line, "0.0 %"]]
    assert [row[0] for row in false_rejects_table(found).rows] == ["all", "blur"]
    assert false_rejects_table(found).rows[1][1:] == ["0.0 %", "0.0 to 7.1", "50"]
    assert judges_table(found).rows[0][:5] == ["agreement", "yes", "0.97", "0.9", "0.5"]
    strict = judges_table(audit(judges={"a": JUDGE, "b": {**JUDGE, "fail_threshold": 0.8}}))
    assert [row[5] for row in strict.rows] == ["", "0.8"]
