"""When a trial recommends, and when it says that it cannot decide."""

import pytest

from refine.distances.label_error import LabelError
from refine.trial.result import BLIND, LOOK, Benchmarked, Measured, Trained, Tried, recommend


def measured(distance: float, error: float | None = None) -> Measured:
    if error is None:
        return {"distance": distance}
    found: LabelError = {"value": error, "low": error, "high": error, "n": 100}
    return {"distance": distance, "label_error": found}


def tried(**distances: tuple[float, float | None]) -> dict[str, Tried]:
    return {name.replace("_", "-"): {"seconds": 1.0, "measured": measured(*each)} for name, each in distances.items()}


def test_the_nearest_that_keeps_the_labels_is_recommended() -> None:
    method, reasons = recommend("class", measured(1000, 0.0), tried(simgan=(500, 0.01), cyclegan=(100, 0.03)))
    assert method == "cyclegan"
    assert reasons == [
        "cyclegan comes nearest to the real images: 100.",
        "The judge finds 97 % of the labels in its images (untouched synthetic images 100 %).",
    ]


def test_a_method_that_is_much_nearer_and_loses_labels_leaves_it_open() -> None:
    method, reasons = recommend("class", measured(1000, 0.0), tried(simgan=(500, 0.01), cyclegan=(100, 0.6)))
    assert method is None
    assert "cyclegan comes much nearer (100) than simgan (500)" in reasons[0]
    assert "--labeled-real" in reasons[1]
    _, reasons = recommend("class", measured(1000, 0.0), tried(cyclegan=(100, 0.6)), more=LOOK)
    assert reasons[1] == f"{BLIND} {LOOK}"
    assert "--labeled-real" not in LOOK


def test_one_that_is_hardly_nearer_and_loses_labels_is_left() -> None:
    assert recommend("class", measured(1000, 0.0), tried(simgan=(110, 0.01), cyclegan=(100, 0.6)))[0] == "simgan"


def test_where_none_keeps_the_labels_it_is_open() -> None:
    method, reasons = recommend("class", measured(1000, 0.1), tried(cyclegan=(100, 0.6)))
    assert method is None
    assert "only 40 % of the labels" in reasons[0]


@pytest.mark.parametrize(
    "methods",
    [tried(cyclegan=(100, 0.6)), tried(simgan=(500, 0.03), cyclegan=(100, 0.6)), tried(cyclegan=(100, 0.03))],
)
def test_the_judges_percentages_come_once_with_what_they_are_held_against(methods: dict[str, Tried]) -> None:
    _, reasons = recommend("class", measured(1000, 0.02), methods, guessing=0.75)
    assert " ".join(reasons).count("(untouched synthetic images 98 %, guessing 25 %)") == 1


def test_a_judge_that_learned_nothing_decides_nothing() -> None:
    method, reasons = recommend("class", measured(1000, 0.8), tried(cyclegan=(100, 0.8)))
    assert method is None
    assert "does not even find the labels in the synthetic images" in reasons[0]


def test_a_judge_that_guesses_decides_nothing() -> None:
    one = tried(cyclegan=(100, 0.4))
    assert recommend("class", measured(1000, 0.4), one, guessing=0.5)[0] is None
    assert recommend("class", measured(1000, 0.1), tried(cyclegan=(100, 0.1)), guessing=0.5)[0] == "cyclegan"


def test_methods_that_are_alike_are_open_unless_one_needs_no_training() -> None:
    both = tried(cut=(105, 0.0), cyclegan=(100, 0.0))
    assert recommend("class", measured(1000, 0.0), both)[0] is None
    simple = tried(cut=(105, 0.0), cyclegan=(100, 0.0), color_transfer=(110, 0.0))
    assert recommend("class", measured(1000, 0.0), simple)[0] == "color-transfer"


def test_without_labels_the_nearest_is_recommended() -> None:
    assert recommend("none", measured(1000), tried(simgan=(500, None), cut=(100, None)))[0] == "cut"


def test_doing_nothing_is_not_beaten_by_a_little() -> None:
    method, reasons = recommend("class", measured(1000, 0.0), tried(simgan=(900, 0.0)))
    assert method is None
    assert "No method came clearly nearer" in reasons[0]


def trained(score: float, spread: float, difference: tuple[float, float] | None = None, p: float = 0.01) -> Trained:
    row: Trained = {"score": score, "interval": [score - spread, score + spread]}
    if difference is not None:
        row["difference"], row["p"] = list(difference), p
    return row


def test_labeled_real_images_decide() -> None:
    rows = {
        "synthetic": trained(0.4, 0.05),
        "simgan": trained(0.6, 0.05, (0.1, 0.3)),
        "cut": trained(0.78, 0.04, (0.2, 0.5)),
        "cyclegan": trained(0.8, 0.05, (0.3, 0.5)),
        "target_supervised": trained(0.99, 0.01, (0.5, 0.6)),
    }
    benchmark: Benchmarked = {"metric": "accuracy", "higher_is_better": True, "rows": rows}
    method, reasons = recommend("class", measured(1000, 0.0), tried(simgan=(100, 0.0)), benchmark)
    assert method == "cyclegan"
    assert reasons[1] == "cut may be as good: its score lies in that interval."


def test_a_difference_that_may_be_chance_decides_nothing() -> None:
    rows = {"synthetic": trained(0.4, 0.1), "simgan": trained(0.5, 0.1, (0.01, 0.25), p=0.06)}
    benchmark: Benchmarked = {"metric": "accuracy", "higher_is_better": True, "rows": rows}
    method, reasons = recommend("class", measured(1000, 0.0), {}, benchmark)
    assert method is None
    assert "No method is shown to help" in reasons[0]


def test_of_errors_less_is_better() -> None:
    rows = {"synthetic": trained(10, 1), "simgan": trained(8, 1, (-3, -1)), "cut": trained(12, 1, (1, 3))}
    benchmark: Benchmarked = {"metric": "mean_angular_error_degrees", "higher_is_better": False, "rows": rows}
    assert recommend("targets", measured(1000, 0.0), {}, benchmark)[0] == "simgan"
