import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from refine.benchmark.fit import Protocol
from refine.benchmark.plan import CHANGED, REAL_TRAIN, TEST, UNLABELED, Fit, Plan, Source, sources
from refine.benchmark.store import StoredFits
from refine.data.store import LabeledImages
from refine.errors import InputError


def images(count: int, name: str) -> LabeledImages:
    levels = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2).contiguous()
    return LabeledImages(levels, torch.arange(count) % 2, tuple(f"{name}{n}.png" for n in range(count)))


def plan(few: int = 3, train: bool = False) -> Plan:
    rows = sources(["fda", "randomization"], ["bad", "good"], [few], shares=[25])
    sets = {name: images(count, name) for name, count in (("synthetic", 6), ("fda", 6), ("bad", 7), ("good", 20))}
    sets[TEST] = images(10, "r")
    if train:
        sets[REAL_TRAIN] = images(4, "t")
    folds = [] if train else [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]
    return Plan(sets, rows, folds, ("a", "b"), Protocol(1, 2, 0, False), seeds=2, single_seeds=2)


def test_every_row_says_what_it_trains_on() -> None:
    few = {
        name: Source((name.partition("+")[0],), real=3, fine_tuned=name.endswith("_fine_tuned"))
        for data in ("synthetic", "bad", "good")
        for name in (f"{data}+3_real", f"{data}+3_real_fine_tuned")
    }
    assert sources(["fda", "randomization"], ["bad", "good"], [3], shares=[25]) == {
        "synthetic": Source(("synthetic",)),
        "fda": Source(("fda",)),
        "randomization": Source(("synthetic",), randomized=True),
        "bad": Source(("bad",)),
        "good": Source(("good",)),
        "good+synthetic": Source(("good", "synthetic")),
        "good@25+synthetic": Source(("good", "synthetic"), share=25),
        "3_real": Source((), real=3),
        **few,
        "target_supervised": Source((), real=None),
    }
    assert list(sources([], [])) == ["synthetic", "target_supervised"]
    learning = sources([], ["good"], self_training=True)
    assert [name for name, source in learning.items() if source.self_training] == [
        "synthetic+self_training",
        "good+self_training",
    ]
    with pytest.raises(InputError, match=r"--refined x\+3_real: .* the name of another row"):
        sources([], ["x", "x+3_real"], [3])


def test_a_joined_row_leaves_out_each_of_three_translators_in_turn_and_none_of_two() -> None:
    made = plan()
    sets = ("good", "good/1", "good/2")
    joined = {"three": Source(sets, joins=True), "two": Source(sets[1:], joins=True)}
    made = replace(made, sets={**made.sets, **dict.fromkeys(sets[1:], made.sets["good"])}, rows=joined)
    learned = {fit: made.set_names(fit) for fit in made.fits() if fit.seed == 0}
    assert learned == {
        Fit("three", 0): ["good/1", "good/2"],
        Fit("three", 0, None, 1): ["good", "good/2"],
        Fit("three", 0, None, 2): ["good", "good/1"],
        Fit("two", 0): ["good/1", "good/2"],
    }


def test_the_unlabeled_images_and_changed_views_of_them_are_predicted_and_nothing_older_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("refine.benchmark.plan.fit_task", lambda *args: None)
    monkeypatch.setattr("refine.benchmark.plan.predict", lambda task, images: images[:, 0, 0, 0])
    made = plan()
    sets = {**made.sets, "good/1": images(20, "second"), UNLABELED: images(9, "u"), CHANGED: images(9, "c")}
    rows = {name: Source((name,), self_training=True) for name in ("bad", "good")}
    made = replace(made, sets=sets, rows=rows | {"joined": Source(("good", "good/1"), self_training=True, joins=True)})
    made.rows["few"] = Source(("good",), real=2)
    assert [len(made.predictions(Fit(row, 0, None))) for row in ("bad", "joined")] == [10 + 9 + 9] * 2
    assert len(made.predictions(Fit("few", 0, 0))) == len(made.folds[0])  # it learned from labeled real images
    stored = StoredFits(made, tmp_path)
    before = stored.digest(Fit("good", 0))
    monkeypatch.setattr(Plan, "predicts_unlabeled", lambda self, row: False)
    assert stored.digest(Fit("good", 0)) != before


def test_a_row_with_real_images_has_a_fit_for_each_block_and_never_sees_the_one_it_is_tested_on() -> None:
    made = plan()
    crossed = [fit for fit in made.fits() if fit.row == "good+3_real"]
    assert crossed == [Fit("good+3_real", seed, fold) for seed in range(2) for fold in range(3)]
    assert [fit for fit in made.fits() if fit.row == "good"] == [Fit("good", 0), Fit("good", 1)]
    for fit in crossed:
        data, _ = made.training(fit)
        tested = {made.sets[TEST].keys[index] for index in made.tested(fit)}
        assert tested
        assert not tested & set(data.keys)


