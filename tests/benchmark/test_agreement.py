from dataclasses import replace

from refine.benchmark.agreement import Agreement, agreeing, most_consistent
from refine.benchmark.plan import Source
from tests.benchmark.test_plan import plan


def test_of_groups_of_one_size_the_one_that_agrees_best_is_taken() -> None:
    pairs = [[1.0, 0.8, 0.1, 0.1], [0.8, 1.0, 0.1, 0.1], [0.1, 0.1, 1.0, 0.9], [0.1, 0.1, 0.9, 1.0]]
    assert agreeing(pairs) == [2, 3]
    assert agreeing([[1.0, 0.5], [0.5, 1.0]]) == []
    assert agreeing([[1.0, 0.8, 0.9], [0.8, 1.0, 0.5], [0.9, 0.5, 1.0]]) == [0, 2]  # every two of them


def test_of_translators_that_were_compared_only_those_that_agree_are_chosen() -> None:
    rows = {name: Source((name,)) for name in ("synthetic", "gan", "cut")}
    rows["gan+joined"] = Source(("gan", "gan/1", "gan/2"), joins=True)  # one that does not agree is among them
    made = replace(plan(), rows={**rows, "gan+agreed": Source(("gan", "gan/2"), joins=True)})
    kappas = {"synthetic": 0.3, "gan": 0.9, "gan+agreed": 0.7, "cut": 0.8, "gan+joined": 0.85}
    agreed: dict[str, Agreement] = {"gan": {"kappa": [], "agreed": [0, 2]}, "cut": {"kappa": [], "agreed": []}}
    assert most_consistent(made, kappas, agreed) == {"row": "gan+agreed", "consistency": 0.7}
    without = {name: kappa for name, kappa in kappas.items() if name != "gan+agreed"}
    assert most_consistent(made, without, agreed) == {"row": "synthetic", "consistency": 0.3}
    assert most_consistent(made, kappas, {}) == {"row": "gan", "consistency": 0.9}
    assert most_consistent(made, {}, {}) is None
    equal = {"synthetic": 0.8030303030303029, "cut": 0.803030303030303}
    assert most_consistent(made, equal, {}) == {"row": "synthetic", "consistency": equal["synthetic"]}
