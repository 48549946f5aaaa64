"""`refine audit`: train judges, calibrate them, certify each image, and say how many labels may be wrong."""

from collections.abc import Sequence
from pathlib import Path

import torch

import refine
from refine.audit.calibration import largest_group
from refine.audit.conclusion import bound, counts, write_audit
from refine.audit.decisions import decide, made, read_decisions
from refine.audit.evidence import Evidence
from refine.audit.families import Case, adapted, content, given, load_given, shown_powers
from refine.audit.further import moved_structure, open_real, real, way_back
from refine.audit.judges import NETWORKS, Judges, in_folds
from refine.audit.lost import LOST, are_lost
from refine.audit.pairs import open_pairs, read_pairs
from refine.audit.redecide import recalibrated
from refine.audit.result import SUMMARY, Audit
from refine.audit.sampling import draw_counts, members_of, require_no_sample
from refine.audit.setting import BATCH, Setting
from refine.audit.stored import require_free, store
from refine.audit.trained import TrainedJudges
from refine.audit.verdicts import certify
from refine.data.clusters import load_clusters
from refine.devices import choose_device
from refine.errors import InputError
from refine.files import RUN, read_json, require_output
from refine.methods.checkpoint import load_translator
from refine.metrics.intervals import cluster_numbers


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
    device = choose_device(setting.device)
    if (output / SUMMARY).exists():
        raise InputError(
            f"{output}: holds an audit already; name another --output, or add a person's --decisions to it"
        )
    for folder in (synthetic, refined):
        if output.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{output}: lies in the dataset {folder}; choose another --output")
    require_free(output)
    if setting.sample is not None:
        require_no_sample(output)
    opened = open_pairs(synthetic, refined, layouts[0], mapping, classes)
    pairs = read_pairs(opened, setting.size)
    setting.require_networks(pairs.kind)
    decisions = made(read_decisions(setting.decisions, pairs.keys)) if setting.decisions else {}
    groups = load_clusters(setting.groups, pairs.keys)
    if setting.sample is not None:
        # Verdicts split groups up, but the draws of all strata together bring no fewer images than that of whole ones.
        draw_counts({"all": members_of(pairs.keys, groups)}, setting.sample)
    clusters = cluster_numbers(groups)
    require_output(output)
    folds = in_folds(pairs.labels, pairs.kind, setting.folds, setting.seed, clusters)
    evidence, families, notes = _gather(Case(pairs, folds, setting, clusters, output), layouts[1])
    records = {name: record for one in evidence for name, record in one.records().items()}
    if decisions:
        undecided = {one["key"]: one for one in certify(pairs.keys, evidence, records)}
        records = recalibrated(records, undecided, decisions, largest_group(clusters))
    certificates = decide(certify(pairs.keys, evidence, records), decisions)
    trusted = next((one for one in evidence if one.competent and one.decides), None)
    audit: Audit = {
        "kind": pairs.kind,
        "classes": list(pairs.names),
        "images": len(pairs.keys),
        "counts": counts(certificates),
        "judges": records,
        "false_rejects": (trusted or evidence[0]).all_rejected(),
        "false_rejects_by_change": (trusted or evidence[0]).rejected(),
        "power": shown_powers((trusted or evidence[0]).power),
        "bound_under_planted_corruption": bound(certificates, records, largest_group(clusters)),
        "largest_group": largest_group(clusters),
        "decided_by_person": len(decisions),
        "missing": len(opened.synthetic.records()) - len(pairs.keys),
        "provenance": {
            "synthetic": str(synthetic),
            "refined": str(refined),
            "model": _model(refined),
            "flags": _made_with(refined),
            "layout": opened.synthetic.name if layouts[0] == "auto" else layouts[0],
            "real_layout": None if layouts[1] == "auto" else layouts[1],
            "mapping": mapping,
            "classes": None if classes is None else list(classes),
            "size": list(pairs.size),
            "folds": setting.folds,
            "steps": setting.steps_for(pairs.kind, len(pairs.keys)),
            "batch_size": setting.batch_size or BATCH[pairs.kind],
            "networks": list(setting.networks or NETWORKS[pairs.kind]),
            "groups": setting.groups,
            "judge": [str(path) for path in setting.judge_files],
            "real_labeled": None if setting.real_labeled is None else str(setting.real_labeled),
            "checkpoint": None if setting.checkpoint is None else str(setting.checkpoint),
            "decisions": None if setting.decisions is None else str(setting.decisions),
            "trust": list(setting.trust),
            "seed": setting.seed,
            "device": device.type,
            "threads": torch.get_num_threads(),
            "figures_of": (trusted or evidence[0]).name,
            "notes": notes,
            "versions": {"refine": refine.__version__, "torch": str(torch.__version__)},
        },
    }
    store(output, pairs, folds, [family for family in families if _decides(family, evidence)])
    write_audit(output, audit, certificates, opened)
    TrainedJudges(output).remove()
    return audit


def _gather(case: Case, real_layout: str) -> tuple[list[Evidence], list[Judges], list[str]]:
    """All evidence: judges of content; where they are not competent, judges that learned on refined images; and what
    the user asked for."""
    setting, pairs = case.setting, case.pairs
    notes: list[str] = []
    # Before training, not after it, is the time to find that something cannot be read.
    asked = load_given(pairs, setting.judge_files, setting.trust, choose_device(setting.device))
    labeled = None if setting.real_labeled is None else open_real(pairs, setting.real_labeled, real_layout)
    if setting.checkpoint is not None:
        load_translator(setting.checkpoint, setting.trust)
    first, judges = content(case)
    evidence, kept = [first], [judges]
    if not first.competent:
        second, learned = adapted(case)
        if are_lost(case, first, judges, second):
            notes.append(LOST)
            evidence = [first._replace(competent=True, why=f"{first.why} {LOST}")]
        evidence.append(second)
        kept.append(learned)
    if asked.members:
        evidence.append(given(case, asked))
        kept.append(asked)
    if labeled is not None:
        found, learned = real(case, labeled)
        evidence.append(found)
        kept.append(learned)
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


def _model(refined: Path) -> str | None:
    """Sha256 of the checkpoint that `refine apply` recorded."""
    try:
        return str(read_json(refined / RUN, "")["model"]["sha256"])
    except (InputError, KeyError, TypeError):
        return None


def _made_with(refined: Path) -> dict[str, object]:
    """Flags of the run that made the images, and the audit that it repaired them by."""
    try:
        record = read_json(refined / RUN, "")
        return {**record["flags"], "audit": (record.get("audit") or {}).get("sha256")}
    except (InputError, KeyError, TypeError, AttributeError):
        return {}
