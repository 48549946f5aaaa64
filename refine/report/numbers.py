"""Numbers as people write them: 1380, not 1.38e+03."""


def number(value: float, digits: int = 3) -> str:
    """A value with so many digits that count, and never fewer than stand before the point."""
    return f"{value:.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"
