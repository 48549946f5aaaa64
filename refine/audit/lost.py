"""Whether the translator lost the labels of all images, so that no judge can be at home in what it makes."""

from refine.audit.calibration import planted_power
from refine.audit.evidence import POWER, READ, Evidence
from refine.audit.families import Case, finds
from refine.audit.judges import Judges
from refine.data.images import to_float

LOST = "Judges that learned on the refined images cannot find the labels there either: they are lost."


def are_lost(case: Case, content: Evidence, judges: Judges, adapted: Evidence) -> bool:
    """Whether able judges, who agree about the refined images, do not find the labels there, and learning there does
    not help.

    Judges that are able find planted harm in synthetic images: those that learned nothing agree, too, and let all pass.

    Args:
        case: What is audited.
        content: The evidence of judges of synthetic images, which are not competent on refined ones.
        judges: They.
        adapted: The evidence of judges that learned on both.
    """
    if content.measured < content.bar or adapted.competent or adapted.measured >= READ:
        return False
    pairs, chosen = case.pairs, case.sample()
    images, folds, labels = to_float(pairs.synthetic[chosen]), case.folds[chosen], pairs.labels[chosen]
    found = planted_power(
        pairs.kind, pairs.names, images, folds, labels, case.measure(judges), content.limits(), case.setting.seed
    )
    return finds(content._replace(power=tuple(found))) >= POWER
