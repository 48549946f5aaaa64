"""Results of an audit, as they stand in `audit.jsonl` (one line per image) and `audit.json` (the dataset)."""

from pathlib import Path
from typing import Literal, NotRequired, TypedDict, get_args

from refine.apply.manifest import Verdict as Verdict
from refine.errors import InputError
from refine.json_files import Count, Share, read_json, read_json_lines
from refine.report.kit.read import Defaults, finite_typed

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Action = Literal["steps", "images", "real-labeled", "judge", "sample"]

Decision = Literal["pass", "fail", "unsure"]
"""A person's verdict. ``unsure`` leaves the audit's as it is; it counts in a random sample alone."""

LINES, SUMMARY, PAGE, JUDGES = "audit.jsonl", "audit.json", "audit.html", "judges"
SAMPLE, SAMPLE_CSV, SAMPLE_PAGE = "sample.json", "sample.csv", "sample.html"
"""Names of what `refine audit` leaves in its output folder; judges are bundles, one folder each."""
AUDIT_AGAIN = "audit again"
NAME_AN_AUDIT = f"name a folder that `refine audit` wrote, or {AUDIT_AGAIN}"


class Certificate(TypedDict):
    """One image's line."""

    key: str
    verdict: Verdict
    by: Literal["audit", "person"]
    """Who gave the verdict."""
    audit_verdict: NotRequired[Verdict]
    """The verdict of the audit alone, where a person decided."""
    rank: NotRequired[int]
    """Place by judge score, 1 the highest, where the audit as a whole is inconclusive: an order, not a verdict."""
    reasons: list[str]
    """Why it is not a pass, one short sentence each; empty for a pass."""
    scores: dict[str, float]
    """Every figure that the verdict follows from, by its name; the higher, the likelier the label is wrong."""


class Rate(TypedDict):
    """A measured share with its exact 95 % interval."""

    rate: Share
    low: Share
    high: Share
    n: Count
    failed: NotRequired[float]
    """The part of ``rate`` with the verdict fail; the rest asks for a review."""
    failed_interval: NotRequired[list[float]]
    """Exact 95 % interval of it."""
    largest_group: NotRequired[int]
    """Number of these images in the largest group, where images come in groups."""


class Power(Rate):
    """Share of a planted corruption that was found."""

    harm: str
    """Name of the corruption, such as ``another class's image`` or ``moved``."""
    size: float | None
    """Its size; None where it has none."""
    unit: str
    """Unit of the size, such as ``pixels``; empty without one."""


class JudgeRecord(TypedDict):
    """One judge, or one kind of evidence."""

    competent: bool
    measured: float
    """The figure that its competence is shown by, from 0 to 1."""
    bar: float
    """The bar that it had to reach, fixed beforehand."""
    threshold: float
    """Scores above it keep an image from passing."""
    benign_threshold: NotRequired[float]
    """The threshold that perturbations set, where a person's decisions moved ``threshold`` up from there."""
    fail_threshold: NotRequired[float]
    """Scores above it fail an image; without it this evidence alone asks for a review."""
    why: str
    """One sentence: what was measured on what."""
    power: NotRequired[list["Power"]]
    """Power for each planted corruption, together with its ensemble's other measures."""
    reached: NotRequired[dict[str, "ReachedBar"]]
    """The figures of its ensemble with their bars, by name: ``label`` (share of the refined images in which it finds
    the label), ``power`` (lower end, replaced images), ``consensus``; where it is not competent also ``held_out`` and
    ``learned_on``: the label found in images of its own domain, in those that it never saw and in those that it learned
    on."""
    labeled_images: NotRequired[int]
    """Number of labeled real images that it learned on."""


class ReachedBar(TypedDict):
    """One figure that competence, or the choice of a remedy, hangs on."""

    value: float
    """0 to 1."""
    bar: float


class Bound(TypedDict):
    """Upper bound on the number of wrong labels."""

    upper: Share | None
    """Upper end, 0 to 1, of the share of wrong labels among all images; None where nothing can be said."""
    upper_of_passed: Share | None
    """The same among the images that passed: what a user who drops the others is left with."""
    confidence: Share
    reasons: list[str]
    """How it follows from the counts, one sentence each."""


