"""Options of `refine audit`."""

from dataclasses import dataclass
from typing import Annotated

from refine import options as flags
from refine.errors import InputError

MOST_STEPS = 3000

RECORDED = (
    *("layout", "real_layout", "mapping", "classes", "size", "folds", "steps", "batch_size", "networks", "groups"),
    *("judge", "real_labeled", "checkpoint", "decisions", "trust", "seed", "device"),
)
"""Options that stand in the provenance of an audit, in this order."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Are the labels still right? a certificate for each image.

    Trains judges that never saw the image they judge, measures how often they reject perturbations and find planted
    corruption, and gives each refined image a verdict: pass, review, fail or inconclusive. Writes audit.jsonl,
    audit.json, audit.html and the judges, for `refine apply --audit`. Exit code 1 if an image fails. Stopped, the same
    command goes on with the judges that were trained.

    Raises:
        InputError: If a number makes no sense.
    """

    synthetic: flags.Folder | None = None
    """Labeled images before."""
    refined: flags.Folder | None = None
    """Images after."""
    output: flags.Folder
    """For what the audit finds."""
    decisions: flags.File | None = None
    """A person's verdicts, CSV with the columns key and verdict (pass, fail or unsure); alone with the --output of a
    finished audit, they are added to it without training."""
    sample: flags.Positive | None = None
    """Draw so many images at random within the verdicts (whole --groups, if given) and write sample.csv and sample.html
    for a person to answer; alone with the --output of a finished audit, without training."""
    judge: flags.Files = ()
    """A task model of yours to ask as well; may be given several times."""
    real_labeled: flags.Folder | None = None
    """Labeled real images to train judges on as well."""
    checkpoint: flags.File | None = None
    """Checkpoint that refined the images: also judge them after its inverse generator."""
    layout: flags.LayoutName = "auto"
    real_layout: flags.RealLayoutName = "auto"
    mapping: flags.ClassMapping | None = None
    classes: flags.Classes | None = None
    folds: flags.Positive = 4
    """Parts of the images."""
    steps: flags.Positive | None = None
    """Training steps of each judge (default: by the labels)."""
    batch_size: flags.Positive | None = None
    """Images a step (default: by the labels)."""
    networks: flags.Words = ()
    """Task networks, such as lenet small-cnn (default: two)."""
    size: flags.Size | None = None
    """Size at which images are judged (default: theirs, at most 128 or, with places, 256)."""
    groups: Annotated[str, flags.Flag("SPEC")] | None = None
    """Images that hang together: a CSV file key,group or a regular expression."""
    seed: int = 0
    """Seed of all random draws."""
    device: flags.Device = "auto"
    trust: flags.Trusted = ()

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise InputError(f"--folds is {self.folds}; judges that never saw an image take 2 or more")
        for name, value in (("steps", self.steps), ("batch-size", self.batch_size)):
            if value is not None and value < 1:
                raise InputError(f"--{name} is {value}; expected 1 or more")

    def recorded(self) -> dict[str, object]:
        """Return what stands in the provenance of the audit."""
        found = flags.recorded(self)
        return {name: found[name] for name in RECORDED}


def usual_steps(fewest: int, images: int) -> int:
    """Return the steps of one training where none are asked for: the fewest and one more per eight images."""
    return min(MOST_STEPS, fewest + images // 8)
