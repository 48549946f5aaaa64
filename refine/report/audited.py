"""What `refine audit` found, as its two files say it."""

from pathlib import Path
from typing import NamedTuple

from refine.apply.files import file_sha256, shown
from refine.audit.result import (
    ACTIONS,
    LINES,
    SUMMARY,
    VERDICTS,
    Audit,
    Bound,
    Certificate,
    JudgeRecord,
    Power,
    Rate,
    Remedy,
    SampledRate,
    SampleEstimate,
)
from refine.errors import InputError
from refine.files import read_json_lines
from refine.report.read import Node, read_node

AUDIT = "make it anew with `refine audit`"
BOUND = "bound_under_planted_corruption"


class Audited(NamedTuple):
    """An audit's output folder."""

    folder: Path
    summary: Audit
    certificates: list[Certificate]
    sha256: str
    """Of the lines: what a repair by this audit recorded."""


def read_audit(folder: Path) -> Audited:
    """Read `audit.json` and `audit.jsonl`.

    Raises:
        InputError: If one is missing or damaged, or they are not of the same images.
    """
    summary = _summary(read_node(folder / SUMMARY, AUDIT))
    certificates = _certificates(folder / LINES)
    counts = {name: sum(each["verdict"] == name for each in certificates) for name in VERDICTS}
    if counts != summary["counts"] or len(certificates) != summary["images"]:
        raise InputError(f"{folder}: {SUMMARY} and {LINES} do not have the same verdicts; {AUDIT}")
    return Audited(folder, summary, certificates, file_sha256(folder / LINES) or "")


def _summary(top: Node) -> Audit:
    if top.optional(BOUND) is None and top.optional("wrong_labels") is not None:
        raise InputError(f"{top.file}: its bound was made by an earlier version and held too seldom; {AUDIT}")
    decided, missing = top.optional("decided_by_person"), top.optional("missing")
    provenance, remedies, ranking = (top.optional(name) for name in ("provenance", "remedies", "ranking"))
    sample, natural = top.optional("sample"), top.optional("natural_power")
    found: Audit = {
        "kind": top.need("kind").text(),
        "classes": [name.text() for name in top.need("classes").elements()],
        "images": top.need("images").count(),
        "counts": {name: top.need("counts").need(name).count() for name in VERDICTS},
        "judges": {name: _judge(node) for name, node in top.need("judges").items()},
        "false_rejects": _rate(top.need("false_rejects")),
        "false_rejects_by_change": {name: _rate(node) for name, node in top.need("false_rejects_by_change").items()},
        "power": [_power(node) for node in top.need("power").elements()],
        "bound_under_planted_corruption": _bound(top.need(BOUND)),
        "remedies": [_remedy(node) for node in remedies.elements()] if remedies else [],
        "ranking": {"by": ranking.need("by").text(), "rate": ranking.need("rate").share()} if ranking else None,
        "decided_by_person": decided.count() if decided else 0,
        "missing": missing.count() if missing else 0,
        "provenance": {name: node.value for name, node in provenance.items()} if provenance else {},
    }
    if sample:
        found["sample"] = _sample(sample)
    if natural:
        found["natural_power"] = _rate(natural)
    return found


def _sample(node: Node) -> SampleEstimate:
    passed, power = node.optional("passed"), node.optional("natural_power")
    return {
        "all": _sampled(node.need("all")),
        "passed": _sampled(passed) if passed else None,
        "natural_power": _sampled(power) if power else None,
        "confidence": node.need("confidence").share(),
        "drawn": node.need("drawn").count(),
        "answered": node.need("answered").count(),
        "unsure": node.need("unsure").count(),
        "grouped": node.need("grouped").truth(),
        "strata": {
            name: {
                "images": one.need("images").count(),
                "draws": one.need("draws").count(),
                "wrong": one.need("wrong").number(),
                "unsure": one.need("unsure").number(),
            }
            for name, one in node.need("strata").items()
        },
    }


def _sampled(node: Node) -> SampledRate:
    return {
        "images": node.need("images").count(),
        "rate": node.need("rate").share(),
        "rate_if_unsure_are_wrong": node.need("rate_if_unsure_are_wrong").share(),
        "low": node.need("low").share(),
        "high": node.need("high").share(),
    }


def _rate(node: Node) -> Rate:
    low, high, rate = (node.need(name).share() for name in ("low", "high", "rate"))
    return {"rate": rate, "low": low, "high": high, "n": node.need("n").count()}


def _power(node: Node) -> Power:
    size, unit = node.optional("size"), node.optional("unit")
    return {
        **_rate(node),
        "harm": node.need("harm").text(),
        "size": size.number() if size else None,
        "unit": unit.text() if unit else "",
    }


def _judge(node: Node) -> JudgeRecord:
    fail = node.optional("fail_threshold")
    found: JudgeRecord = {
        "competent": node.need("competent").truth(),
        "measured": node.need("measured").number(),
        "bar": node.need("bar").number(),
        "threshold": node.need("threshold").number(),
        "why": node.need("why").text(),
    }
    return {**found, "fail_threshold": fail.number()} if fail else found


def _remedy(node: Node) -> Remedy:
    images = node.optional("images")
    return {
        "action": node.need("action").one_of(ACTIONS),
        "images": images.count() if images else None,
        "why": node.need("why").text(),
        "commands": [line.text() for line in node.need("commands").elements()],
    }


def _bound(node: Node) -> Bound:
    upper, passed = (node.optional(name) for name in ("upper", "upper_of_passed"))
    return {
        "upper": upper.share() if upper else None,
        "upper_of_passed": passed.share() if passed else None,
        "confidence": node.need("confidence").share(),
        "reasons": [reason.text() for reason in node.need("reasons").elements()],
    }


def _certificates(path: Path) -> list[Certificate]:
    return [_certificate(Node(value, where, AUDIT)) for where, value in read_json_lines(path, AUDIT)]


def _certificate(node: Node) -> Certificate:
    verdict, by, audit = node.need("verdict"), node.need("by"), node.optional("audit_verdict")
    rank = node.optional("rank")
    found: Certificate = {
        "key": node.need("key").text(),
        "verdict": verdict.one_of(VERDICTS),
        "by": by.one_of(("audit", "person")),
        "reasons": [reason.text() for reason in node.need("reasons").elements()],
        "scores": {shown(name): score.number() for name, score in node.need("scores").items()},
    }
    if rank is not None:
        found["rank"] = rank.count()
    return found if audit is None else {**found, "audit_verdict": audit.one_of(VERDICTS)}