class SampledRate(TypedDict):
    """A share of wrong labels from a random sample, with its exact interval over these images."""

    images: int
    """Number of images that it is a share of."""
    rate: float
    """Estimate, in which what the person could not tell counts as right."""
    rate_if_unsure_are_wrong: float
    low: float
    high: float


class SampledStratum(TypedDict):
    """Images of one verdict, and the sample of them."""

    images: int
    draws: int
    """Number of images, or of groups, that were drawn."""
    wrong: float
    """Sum over the draws of the share that is wrong."""
    unsure: float


class SampleEstimate(TypedDict):
    """Estimate from a person's answers on a random sample, whatever the judges are worth."""

    all: SampledRate
    passed: SampledRate | None
    """Share among the images that the audit passed when the sample was drawn; None where there was none."""
    natural_power: SampledRate | None
    """Share of the wrong labels that did not pass; None where the sample has no wrong label."""
    confidence: float
    drawn: int
    answered: int
    unsure: int
    """Number of images whose answer was unsure or missing: wrong in the upper ends, right in the lower ones."""
    grouped: bool
    """Whether whole groups were drawn."""
    strata: dict[str, SampledStratum]


class Remedy(TypedDict):
    """One way out of an inconclusive audit."""

    action: Action
    images: int | None
    """Number of images that a person labels or looks at, or that are to be audited; None where it takes none."""
    why: str
    """The figure that was measured, and what it takes."""
    commands: list[str]
    """Complete command lines, in order; DIR and FILE stand for what the user has to name."""


class Ranking(TypedDict):
    """The order of the images of an inconclusive audit."""

    by: str
    """The judge ensemble that came nearest to its bar for planted corruption."""
    rate: float
    """Share of the planted corruption that it found, 0 to 1."""


class Audit(TypedDict):
    """Content of `audit.json`."""

    kind: str
    """Kind of the labels: class, mask, targets or objects."""
    classes: list[str]
    images: Count
    counts: dict[str, Count]
    """Images by verdict, all four."""
    judges: dict[str, JudgeRecord]
    false_rejects: Rate
    """Rate over all perturbations together."""
    false_rejects_by_change: dict[str, Rate]
    power: list[Power]
    sample: NotRequired[SampleEstimate]
    """Present where a person answered a random sample."""
    natural_power: NotRequired[Rate]
    """Share of the wrong labels that a person found, in the images that they chose to decide, which the audit had not
    passed; where there is no sample, and among these images some had passed."""
    bound_under_planted_corruption: Bound
    """It takes natural wrong labels to be found as often as planted ones."""
    largest_group: NotRequired[int]
    """Number of images in the largest group, where images come in groups."""
    remedies: NotRequired[list[Remedy]]
    """Remedies where the audit is inconclusive, the cheapest first; else empty."""
    ranking: NotRequired[Ranking | None]
    """None where images are not ranked."""
    decided_by_person: int
    missing: NotRequired[int]
    """Synthetic images that have no refined counterpart."""
    provenance: dict[str, object]


DEFAULTS: Defaults = {Audit: {"decided_by_person": 0, "provenance": {}}, Power: {"unit": ""}}
"""Fields that files of earlier versions may lack."""


def ensemble_of(name: str) -> str:
    """Return the name of the judge ensemble in that of a record or score, ``ENSEMBLE: MEASURE``."""
    return name.partition(": ")[0]


def read_audit(folder: Path) -> Audit:
    """Read what `audit.json` holds.

    Raises:
        InputError: If it is missing or damaged, or made by a version whose bound did not hold.
    """
    path = folder / SUMMARY
    found = read_json(path, NAME_AN_AUDIT)
    if isinstance(found, dict) and "bound_under_planted_corruption" not in found:
        raise InputError(f"{path}: its bound was made by an earlier version and held too seldom; {AUDIT_AGAIN}")
    return finite_typed(found, Audit, str(path), AUDIT_AGAIN, DEFAULTS)


def read_certificates(folder: Path) -> dict[str, Certificate]:
    """Read what `audit.jsonl` holds, by key.

    Raises:
        InputError: If it is missing, or a line is damaged.
    """
    lines = read_json_lines(folder / LINES, NAME_AN_AUDIT)
    found = [finite_typed(line, Certificate, where, AUDIT_AGAIN) for where, line in lines]
    return {one["key"]: one for one in found}
