"""A checkpoint at each strength: its images compared and judged, none of them kept."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.methods.translator import Translator, blend
from refine.metrics.answers import Answers, LabelError
from refine.training.judges import Judges
from refine.tuning.images import Images, at_size, batches
from refine.tuning.measure import Gathered, Side, Tools, distances
from refine.tuning.result import Point


class Bench:
    """Everything that stays the same over checkpoints and strengths."""

    def __init__(
        self,
        synthetic: Images,
        judges: Judges,
        tools: Tools,
        size: tuple[int, int],
        channels: int,
        advance: Callable[[int], None],
    ) -> None:
        self.synthetic, self.judges, self.tools = synthetic, judges, tools
        self.size, self.channels, self.advance = size, channels, advance
        self.held_out: dict[tuple[str, float], LabelError] = {}
        """Label error of each point on the images that have no part in the choice."""

    def real(self, images: Images) -> Side:
        """The real images."""
        gathered = Gathered(self.tools)
        for batch in batches(images, self.channels, self.size, labeled=False):
            gathered.add(at_size(batch.levels, self.size))
            self.advance(len(batch.levels))
        return Side(gathered.patches(), gathered.features())

    def points(
        self, translator: Translator | None, name: str, strengths: Sequence[float], device: torch.device, real: Side
    ) -> list[Point]:
        """A checkpoint at some strengths; without a translator, doing nothing."""
        gathered = [Gathered(self.tools) for _ in strengths]
        sides = [[Answers(self.judges.kind, len(self.judges.names)) for _ in strengths] for _ in range(2)]
        seen = 0
        for batch in batches(self.synthetic, self.channels, self.size, labeled=True):
            before = to_float(batch.levels)
            after = before if translator is None else translator.refine(before.to(device)).float().cpu()
            if not after.isfinite().all():
                raise InputError(f"{name}: gives NaN or infinite pixels; take another checkpoint")
            second = torch.arange(seen, seen + len(before)) % 2 == 1  # neighbors in the order of keys are alike
            for place, (strength, side) in enumerate(zip(strengths, gathered, strict=True)):
                levels = at_size(_levels(before, after, strength), self.size)
                side.add(levels)
                said = self.judges.predict(to_float(levels).to(device)).cpu()
                for answers, chosen in zip(sides, (~second, second), strict=True):
                    if bool(chosen.any()):
                        answers[place].add(said[chosen], batch.labels[chosen])
            seen += len(before)
            self.advance(len(before))
        found: list[Point] = []
        for strength, side, answer, held_out in zip(strengths, gathered, *sides, strict=True):
            only = answer.only_answer()
            self.held_out[name, strength] = held_out.error(self.tools.seed)
            found.append(
                {
                    "checkpoint": name,
                    "strength": strength,
                    "only_answer": None if only is None else self.judges.names[only],
                    "distances": distances(Side(side.patches(), side.features()), real, self.tools),
                    "label_error": answer.error(self.tools.seed),
                }
            )
        return found


def _levels(before: Tensor, after: Tensor, strength: float) -> Tensor:
    """As `refine apply --strength` writes them; at 1 without a detour over the difference."""
    return to_levels(after if strength == 1.0 else blend(before, after, strength))
