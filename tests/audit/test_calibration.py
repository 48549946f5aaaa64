import pytest
import torch
from torch import Tensor

from refine.audit.calibration import (
    ENOUGH_PLANTS,
    FAIL_SHARE,
    LOOKALIKE,
    RANDOMIZED,
    REVIEW_SHARE,
    Thresholds,
    above,
    pair_power,
    perturbed_scores,
    planted_power,
    rate,
    rate_of,
    replacements,
    shown_powers,
    thresholds,
    weakest,
)
from refine.audit.evidence import POWER_BAR
from refine.audit.judges import Examples, Scores
from refine.audit.perturbations import PERTURBATIONS
from refine.audit.result import Power
from refine.labels import KINDS
from refine.metrics.intervals import clopper_pearson, lower_end, upper_end
from tests.audit.audits import power
from tests.audit.scenes import draws


@pytest.mark.parametrize("measures", [1, 2, 3])
def test_about_as_many_held_out_images_are_rejected_as_was_fixed(measures: int) -> None:
    """Whatever the number of measures and changes: they share the rejects out."""
    generator = draws()

    def scores() -> dict[str, Scores]:
        return {
            change: {f"measure {number}": spread * torch.randn(2000, generator=generator) for number in range(measures)}
            for change, spread in (("noise", 1.0), ("blur", 2.0), ("JPEG", 0.5))
        }

    limit = thresholds(list(scores().values()))
    found = [rate_of(one, limit) for one in scores().values()]
    assert sum(one["rate"] for one in found) / 3 == pytest.approx(REVIEW_SHARE, abs=0.01)
    assert sum(one["failed"] for one in found) / 3 == pytest.approx(FAIL_SHARE, abs=0.006)
    assert all(limit.fail[name] > limit.review[name] for name in limit.review)


def test_any_measure_above_its_limit_rejects() -> None:
    scores = {"one": torch.tensor([0.0, 2.0, 0.0, 1.0]), "two": torch.tensor([0.0, 0.0, 5.0, 4.0])}
    assert above(scores, {"one": 1.0, "two": 4.0}).tolist() == [False, True, True, False]
    assert above(scores, {"one": 1.0}).tolist() == [False, True, False, False]


def test_a_rate_comes_with_its_exact_interval() -> None:
    found = rate(3, 200, 1)
    assert (found["rate"], found["n"], found["failed"]) == (0.015, 200, 0.005)
    assert (found["low"], found["high"]) == clopper_pearson(3, 200)
    assert tuple(found["failed_interval"]) == clopper_pearson(1, 200)
    nothing = rate(0, 0, 0)
    assert (nothing["rate"], nothing["low"], nothing["high"], nothing["n"]) == (0.0, 0.0, 1.0, 0)


def limits(review: float, fail: float = 99.0, name: str = "doubt") -> Thresholds:
    return Thresholds({name: review}, {name: fail})


def test_what_does_not_pass_and_what_fails_are_both_counted() -> None:
    found = rate_of({"doubt": torch.tensor([0.0, 1.5, 1.5, 2.5])}, limits(1.0, 2.0))
    assert (found["rate"], found["failed"]) == (0.75, 0.25)


LABELS = torch.arange(40) % 4
IMAGES = (LABELS / 2 - 0.75)[:, None, None, None].expand(-1, 1, 8, 8)
"""A class is a gray level: -0.75, -0.25, 0.25 or 0.75."""
FOLDS = torch.arange(40) // 4 % 2
NAMES = ("a", "b", "c", "d")


def oracle(examples: Examples) -> Scores:
    """How far the gray level is from the label's."""
    return {"doubt": (examples.images.mean((1, 2, 3)) - (examples.labels / 2 - 0.75)).abs()}


EXAMPLES = Examples(IMAGES, FOLDS, LABELS)


def test_every_perturbation_is_measured_under_its_own_label_and_fold() -> None:
    asked, textured = [], torch.rand(40, 1, 8, 8, generator=draws())

    def measure(examples: Examples) -> Scores:
        asked.append(examples.images)
        assert examples.folds is FOLDS
        assert examples.labels is LABELS
        return {"doubt": torch.zeros(len(examples.images))}

    found = perturbed_scores(KINDS["class"], EXAMPLES._replace(images=textured), measure, 0)
    assert list(found) == [*(change.name for change in PERTURBATIONS), RANDOMIZED]
    assert all(images.shape == textured.shape and not torch.equal(images, textured) for images in asked)


@pytest.mark.parametrize(("limit", "share"), [(0.1, 1.0), (9.0, 0.0)])
def test_a_judge_that_sees_all_finds_all_plants_and_one_that_sees_nothing_none(limit: float, share: float) -> None:
    found = planted_power(KINDS["class"], NAMES, EXAMPLES, oracle, limits(limit), 0)
    assert (found[0]["harm"], found[0]["rate"], found[0]["n"]) == ("another class's image", share, 40)
    assert found[0]["failed"] == 0.0
    assert found[0]["low"] == clopper_pearson(round(40 * share), 40)[0]
    assert share or {power["rate"] for power in found} == {0.0}


