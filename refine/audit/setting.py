"""What an audit is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from refine.errors import InputError
from refine.labels import LabelKind
from refine.networks.task_networks import NETWORKS, NetworkName

STEPS: dict[LabelKind, int] = {"class": 400, "mask": 400, "targets": 600, "objects": 600}
"""Training steps of one judge of few images; more images take more, see `Setting.steps_for`."""
MOST_STEPS = 3000
BATCH: dict[LabelKind, int] = {"class": 64, "mask": 8, "targets": 64, "objects": 16}
"""Images a step, the same."""


@dataclass(frozen=True)
class Setting:
    """How judges are trained and what else is asked.

    Attributes:
        folds: Each judge never sees one of so many parts of the images.
        steps: Of one training; None: by the kind of label and the number of images.
        batch_size: Images a step; None likewise.
        networks: Architectures; empty takes the usual ones of the kind.
        size: Height and width that images are judged at; None: theirs, down to a longest side.
        groups: Clusters of images that hang together, as `load_clusters` takes it.
        judge_files: Checkpoints of task models to ask as well.
        real_labeled: Labeled real images to train judges on.
        checkpoint: What refined the images, for the way back.
        decisions: A person's verdicts.
        sample: Number of images to draw for a person once the audit is finished.
        seed: Of everything drawn.
        device: Where networks run, as `choose_device` takes it.
        trust: Modules beside ``refine`` whose classes a checkpoint may name.
    """

    folds: int = 4
    steps: int | None = None
    batch_size: int | None = None
    networks: tuple[NetworkName, ...] = ()
    size: tuple[int, int] | None = None
    groups: str | None = None
    judge_files: tuple[Path, ...] = ()
    real_labeled: Path | None = None
    checkpoint: Path | None = None
    decisions: Path | None = None
    sample: int | None = None
    seed: int = 0
    device: str = "auto"
    trust: tuple[str, ...] = ()

    def steps_for(self, kind: LabelKind, images: int) -> int:
        """Of one training: what was asked, or the kind's number and one more for every eight images."""
        return self.steps or min(MOST_STEPS, STEPS[kind] + images // 8)

    def require(self) -> None:
        """Raise `InputError` where a number makes no sense."""
        if self.folds < 2:
            raise InputError(f"--folds is {self.folds}; judges that never saw an image take 2 or more")
        for name, value in (("steps", self.steps), ("batch-size", self.batch_size)):
            if value is not None and value < 1:
                raise InputError(f"--{name} is {value}; expected 1 or more")

    def require_networks(self, kind: LabelKind) -> None:
        """Raise `InputError` where an architecture does not learn this kind of label."""
        for network in self.networks:
            if network not in NETWORKS[kind]:
                raise InputError(
                    f"--networks {network}: does not learn {kind} labels; choose {', '.join(NETWORKS[kind])}"
                )
