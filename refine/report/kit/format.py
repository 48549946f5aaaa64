"""How figures read: 1380, not 1.38e+03; 81.2 %; two numbers with the digits that tell them apart."""

from collections.abc import Mapping
from math import ceil

from refine.files import shown


def number(value: float, digits: int = 3) -> str:
    """A value with so many digits that count, and never fewer than stand before the point."""
    return f"{value:.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"


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


def rounded_percent(share: float) -> str:
    """0.312 as `31 %`; below ten with one digit more."""
    value = 100 * share
    if 0 < value < 0.05:
        return "< 0.1 %"
    return f"{value:.0f} %" if value >= 9.95 or not value else f"{value:.1f} %"


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\u202f")


def at_most(share: float) -> str:
    """An upper bound, 0.0123 as `1.3 %`: rounded up, for rounded down it would be none."""
    return f"{ceil(round(1000 * share, 6)) / 10:.1f} %"


def p_text(p: float) -> str:
    """As `0.03` or `0.0004`, and never 0."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1g}" if p >= 0.0001 else "< 0.0001"


def recorded_part(record: Mapping[str, object], *names: str) -> Mapping[str, object]:
    """Return an object within a record by the names that lead to it; empty where there is none."""
    for name in names:
        part = record.get(name)
        record = part if isinstance(part, dict) else {}
    return record


def recorded_texts(record: Mapping[str, object], name: str) -> list[str]:
    """Return a list of texts within a record; empty where there is none."""
    texts = record.get(name)
    return [str(text) for text in texts] if isinstance(texts, list | tuple) else []


def prose(text: str) -> str:
    """A stranger's sentences on one line."""
    return shown(" ".join(text.split()))
