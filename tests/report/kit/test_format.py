import pytest

from refine.report.kit.format import (
    at_most,
    number,
    p_text,
    prose,
    recorded_part,
    recorded_texts,
    rounded_percent,
    two,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1378.4, "1378"), (-23456.7, "-23457"), (999.7, "1000"), (119.04, "119"), (73.34, "73.3"), (0.00405, "0.00405")],
)
def test_large_numbers_have_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_more_digits_can_be_asked_for() -> None:
    assert number(73.345, 4) == "73.34"


def test_two_numbers_that_differ_look_different() -> None:
    assert two(0.12341, 0.12343) == ("0.12341", "0.12343")
    assert two(0.5, 0.5) == ("0.5", "0.5")


def test_an_upper_bound_is_never_rounded_down() -> None:
    assert [at_most(share) for share in (0.0, 0.0001, 0.031, 0.0311, 1.0)] == [
        "0.0 %",
        "0.1 %",
        "3.1 %",
        "3.2 %",
        "100.0 %",
    ]


def test_p_is_never_0() -> None:
    assert [p_text(p) for p in (0.034, 0.0042, 0.00001, 0.0)] == ["0.03", "0.004", "< 0.0001", "< 0.0001"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.0004, "< 0.1 %"), (0.0006, "0.1 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1, "100 %")],
)
def test_shares_in_percent(share: float, text: str) -> None:
    assert rounded_percent(share) == text


def test_a_record_is_read_as_far_as_it_is_what_it_should_be() -> None:
    record = {"steps": 3, "size": [4, 5], "run": {"a": 1}}
    assert recorded_part(record, "run") == {"a": 1}
    assert recorded_part(record, "steps", "deeper") == {}
    assert recorded_texts(record, "size") == ["4", "5"]
    assert recorded_texts(record, "steps") == []


def test_prose_is_one_line() -> None:
    assert prose("a\n  b") == "a b"
