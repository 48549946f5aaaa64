"""`refine audit` from beginning to end: train judges, calibrate them, certify each image, say how many labels may be
wrong; and `Auditor`, a finished audit that judges images again."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

import refine
from refine.audit.calibration import largest_group, shown_powers
from refine.audit.decisions import decided_ones, override, read_decisions, recalibrated
from refine.audit.ensembles import (
    NO_LABELS_FOUND,
    adapted,
    content,
    given,
    inverse_evidence,
    labels_cannot_be_found,
    load_given,
    open_real,
    real,
)
from refine.audit.evidence import AuditContext, Evidence
from refine.audit.judges import Examples, JudgeEnsemble, in_folds, networks_for
from refine.audit.options import AuditOptions, usual_steps
from refine.audit.pairs import open_pairs, read_pairs
from refine.audit.result import (
    AUDIT_AGAIN,
    SUMMARY,
    Audit,
    Certificate,
    ensemble_of,
    read_audit,
    read_certificates,
)
from refine.audit.review import write_audit
from refine.audit.sampling import draw_counts, members_of, require_no_sample
from refine.audit.structure import moved_structure
from refine.audit.training import StoredJudges, load_judges, remove_unfinished, require_free, store_judges
from refine.audit.verdicts import DIGITS, bound_of, certify, count_verdicts, verdict_of
from refine.data.clusters import load_clusters
from refine.data.images import resize_levels
from refine.devices import choose_device
from refine.errors import InputError
from refine.files import RUN, require_output
from refine.json_files import read_json
from refine.methods.checkpoint import load_translator
from refine.metrics.intervals import cluster_numbers


def run_audit(options: AuditOptions) -> Audit:
    """Audit a refined dataset.

    Args:
        options: Folders, how judges are trained and what else is asked; the output holds no audit yet.

    Raises:
        InputError: If the output holds an audit already, or something cannot be read.
    """
    synthetic, refined, output = options.synthetic, options.refined, options.output
    if synthetic is None or refined is None:
        raise InputError(
            "give --synthetic and --refined; or --decisions, or --sample, with the --output of a finished audit"
        )
    device = choose_device(options.device)
    if (output / SUMMARY).exists():
        raise InputError(
            f"{output}: holds an audit already; name another --output, or add a person's --decisions to it"
        )
    for folder in (synthetic, refined):
        if output.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{output}: lies in the dataset {folder}; choose another --output")
    require_free(output)
    if options.sample is not None:
        require_no_sample(output)
    opened = open_pairs(synthetic, refined, options.layout, options.mapping, options.classes)
    pairs = read_pairs(opened, options.size)
    networks = networks_for(pairs.kind, options.networks)
    decisions = decided_ones(read_decisions(options.decisions, pairs.keys)) if options.decisions else {}
    groups = load_clusters(options.groups, pairs.keys)
    if options.sample is not None:
        # Verdicts split groups up, but the draws of all strata together bring no fewer images than that of whole ones.
        draw_counts({"all": members_of(pairs.keys, groups)}, options.sample)
    clusters = cluster_numbers(groups)
    largest = largest_group(clusters)
    require_output(output)
    folds = in_folds(pairs.labels, pairs.kind, options.folds, options.seed, clusters)
    gathered, notes = _gather(AuditContext(pairs, folds, options, clusters, output))
    evidence = [one for one, _ in gathered]
    records = {name: record for one in evidence for name, record in one.records().items()}
    certificates = certify(pairs.keys, evidence, records)
    if decisions:
        records = recalibrated(records, {one["key"]: one for one in certificates}, decisions, largest)
        certificates = override(certify(pairs.keys, evidence, records), decisions)
    shown = next((one for one in evidence if one.competent and one.decides), evidence[0])
    audit: Audit = {
        "kind": pairs.kind.name,
        "classes": list(pairs.names),
        "images": len(pairs.keys),
        "counts": count_verdicts(certificates),
        "judges": records,
        "false_rejects": shown.false_rejects(),
        "false_rejects_by_change": shown.false_rejects_by_change(),
        "power": shown_powers(shown.power),
        "bound_under_planted_corruption": bound_of(certificates, records, largest),
        "largest_group": largest,
        "decided_by_person": len(decisions),
        "missing": len(opened.synthetic.records()) - len(pairs.keys),
        "provenance": {
            "synthetic": str(synthetic),
            "refined": str(refined),
            **_made_with(refined),
            **options.recorded(),
            "layout": opened.synthetic.name if options.layout == "auto" else options.layout,
            "real_layout": None if options.real_layout == "auto" else options.real_layout,
            "size": list(pairs.size),
            "steps": options.steps or usual_steps(pairs.kind.judges.steps, len(pairs.keys)),
            "batch_size": options.batch_size or pairs.kind.judges.batch_size,
            "networks": list(networks),
            "device": device.type,
            "threads": torch.get_num_threads(),
            "figures_of": shown.name,
            "notes": notes,
            "versions": {"refine": refine.__version__, "torch": str(torch.__version__)},
        },
    }
    kept = [judges for one, judges in gathered if judges is not None and one.competent and one.decides]
    store_judges(output, pairs, folds, kept)
    write_audit(output, audit, certificates, opened)
    remove_unfinished(output)
    return audit


Gathering = list[tuple[Evidence, JudgeEnsemble | None]]
"""Evidence with its judges, where judges of its own bring it."""


def _gather(context: AuditContext) -> tuple[Gathering, list[str]]:
    """Gather all evidence: judges of content; where they are not competent, judges that learned on refined images; and
    what the user asked for. Returns notes on it, too."""
    options, pairs = context.options, context.pairs
    notes: list[str] = []
    # Before training, not after it, is the time to find that something cannot be read.
    asked = load_given(pairs, options.judge, options.trust, choose_device(options.device))
    labeled = None if options.real_labeled is None else open_real(pairs, options.real_labeled, options.real_layout)
    if options.checkpoint is not None:
        load_translator(options.checkpoint, options.trust)
    first, judges = content(context)
    gathered: Gathering = [(first, judges)]
    if not first.competent:
        second, learned = adapted(context)
        if labels_cannot_be_found(context, first, judges, second):
            notes.append(NO_LABELS_FOUND)
            gathered = [(first._replace(competent=True, why=f"{first.why} {NO_LABELS_FOUND}"), judges)]
        gathered.append((second, learned))
    if asked.members:
        gathered.append((given(context, asked), asked))
    if labeled is not None:
        gathered.append(real(context, labeled))
    if options.checkpoint is not None:
        back = inverse_evidence(context, first, judges, options.checkpoint, options.trust)
        if isinstance(back, str):
            notes.append(back)
        else:
            gathered.append((back, None))
    if not pairs.kind.one_class:
        gathered.append((moved_structure(context), None))
    return gathered, notes


def _made_with(refined: Path) -> dict[str, object]:
    """Return what `refine apply` recorded of the run that made the images: the sha256 of the checkpoint, the flags, and
    the audit that it repaired them by."""
    try:
        record = read_json(refined / RUN, "")
    except InputError:
        record = None
    model, flags = None, {}
    if isinstance(record, dict):
        with suppress(KeyError, TypeError):
            model = str(record["model"]["sha256"])
        with suppress(KeyError, TypeError, AttributeError):
            flags = {**record["flags"], "audit": (record.get("audit") or {}).get("sha256")}
    return {"model": model, "flags": flags}


class Auditor:
    """A finished audit that judges images again, at each strength of the change.

    Args:
        verdicts: The certificate of each image, by key.
        audit: What `audit.json` holds.
        stored: The judges.
    """

    def __init__(self, verdicts: dict[str, Certificate], audit: Audit, stored: StoredJudges) -> None:
        self.verdicts, self.audit, self.stored = verdicts, audit, stored
        names = {ensemble.name for ensemble in stored.ensembles}
        self.records = {name: record for name, record in audit["judges"].items() if ensemble_of(name) in names}

    @property
    def model(self) -> str | None:
        """Sha256 of the checkpoint whose output was audited; None where nobody recorded it."""
        found = self.audit["provenance"].get("model")
        return None if found is None else str(found)

    @classmethod
    def load(cls, folder: Path, trust: tuple[str, ...] = ()) -> "Auditor":
        """Read the output folder of an audit.

        Raises:
            InputError: If a file is missing or damaged.
        """
        return cls(read_certificates(folder), read_audit(folder), load_judges(folder, trust))

    def __call__(self, key: str, synthetic: Tensor, refined: Tensor) -> Certificate:
        """Judge one image again.

        Args:
            key: Under which it was audited.
            synthetic: ``(C, H, W)`` uint8, gray or RGB.
            refined: The same shape.

        Raises:
            InputError: If the key was not audited.
        """
        stored = self.stored
        if key not in stored.places:
            raise InputError(f"{key}: is not an image of this audit; {AUDIT_AGAIN}")
        one = slice(stored.places[key], stored.places[key] + 1)
        example = Examples(self._seen(refined), stored.folds[one], stored.labels[one])
        scores = dict(self.verdicts[key]["scores"]) if key in self.verdicts else {}
        for ensemble in stored.ensembles:
            for name, score in ensemble.deciding_scores(example).items():
                scores[f"{ensemble.name}: {name}"] = round(float(score), DIGITS)
        verdict, reasons = verdict_of(scores, self.records)
        rest = {name: record for name, record in self.audit["judges"].items() if name not in self.records}
        doubts = [name for name, record in rest.items() if record["competent"] and scores[name] > record["threshold"]]
        if verdict == "pass" and doubts:  # evidence that is not measured again is not gone either
            verdict, reasons = "review", [f"Unusual at full strength: {name}." for name in doubts]
        before = self.verdicts.get(key)
        if before and before["by"] == "person" and before["verdict"] == "fail" and before["audit_verdict"] == "pass":
            # What the person saw these judges did not see at full strength, so their word counts at none.
            verdict, reasons = "fail", before["reasons"]
        return Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=scores)

    def _seen(self, image: Tensor) -> Tensor:
        """``(1, C, H, W)`` uint8 as judges see it."""
        gray = torch.tensor([0.299, 0.587, 0.114])
        if image.shape[0] == 3 and self.stored.channels == 1:
            image = (image.float() * gray[:, None, None]).sum(0, keepdim=True).round().to(torch.uint8)
        return resize_levels(image.expand(self.stored.channels, -1, -1), self.stored.size)[None]
