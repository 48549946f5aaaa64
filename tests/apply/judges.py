"""An audit whose answers are written down beforehand, and that notes what it was asked."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from refine.apply.manifest import Verdict
from refine.apply.options import IfWrong, Repaired
from refine.apply.repair import Judgement, Repair

MODEL = "tiny 0.3"
"""As `trees.run` calls its model."""


def judgement(verdict: Verdict) -> Judgement:
    return {"verdict": verdict, "reasons": [] if verdict == "pass" else ["looks like another class"]}


class WrittenJudge:
    """Says ``verdicts`` of whole changes, and ``answers`` of less, one by one; after them, fail."""

    audit: Mapping[str, Mapping[str, object]] = {"provenance": {}}

    def __init__(
        self,
        verdicts: Mapping[str, Verdict],
        answers: Mapping[str, Iterable[Verdict]] | None = None,
        model: str | None = MODEL,
    ) -> None:
        self.verdicts = {key: judgement(verdict) for key, verdict in verdicts.items()}
        self.answers = {key: list(said) for key, said in (answers or {}).items()}
        self.model = model
        self.asked: list[tuple[str, Tensor, Tensor]] = []

    def __call__(self, key: str, synthetic: Tensor, refined: Tensor) -> Judgement:
        self.asked.append((key, synthetic, refined))
        waiting = self.answers.get(key)
        return judgement(waiting.pop(0) if waiting else "fail")


def repair(
    judge: WrittenJudge,
    if_wrong: IfWrong = "original",
    repaired: Repaired = "fail",
    digest: str = "0",
    made_with: Mapping[str, object] = MappingProxyType({}),
) -> Repair:
    lines = Path("audit/audit.jsonl")
    return Repair(lines, digest, judge.verdicts, judge.model, judge, if_wrong, repaired, made_with)


def judged(
    source: Path, wrong: Mapping[str, Verdict], answers: Mapping[str, Iterable[Verdict]] | None = None
) -> WrittenJudge:
    """An audit that lets every PNG file pass but those that are named."""
    passed: dict[str, Verdict] = {path.relative_to(source).as_posix(): "pass" for path in source.rglob("*.png")}
    return WrittenJudge(passed | dict(wrong), answers)
