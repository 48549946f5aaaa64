from io import StringIO
from pathlib import Path

from rich.console import Console

from refine.audit.result import Audit
from refine.audit.tables import false_rejects_table, judges_table, power_table, print_table
from tests.audit.audits import audit, certificate, power, rate


def printed(found: Audit) -> str:
    console = Console(file=StringIO(), width=200)
    print_table(found, Path("out"), console)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_all_that_matters_is_said() -> None:
    text = printed(audit([certificate("a", "pass"), certificate("b", "pass"), certificate("c", "fail")]))
    for said in (
        "3 images",
        "2 (66.7%)",
        "1 (33.3%)",
        "agreement: competent. Balanced accuracy on held-out synthetic images.",
        "1.5% (0.3% to 4.3%, n = 200)",
        "another class's image",
        "2 pixels",
        "60.0%",
        "bound under planted corruption: wrong labels at most 3.1% of all, 1.20% of those that passed (95 %)",
        "out/audit.html",
    ):
        assert said in text


def test_without_a_bound_its_reasons_are_said() -> None:
    nothing = {"upper": None, "upper_of_passed": None, "confidence": 0.95, "reasons": ["No judge is competent."]}
    text = printed(audit([certificate("a")], bound_under_planted_corruption=nothing))
    assert "bound under planted corruption: No judge is competent." in text
    assert "at most" not in text


def test_an_inconclusive_audit_begins_with_what_would_help() -> None:
    remedies = [
        {"action": "real-labeled", "images": 108, "why": "Too wide a gap.", "commands": ["refine audit --a b"]},
        {"action": "sample", "images": 72, "why": "Look yourself.", "commands": ["refine c", "refine d"]},
    ]
    open_ones = [certificate(str(number), "inconclusive") for number in range(3)]
    text = printed(audit(open_ones, remedies=remedies, ranking={"by": "adapted", "rate": 0.75}))
    assert text.splitlines()[:7] == [
        "Inconclusive: no judge is competent on 3 of 3 images. What would help, the cheapest first:",
        "1. Too wide a gap.",
        "     refine audit --a b",
        "2. Look yourself.",
        "     refine c",
        "     refine d",
        "Until then, look at the images in the order of suspicion by the adapted judges, who find 75.0 % of the "
        "planted harm: the rank in audit.jsonl is an order, not a verdict.",
    ]
    assert "Inconclusive" not in printed(audit([certificate("a")], remedies=[]))


def test_names_are_no_markup() -> None:
    judges = {"[red]x: y": {"competent": False, "measured": 0, "bar": 1, "threshold": 1, "why": "[bold]why"}}
    assert "[red]x: y: not competent. [bold]why" in printed(audit(judges=judges))


def test_no_image_is_no_division_by_zero() -> None:
    assert "0 images" in printed(audit())


def test_tables_have_a_line_for_each_figure() -> None:
    judge = audit()["judges"]["agreement"]
    found = audit(power=[power("moved", 60, size=2, unit="pixels")], false_rejects_by_change={"blur": rate(0, 50)})
    assert power_table(found).rows == [["moved", "2 pixels", "60.0 %", "49.7 to 69.7", "100"]]
    assert [row[0] for row in false_rejects_table(found).rows] == ["all", "blur"]
    assert false_rejects_table(found).rows[1][1:] == ["0.0 %", "0.0 to 7.1", "50"]
    assert judges_table(found).rows[0][:5] == ["agreement", "yes", "0.97", "0.9", "0.5"]
    strict = judges_table(audit(judges={"a": judge, "b": {**judge, "fail_threshold": 0.8}}))
    assert [row[5] for row in strict.rows] == ["", "0.8"]
