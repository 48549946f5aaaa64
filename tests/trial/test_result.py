"""When a trial recommends, when it says that it cannot decide, and what goes on after it."""

from dataclasses import replace
from pathlib import Path

import pytest

from refine.distances.label_error import LabelError
from refine.trial.options import TryOptions
from refine.trial.plan import (
    SELF_WEIGHTS,
    WEIGHTS,
    candidate,
    fewest_seconds,
    for_training,
    further_commands,
    loses_labels,
    methods,
    self_weights,
    share,
)
from refine.trial.result import (
    BLIND,
    LOOK,
    TRAINING_FREE,
    Benchmarked,
    Measured,
    Trained,
    Trial,
    Tried,
    Weighed,
    least_change,
    recommend,
)


def measured(distance: float, error: float | None = None) -> Measured:
    if error is None:
        return {"distance": distance}
    found: LabelError = {"value": error, "low": error, "high": error, "n": 100}
    return {"distance": distance, "label_error": found}


def tried(**distances: tuple[float, float | None]) -> dict[str, Tried]:
    return {name.replace("_", "-"): {"seconds": 1.0, "measured": measured(*each)} for name, each in distances.items()}


def trial(nothing: Measured, methods: dict[str, Tried]) -> Trial:
    return {
        "settings": {},
        "seconds": 1.0,
        "n": {},
        "kind": "class",
        "nothing": nothing,
        "floor": 10.0,
        "methods": methods,
    }


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


def test_of_weights_that_come_as_near_the_one_that_changes_least_is_taken() -> None:
    def weighed(self_weight: float, distance: float, change: float) -> Weighed:
        return {"self_weight": self_weight, "measured": {"distance": distance, "change": change}}

    found = [weighed(0.5, 300, 0.02), weighed(0.1, 110, 0.1), weighed(0.02, 100, 0.3)]
    assert least_change(found)["self_weight"] == 0.1
    assert least_change([*found, weighed(0.001, 40, 0.5)])["self_weight"] == 0.001


def test_several_weights_take_their_time() -> None:
    assert self_weights((64, 32), "cpu", 600) == SELF_WEIGHTS
    assert self_weights((64, 32), "cpu", 30) == ()


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


def test_cycada_needs_labels_that_it_can_be_held_to() -> None:
    assert methods("class") == [*TRAINING_FREE, "simgan", "cyclegan", "cut", "cycada"]
    assert "cycada" not in methods("none")
    assert "cycada" not in methods("objects")


def test_shares_use_up_the_time_and_late_methods_get_what_is_left() -> None:
    names = methods("class")
    left = 600.0
    for place, name in enumerate(names):
        if name in WEIGHTS:
            left -= share(name, names[place:], left)
    assert left == pytest.approx(0.0)
    assert share("cycada", ["cycada"], 10.0) == 10.0


def test_measuring_takes_a_part() -> None:
    assert for_training(600, benchmark=True) < for_training(600, benchmark=False) < 600


def test_what_is_open_comes_with_the_commands_that_may_decide_it() -> None:
    so_far = trial(measured(90), tried(cycada=(50, None)))
    so_far["settings"] = {"minutes": 5.0, "device": "cpu"}
    flags = {"data.channels": 1, "data.classes": ["a", "b"], "model.task": "tried/runs/f_S/last.ckpt"}
    options = TryOptions(
        synthetic=Path("in"),
        real=Path("photos"),
        output=Path("tried"),
        real_layout="images",
        mapping="few.yaml",
        classes=("a", "b"),
    )
    commands = further_commands(so_far, None, options, flags)
    assert commands == [
        "refine try in photos --minutes 5 --labeled-real DIR --classes a,b --real-layout images "
        "--mapping few.yaml --device cpu --output tried",
        "refine inspect in --real photos --real-layout images --mapping few.yaml --output inspected",
        "refine fit -c cycada --data.synthetic=in --data.real=photos --data.channels=1 "
        '\'--data.classes=["a", "b"]\' --model.task=tried/runs/f_S/last.ckpt --minutes=60',
    ]
    assert further_commands(so_far, "color-transfer", options, {}) == []
    asked = replace(options, labeled_real=Path("labeled"))
    assert not [each for each in further_commands(so_far, None, asked, flags) if "--labeled-real" in each]


def test_a_method_that_is_no_nearer_than_doing_nothing_is_not_gone_on_with() -> None:
    assert candidate(trial(measured(90), tried(fda=(95, None))), None) is None
    nearer = trial(measured(90), tried(fda=(85, None)))
    assert candidate(nearer, None) == "fda"
    assert candidate({**nearer, "floor": 91.0}, None) is None


def test_what_goes_on_keeps_the_labels_or_says_that_it_loses_them() -> None:
    so_far = trial(measured(600, 0.02), tried(cycada=(228, 0.75), simgan=(306, 0.35), fda=(550, 0.0)))
    so_far["guessing"] = 0.75
    name = candidate(so_far, None)
    assert name == "simgan"  # as the reasons say: fda is hardly nearer than doing nothing
    _, reasons = recommend("class", so_far["nothing"], so_far["methods"], guessing=0.75)
    assert "most it finds in those of simgan: 65 %" in reasons[0]
    assert loses_labels(so_far, name)
    so_far["methods"] |= tried(cut=(400, 0.06), cyclegan=(380, 0.05))
    name = candidate(so_far, None)
    assert name == "cyclegan"
    assert not loses_labels(so_far, name)
    so_far["nothing"] = measured(600, 0.6)  # such a judge calls nothing unsafe
    assert candidate(so_far, None) == "cycada"
    assert not loses_labels(so_far, "cycada")


def test_the_fewest_steps_take_longer_on_larger_images() -> None:
    small, large = (fewest_seconds(methods("class"), (side, side), "cpu") for side in (32, 128))
    assert 0 < small < large
    assert fewest_seconds(["fda"], (64, 64), "cpu") == 0


def test_images_that_are_alike_leave_nothing_to_do() -> None:
    method, (reason,) = recommend("class", measured(5), tried(simgan=(1, None)), floor=10.0)
    assert method is None
    assert "there is no gap to close" in reason
