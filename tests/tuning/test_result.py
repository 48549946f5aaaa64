import pytest

from refine.tuning.result import Chosen, Point, choose


def point(checkpoint: str, strength: float, distance: float, error: float) -> Point:
    return {
        "checkpoint": checkpoint,
        "strength": strength,
        "only_answer": None,
        "distances": {"swd": distance, "other": -distance},
        "label_error": {"value": error, "low": 0.0, "high": error, "n": 1000},
    }


POINTS = [
    point("one", 0, 100, 0.01),
    point("one", 0.5, 60, 0.04),
    point("one", 1, 20, 0.2),
    point("two", 0.5, 50, 0.05),
    point("two", 0.75, 50, 0.05),
    point("two", 1, 10, float("nan")),
]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (0.01, {"checkpoint": "one", "strength": 0}),
        (0.04, {"checkpoint": "one", "strength": 0.5}),
        (0.05, {"checkpoint": "two", "strength": 0.5}),
        (1.0, {"checkpoint": "one", "strength": 1}),
        (-1.0, None),
    ],
)
def test_it_is_the_nearest_under_the_bound_and_of_equals_the_one_that_changes_least(
    bound: float, expected: Chosen | None
) -> None:
    assert choose(POINTS, "swd", bound) == expected
    assert choose(POINTS[::-1], "swd", bound) == expected


def test_the_distance_that_was_named_decides() -> None:
    assert choose(POINTS, "other", 1.0) == {"checkpoint": "one", "strength": 0}
