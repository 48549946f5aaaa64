"""What every answer of a page is made of: its mark, its figure, its sentences, and how numbers read in them."""

from math import ceil
from typing import Literal, NamedTuple

from refine.report.numbers import number

Mark = Literal["good", "bad", "even", "unknown"]

VERDICTS: dict[Mark, str] = {"good": "✓ yes", "bad": "✗ no", "even": "= the same", "unknown": ""}
MIXED = "± mixed"
CHANCE = "± may be chance"


class Answer(NamedTuple):
    """One question answered."""

    question: str
    mark: Mark
    verdict: str
    """One word; empty where nothing was measured."""
    figure: str
    """The answer in one glance."""
    sentences: list[str]


def two(before: float, after: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart, three at least."""
    for digits in range(3, 17):
        texts = number(before, digits), number(after, digits)
        if texts[0] != texts[1]:
            break
    return texts if before != after else (number(before), number(after))


def percent(share: float) -> str:
    """0.812 as `81.2 %`."""
    return f"{100 * share:.1f} %"


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\u202f")


def at_most(share: float) -> str:
    """An upper bound, 0.0123 as `1.3 %`: rounded up, for rounded down it would be none."""
    return f"{ceil(round(1000 * share, 6)) / 10:.1f} %"
