"""The options of an audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from refine.errors import InputError
from refine.labels import LabelKind
from refine.report.kit.format import recorded_flags, recorded_texts

TRAINING_STEPS: dict[LabelKind, int] = {"class": 400, "mask": 400, "targets": 600, "objects": 600}
"""Training steps of one judge of few images; more images take more, see `AuditOptions.steps_for`."""
MOST_STEPS = 3000
IMAGES_PER_STEP: dict[LabelKind, int] = {"class": 64, "mask": 8, "targets": 64, "objects": 16}


@dataclass(frozen=True)
class AuditOptions:
    """Options of an audit, beside its folders.

    Attributes:
        layout: How the synthetic and refined images lie, as `open_layout` takes it.
        real_layout: How labeled real ones do.
        mapping: From the classes to others.
        classes: Names to keep; None takes all.
        size: Height and width that images are judged at; None: theirs, down to a longest side.
        folds: Parts of the images; each judge never sees one of them.
        steps: Steps of one training; None: by the kind of label and the number of images.
        batch_size: Images per step; None likewise.
        networks: Architectures; empty takes the usual ones of the kind.
        groups: Clusters of images that hang together, as `load_clusters` takes it.
        judge: Checkpoints of task models to ask as well.
        real_labeled: Labeled real images to train judges on.
        checkpoint: The method that refined the images, for its inverse generator.
        decisions: A person's verdicts.
        trust: Modules other than ``refine`` whose classes a checkpoint may name.
        seed: Seed of everything drawn.
        device: Where networks run, as `choose_device` takes it.
        sample: Number of images to draw for a person once the audit is finished.
    """

    layout: str = "auto"
    real_layout: str = "auto"
    mapping: str | None = None
    classes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    folds: int = 4
    steps: int | None = None
    batch_size: int | None = None
    networks: tuple[str, ...] = ()
    groups: str | None = None
    judge: tuple[Path, ...] = ()
    real_labeled: Path | None = None
    checkpoint: Path | None = None
    decisions: Path | None = None
    trust: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    sample: int | None = None

    def steps_for(self, kind: LabelKind, images: int) -> int:
        """Return the steps of one training: what was asked, or the kind's number and one more per eight images."""
        return self.steps or min(MOST_STEPS, TRAINING_STEPS[kind] + images // 8)

    def batch_size_for(self, kind: LabelKind) -> int:
        """Return the images per step: what was asked, or the kind's number."""
        return self.batch_size or IMAGES_PER_STEP[kind]

    def record(self) -> dict[str, object]:
        """Return them in plain values, as the provenance of an audit holds them."""
        found: dict[str, object] = {}
        for name, value in vars(self).items():
            if isinstance(value, tuple):
                value = [str(one) if isinstance(one, Path) else one for one in value]
            found[name] = str(value) if isinstance(value, Path) else value
        del found["sample"]
        return found

    def require(self) -> None:
        """Raise `InputError` where a number makes no sense."""
        if self.folds < 2:
            raise InputError(f"--folds is {self.folds}; judges that never saw an image take 2 or more")
        for name, value in (("steps", self.steps), ("batch-size", self.batch_size)):
            if value is not None and value < 1:
                raise InputError(f"--{name} is {value}; expected 1 or more")


def audit_flags(record: Mapping[str, object], skip: str = "") -> list[str]:
    """Return the flags of `refine audit` beside its folders, as its provenance holds them.

    Args:
        record: Provenance of an audit.
        skip: Field to leave out.
    """
    words = []
    for name in ("judge", "trust"):
        words += [word for value in recorded_texts(record, name) for word in (f"--{name}", value)]
    plain = ("real_labeled", "checkpoint", "decisions", "layout", "real_layout", "mapping")
    words += recorded_flags(record, *(name for name in plain if name != skip))
    classes, networks = recorded_texts(record, "classes"), recorded_texts(record, "networks")
    words += ["--classes", ",".join(classes)] if classes else []
    words += ["--networks", *networks] if networks else []
    rest = ("folds", "steps", "batch_size", "groups", "seed", "device", "size")
    return [*words, *recorded_flags(record, *(name for name in rest if name != skip))]
