"""Labels are lost only where able judges agree that nothing shows them."""

import torch
from torch import Tensor

from refine.audit.calibration import Scores
from refine.audit.evidence import Evidence
from refine.audit.families import Case
from refine.audit.judges import Judges, Member
from refine.audit.lost import are_lost
from refine.audit.pairs import Pairs
from refine.audit.setting import Setting
from refine.methods.task import Task

LABELS = torch.arange(120) % 2


class Reader(Task):
    """Reads a class from the gray level; ``sure`` of one that learned nothing is 0."""

    def __init__(self, sure: float) -> None:
        super().__init__(["dark", "bright"], channels=1, width=4)
        self.sure = sure

    def probabilities(self, images: Tensor) -> Tensor:
        bright = (self.sure * images.mean((1, 2, 3))).sigmoid()
        return torch.stack([1 - bright, bright], 1)


def dark_and_bright() -> Tensor:
    """``(120, 1, 8, 8)`` uint8."""
    return (60 + 130 * LABELS)[:, None, None, None].expand(-1, 1, 8, 8).to(torch.uint8)


def lost(sure: float = 9.0, agreed: float = 1.0, read: float = 0.3, able: bool = False) -> bool:
    images = dark_and_bright()
    names, keys = ("dark", "bright"), tuple(map(str, range(120)))
    pairs = Pairs("class", names, keys, images, torch.full_like(images, 128), LABELS)
    case = Case(pairs, torch.arange(120) // 60, Setting())
    judges = Judges("content", (Member("reader", -1, Reader(sure)),))
    doubt: Scores = case.measure(judges)(images / 127.5 - 1, case.folds, LABELS)
    benign = {"noise": {name: scores + 0.01 * torch.rand(120) for name, scores in doubt.items()}}
    content = Evidence("content", doubt, {}, benign, benign, False, agreed, 0.7, "")
    adapted = Evidence("adapted", doubt, {}, benign, benign, able, read, 0.8, "")
    return are_lost(case, content, judges, adapted)


def test_able_judges_who_agree_know() -> None:
    assert lost()


def test_judges_that_learned_nothing_agree_and_know_nothing() -> None:
    assert not lost(sure=0.0)


def test_judges_who_disagree_are_not_at_home() -> None:
    assert not lost(agreed=0.6)


def test_labels_that_can_be_learned_are_not_lost() -> None:
    assert not lost(read=0.6)
    assert not lost(able=True)
