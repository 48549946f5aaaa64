"""`refine audit`: train judges, calibrate them, certify each image, and say how many labels may be wrong."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

import refine
from refine.audit.auditor import read_audit, read_certificates
from refine.audit.bound import wrong_labels
from refine.audit.decisions import Decision, decide, moved_limit, read_decisions
from refine.audit.evidence import READ, Evidence
from refine.audit.families import Case, adapted, content, counted, given
from refine.audit.further import moved_structure, real, way_back
from refine.audit.judges import NETWORKS, Judges, in_folds
from refine.audit.page import write_audit_page
from refine.audit.pairs import Opened, open_pairs, read_pairs
from refine.audit.result import LINES, PAGE, SUMMARY, VERDICTS, Audit, Bound, Certificate, JudgeRecord, Power
from refine.audit.setting import BATCH, STEPS, Setting
from refine.audit.stored import store
from refine.audit.verdicts import certify, not_passed, verdict_of
from refine.data.clusters import load_clusters
from refine.errors import InputError
from refine.files import RUN, claim_output, write_json, write_whole
from refine.metrics.intervals import cluster_numbers
from refine.progress import counted as progress

NO_BOUND = {
    "none": "No judge is competent on the refined images, so nothing can be said of the share of wrong labels.",
    "learned": (
        "The only competent judges learned from the refined images. What the translator does to all images alike is "
        "right to them, so no bound is given: train judges on some labeled real images (--real-labeled DIR), or decide "
        "on a random part of the images yourself."
    ),
}


def run_audit(
    synthetic: Path,
    refined: Path,
    output: Path,
    setting: Setting,
    layouts: tuple[str, str] = ("auto", "auto"),
    mapping: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> Audit:
    """Audit a refined dataset.

    Args:
        synthetic: Labeled images before.
        refined: Images after, under the same keys.
        output: Folder for `audit.jsonl`, `audit.json`, `audit.html` and the judges; it holds no audit yet.
        setting: How judges are trained and what else is asked.
        layouts: How the synthetic and refined images lie, and how labeled real ones do.
        mapping: From the classes to others.
        classes: Names to keep; None takes all.

    Raises:
        InputError: If the output holds an audit already, a number makes no sense, or something cannot be read.
    """
    setting.require()
    if (output / SUMMARY).exists():
        raise InputError(
            f"{output}: holds an audit already; name another --output, or add a person's --decisions to it"
        )
    for folder in (synthetic, refined):
        if output.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{output}: lies in the dataset {folder}; choose another --output")
    opened = open_pairs(synthetic, refined, layouts[0], mapping, classes)
    pairs = read_pairs(opened, setting.size)
    setting.require_networks(pairs.kind)
    decisions = read_decisions(setting.decisions, pairs.keys) if setting.decisions else {}
    clusters = cluster_numbers(load_clusters(setting.groups, pairs.keys))
    claim_output(output)
    folds = in_folds(pairs.labels, pairs.kind, setting.folds, setting.seed, clusters)
    evidence, families, notes = _gather(Case(pairs, folds, setting, lambda done: None), layouts[1])
    records = {name: record for one in evidence for name, record in one.records().items()}
    certificates = decide(certify(pairs.keys, evidence, records), decisions)
    trusted = next((one for one in evidence if one.competent and one.decides), None)
    audit: Audit = {
        "kind": pairs.kind,
        "classes": list(pairs.names),
        "images": len(pairs.keys),
        "counts": _counts(certificates),
        "judges": records,
        "false_rejects": (trusted or evidence[0]).all_rejected(),
        "false_rejects_by_change": (trusted or evidence[0]).rejected(),
        "power": list((trusted or evidence[0]).power),
        "wrong_labels": _bound(certificates, evidence),
        "decided_by_person": len(decisions),
        "missing": len(opened.synthetic.records()) - len(pairs.keys),
        "provenance": {
            "synthetic": str(synthetic),
            "refined": str(refined),
            "model": _model(refined),
            "layout": opened.synthetic.name if layouts[0] == "auto" else layouts[0],
            "mapping": mapping,
            "classes": None if classes is None else list(classes),
            "size": list(pairs.size),
            "folds": setting.folds,
            "steps": setting.steps or STEPS[pairs.kind],
            "batch_size": setting.batch_size or BATCH[pairs.kind],
            "networks": list(setting.networks or NETWORKS[pairs.kind]),
            "groups": setting.groups,
            "judge": [str(path) for path in setting.judge_files],
            "real_labeled": None if setting.real_labeled is None else str(setting.real_labeled),
            "checkpoint": None if setting.checkpoint is None else str(setting.checkpoint),
            "decisions": None if setting.decisions is None else str(setting.decisions),
            "seed": setting.seed,
            "figures_of": (trusted or evidence[0]).name,
            "notes": notes,
            "versions": {"refine": refine.__version__, "torch": str(torch.__version__)},
        },
    }
    store(output, pairs, folds, [family for family in families if _decides(family, evidence)])
    _write(output, audit, certificates, opened)
    return audit


def _gather(case: Case, real_layout: str) -> tuple[list[Evidence], list[Judges], list[str]]:
    """All evidence: judges of content; where they are not competent, judges that learned on refined images; and what
    the user asked for."""
    setting, pairs = case.setting, case.pairs
    per_family = setting.folds * len(setting.networks or NETWORKS[pairs.kind])
    notes: list[str] = []
    with ExitStack() as stack:
        families = 1 + (setting.real_labeled is not None)
        bar = stack.enter_context(progress(per_family * families, "training judges"))
        case = case._replace(advance=bar)
        first, judges = content(case)
        evidence, kept = [first], [judges]
        if not first.competent:
            second, learned = adapted(case)
            if first.measured >= first.bar and not second.competent and second.measured < READ:
                notes.append(
                    "Judges that learned on the refined images cannot find the labels there either: they are lost."
                )
                evidence = [first._replace(competent=True, why=f"{first.why} {notes[-1]}")]
            evidence.append(second)
            kept.append(learned)
        if setting.judge_files:
            found, asked = given(case, setting.judge_files, setting.trust)
            evidence.append(found)
            kept.append(asked)
        if setting.real_labeled is not None:
            found, asked = real(case, setting.real_labeled, real_layout)
            evidence.append(found)
            kept.append(asked)
        if setting.checkpoint is not None:
            back = way_back(case, first, judges, setting.checkpoint, setting.trust)
            if isinstance(back, str):
                notes.append(back)
            else:
                evidence.append(back)
        if pairs.kind != "class":
            evidence.append(moved_structure(case))
    return evidence, kept, notes


def _decides(family: Judges, evidence: Sequence[Evidence]) -> bool:
    return any(one.name == family.name and one.competent and one.decides for one in evidence)


def _counts(certificates: Sequence[Certificate]) -> dict[str, int]:
    return {verdict: sum(one["verdict"] == verdict for one in certificates) for verdict in VERDICTS}


def _bound(certificates: Sequence[Certificate], evidence: Sequence[Evidence]) -> Bound:
    able = [one for one in evidence if one.competent and one.decides]
    blind = not able or all(one.name == "adapted" for one in able)
    if blind:
        reason = NO_BOUND["learned" if able else "none"]
        return {"upper": None, "upper_of_passed": None, "confidence": 0.95, "reasons": [reason]}
    trusted = max((one for one in able if one.name != "adapted"), key=lambda one: counted(one)["low"])
    return _bound_from(certificates, counted(trusted))


def _bound_from(certificates: Sequence[Certificate], power: Power) -> Bound:
    rejected = int(not_passed(certificates).sum())
    right = sum(one["by"] == "person" and one["verdict"] == "pass" for one in certificates)
    size = "" if power["size"] is None else f", {power['size']:g} {power['unit']}"
    return wrong_labels(len(certificates), rejected, right, power["low"], f"{power['harm']}{size}")


def _model(refined: Path) -> str | None:
    """Sha256 of the checkpoint that `refine apply` recorded."""
    try:
        return str(json.loads((refined / RUN).read_bytes())["model"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(output: Path, audit: Audit, certificates: Sequence[Certificate], opened: Opened) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in certificates)
    write_whole(output / LINES, lines.encode())
    write_audit_page(output / PAGE, audit, list(certificates), *opened)
    write_json(audit, output / SUMMARY)  # last: where it stands, the audit is whole


def redecide(output: Path, decisions: Path) -> Audit:
    """Add a person's verdicts to a finished audit: they stand, and with 20 of them or more the limits for a review
    move to where they say. Nothing is trained.

    Raises:
        InputError: If the folder holds no whole audit, its datasets have gone, or the decisions cannot be read.
    """
    audit, before = read_audit(output), read_certificates(output)
    made = audit["provenance"]
    classes = made["classes"]
    opened = open_pairs(
        Path(str(made["synthetic"])),
        Path(str(made["refined"])),
        str(made["layout"]),
        None if made["mapping"] is None else str(made["mapping"]),
        tuple(map(str, classes)) if isinstance(classes, list) else None,
    )
    given_now = read_decisions(decisions, list(before))
    standing: dict[str, Decision] = {
        key: "pass" if one["verdict"] == "pass" else "fail" for key, one in before.items() if one["by"] == "person"
    }
    decided = {**standing, **given_now}
    records = _recalibrated(audit["judges"], before, decided)
    certificates = []
    for key, one in before.items():
        verdict, reasons = verdict_of(one["scores"], records)
        if verdict == "pass" and one.get("audit_verdict", one["verdict"]) == "fail":
            verdict, reasons = "fail", one["reasons"]
        certificates.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=one["scores"]))
    certificates = decide(certificates, decided)
    audit["judges"], audit["counts"], audit["decided_by_person"] = records, _counts(certificates), len(decided)
    if audit["wrong_labels"]["upper"] is not None:
        audit["wrong_labels"] = _bound_from(certificates, _weakest(audit["power"]))
    made["decisions"] = str(decisions)
    _write(output, audit, certificates, opened)
    return audit


def _recalibrated(
    records: dict[str, JudgeRecord], certificates: dict[str, Certificate], decided: dict[str, Decision]
) -> dict[str, JudgeRecord]:
    found: dict[str, JudgeRecord] = {}
    for name, record in records.items():
        scores = [certificates[key]["scores"][name] for key in decided]
        limit = moved_limit(scores, list(decided.values()), record["threshold"])
        found[name] = {**record, "threshold": limit} if record["competent"] else record
    return found


def _weakest(power: Sequence[Power]) -> Power:
    whole = [one for one in power if one["harm"].startswith(("another", "look-alike", "gaze", "targets"))]
    return min({one["harm"]: one for one in whole}.values(), key=lambda one: one["low"])