def test_images_stand_in_for_each_other_within_a_fold() -> None:
    fold_in_pixels = EXAMPLES._replace(images=IMAGES + FOLDS[:, None, None, None] / 100)

    def measure(examples: Examples) -> Scores:
        shown = ((examples.images.mean((1, 2, 3)) + 0.75) % 0.5 * 100).round().long()
        return {"of another fold": (shown != examples.folds).float()}

    found = planted_power(KINDS["class"], NAMES, fold_in_pixels, measure, limits(0.5, name="of another fold"), 0)
    assert found[0]["rate"] == 0.0


def test_the_power_says_how_many_of_the_planted_fail() -> None:
    for doubt, failed in ((0.7, 1.0), (0.55, 0.0)):
        found = planted_power(
            KINDS["class"],
            NAMES,
            EXAMPLES,
            lambda examples, doubt=doubt: {"doubt": torch.full((len(examples.images),), doubt)},  # type: ignore[misc]  # no type
            limits(0.5, 0.6),
            0,
        )
        assert {one["failed"] for one in found} == {failed}


DOUBTS = (torch.arange(4)[None] - LABELS[:, None]).abs() / 2
"""What `oracle` says under each label: neighbors in gray are 0.5 apart."""


def pairs_of(doubts: Tensor, review: float, labels: Tensor = LABELS) -> list[Power]:
    return pair_power(doubts, labels, torch.arange(len(labels)), (review, 99.0), NAMES)


def test_each_class_is_measured_under_the_label_that_is_missed_most_easily() -> None:
    doubts = DOUBTS.clone()
    doubts[LABELS == 3, 1] = torch.arange(10) / 9  # of ten images of d labeled b, about half are found
    found = {one["harm"]: one for one in pairs_of(doubts, 0.4)}
    assert set(found) == {
        f"{LOOKALIKE}: {names}" for names in ("a labeled b", "b labeled a", "c labeled a", "d labeled b")
    }
    worst = found[f"{LOOKALIKE}: d labeled b"]
    assert (worst["rate"], worst["n"]) == (0.6, 10)
    assert (worst["low"], worst["high"]) == (clopper_pearson(6, 10)[0], upper_end(6, 10, 0.025 / 3))
    assert {one["rate"] for harm, one in found.items() if not harm.endswith("d labeled b")} == {1.0}


def test_one_hard_pair_is_not_drowned_by_the_others() -> None:
    """Pooled over all images the power is 0.99."""
    labels = torch.arange(400) // 100
    doubts = torch.ones(400, 4)
    doubts[:12, 3] = 0.0
    assert min(one["rate"] for one in pairs_of(doubts, 0.5, labels)) == 0.88


def test_a_rare_class_is_not_drowned_by_others_that_are_as_rare() -> None:
    """Nines labeled seven are never found: of ten classes of 39 images together, 90 % would be."""
    labels = torch.arange(10).repeat_interleave(39)
    doubts = torch.ones(390, 10)
    doubts[labels == 9, 7] = 0.0
    found = pair_power(doubts, labels, torch.arange(390), (0.5, 0.5), list("0123456789"))
    assert [one["rate"] for one in found] == [1.0] * 9 + [0.0]
    assert weakest(found, 0.025) == (found[9], 0.0)


def test_a_class_of_few_images_has_a_wide_interval_and_one_without_images_none() -> None:
    some = (LABELS == 0) | (torch.arange(40) == 1)
    first, second = pairs_of(DOUBTS[some], 0.4, LABELS[some])
    assert (first["n"], second["n"], second["rate"]) == (10, 1, 1.0)
    assert second["low"] == pytest.approx(0.025)


def test_plants_of_a_pair_know_their_largest_group() -> None:
    assert "largest_group" not in pairs_of(DOUBTS, 0.4)[0]
    together = pair_power(DOUBTS, LABELS, torch.arange(40) // 8, (0.4, 99.0), NAMES)
    assert {one["largest_group"] for one in together} == {2}


def test_a_size_that_was_hardly_planted_says_nothing() -> None:
    """All of eleven found leaves the interval far below the bar."""
    often, seldom = power("another image", 60, 60, size=0.2), power("another image", 11, 11, size=0.4)
    assert replacements([often, seldom]) == [often]
    assert replacements([seldom]) == [seldom]
    assert clopper_pearson(ENOUGH_PLANTS, ENOUGH_PLANTS)[0] >= POWER_BAR


def test_the_bound_hangs_on_the_wrong_label_that_is_found_least_often() -> None:
    replaced, alike, moved = (
        power("another class's image", 99),
        power("hardest pair of classes: 9 labeled 7", 80),
        power("moved", 1),
    )
    assert weakest([replaced, alike, moved], 0.01) == (alike, lower_end(80, 100, 0.01))
    assert weakest([replaced, moved], 0.01) == (replaced, lower_end(99, 100, 0.01))


def test_plants_of_one_group_count_as_one() -> None:
    alone, grouped = power("another class's image", 95), power("another class's image", 97)
    grouped["largest_group"] = 10
    assert weakest([alone, grouped], 0.01) == (grouped, lower_end(97, 100, 0.01, 10))


def test_of_all_pairs_of_classes_people_see_the_hardest() -> None:
    replaced = power("another class's image", 99)
    pairs = [power(f"hardest pair of classes: {number}", 90 + number) for number in range(3)]
    assert shown_powers([replaced, *pairs]) == [replaced, pairs[0]]
    rare = power("hardest pair of classes: rare", 5, 5)
    assert shown_powers([replaced, *pairs, rare]) == [replaced, pairs[0], rare]
