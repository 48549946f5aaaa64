import pytest

from refine.report.numbers import number


@pytest.mark.parametrize(
    ("value", "text"),
    [(1378.4, "1378"), (-23456.7, "-23457"), (999.7, "1000"), (119.04, "119"), (73.34, "73.3"), (0.00405, "0.00405")],
)
def test_large_numbers_have_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_more_digits_can_be_asked_for() -> None:
    assert number(73.345, 4) == "73.34"