def test_few_real_images_are_drawn_as_often_as_all_others_and_of_each_class_as_many() -> None:
    made = plan(few=4)
    data, order = made.training(Fit("good+4_real", 0, 1))
    assert len(data.keys) == 24
    assert order is not None
    assert sum(place >= 20 for place in order) == sum(place < 20 for place in order) == 20
    assert data.labels[20:].sum() == 2
    assert made.counts(Fit("good+4_real", 0, 1)) == (24, 4)


def test_the_seed_chooses_which_few_and_asking_for_all_gives_all() -> None:
    made = plan(few=2)
    picks = {tuple(made.training(Fit("good+2_real", seed, 0))[0].keys[20:]) for seed in range(10)}
    assert len(picks) > 3
    everything = plan(few=7).real_images(Fit("good+7_real", 0, 0))
    assert everything is not None
    assert sorted(everything.keys) == [f"r{n}.png" for n in range(3, 10)]


def test_with_images_to_train_on_there_are_no_blocks() -> None:
    made = plan(train=True)
    assert {fit.fold for fit in made.fits()} == {None}
    data, order = made.training(Fit("target_supervised", 0))
    assert data.keys == made.sets[REAL_TRAIN].keys
    assert order is None
    assert len(made.tested(Fit("target_supervised", 0))) == 10


@pytest.mark.parametrize(("share", "often"), [(25, 25), (50, 50), (75, 75), (1, 23)])
def test_a_share_of_the_draws_is_of_the_refined_images_as_far_as_repeats_can_make_it(share: int, often: int) -> None:
    made = plan()
    made.rows["mixed"] = Source(("good", "synthetic"), share=share)
    data, order = made.training(Fit("mixed", 0))
    assert len(data.keys) == 26
    assert order is not None
    assert set(order) == set(range(26))
    assert 100 * sum(place < 20 for place in order) / len(order) == pytest.approx(often, abs=5)


def test_fine_tuning_comes_after_the_others_with_the_few_real_images_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(plan(), protocol=Protocol(9, 2, 0, False))
    calls: list[tuple[tuple[Any, ...], dict[str, object]]] = []

    def fit_task(*args: object, **more: object) -> str:
        calls.append((args, more))
        return "before"

    monkeypatch.setattr("refine.benchmark.plan.fit_task", fit_task)
    monkeypatch.setattr("refine.benchmark.plan.predict", lambda task, images: images[:, 0, 0, 0])
    assert made.predictions(Fit("good+3_real_fine_tuned", 1, 1)).tolist() == [3, 4, 5, 6]
    (first, _), (second, more) = calls
    assert [first[0].keys, first[2].steps, second[2].steps] == [made.sets["good"].keys, 4, 4]
    assert len(second[0].keys) == 3
    assert set(second[0].keys) < {made.sets[TEST].keys[index] for index in (0, 1, 2, 7, 8, 9)}
    assert (second[2].learning_rate, more) == (first[2].learning_rate / 10, {"start": "before"})
    assert made.counts(Fit("good+3_real_fine_tuned", 1, 1)) == (23, 3)
    assert StoredFits(made, Path()).digest(Fit("good+3_real", 1, 1)) != StoredFits(made, Path()).digest(
        Fit("good+3_real_fine_tuned", 1, 1)
    )


def test_a_plan_goes_to_another_process_as_plain_arrays() -> None:
    made = plan()
    state = made.__getstate__()
    assert not any(isinstance(part, torch.Tensor) for parts in state["sets"].values() for part in parts)
    back = pickle.loads(pickle.dumps(made))
    assert back.rows == made.rows
    for name, there in made.sets.items():
        assert back.sets[name].digest() == there.digest()


def test_a_fit_is_made_as_its_row_says_and_predicts_its_own_block(monkeypatch: pytest.MonkeyPatch) -> None:
    made, calls = plan(few=2), []
    monkeypatch.setattr("refine.benchmark.plan.fit_task", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr("refine.benchmark.plan.predict", lambda task, images: images[:, 0, 0, 0])
    assert made.predictions(Fit("randomization", 1)).tolist() == list(range(10))
    assert made.predictions(Fit("good+2_real", 0, 1)).tolist() == [3, 4, 5, 6]
    (_, _, _, seed, order, randomized, _), (_, _, _, _, mixed, plain, unlabeled) = calls
    assert (seed, order, randomized) == (1, None, True)
    assert (len(mixed), plain, unlabeled) == (40, False, None)
