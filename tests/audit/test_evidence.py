import pytest
import torch

from refine.audit.calibration import Thresholds
from refine.audit.evidence import POWER_BAR, Evidence, gather_evidence, halves
from refine.audit.judges import EnsembleMember, JudgeEnsemble
from tests.audit.audits import power
from tests.audit.scenes import Reader, gray_context, readers


def made(held_out: dict[str, list[float]], decides: bool = True) -> Evidence:
    limits = {"noise": {"doubt": torch.arange(100.0)}}
    others = {change: {"doubt": torch.tensor(values)} for change, values in held_out.items()}
    scores = {"doubt": torch.zeros(3)}
    return Evidence("content", scores, {}, limits, others, True, 0.97, 0.9, "so", decides=decides)


def test_halves_share_no_image() -> None:
    scores = {"noise": {"doubt": torch.arange(6.0)}, "blur": {"doubt": torch.arange(6.0) + 10}}
    first, rest = halves(scores, torch.tensor([True, False, True, False, False, True]))
    assert first["noise"]["doubt"].tolist() == [0, 2, 5]
    assert rest["blur"]["doubt"].tolist() == [11, 13, 14]


def test_rates_are_of_the_half_that_set_no_limit() -> None:
    found = made({"noise": [0.0, 0.0, 99.0, 99.0], "blur": [0.0, 0.0, 0.0, 99.0]})
    assert found.false_rejects_by_change()["noise"]["rate"] == 0.5
    assert found.false_rejects_by_change()["blur"]["rate"] == 0.25


def test_of_all_changes_each_image_counts_once() -> None:
    found = made({"noise": [0.0, 0.0, 99.0, 99.0], "blur": [0.0, 0.0, 99.0, 99.0]}).false_rejects()
    assert (found["rate"], found["n"]) == (0.5, 4)


def test_records_say_what_verdicts_need() -> None:
    record = made({"noise": [0.0]}).records()["content: doubt"]
    assert record["threshold"] == pytest.approx(99 * 0.96)
    assert record["fail_threshold"] == pytest.approx(99 * 0.99)
    assert (record["competent"], record["measured"], record["bar"], record["why"]) == (True, 0.97, 0.9, "so")
    assert "fail_threshold" not in made({"noise": [0.0]}, decides=False).records()["content: doubt"]


def test_competence_hangs_on_replaced_images_of_the_largest_size() -> None:
    found = (
        power("another image", 50, size=0.1),
        power("another image", 90, size=0.2),
        power("moved", 1, size=1),
        power("look-alike class's image", 2),
    )
    evidence = made({"noise": [0.0]})
    assert evidence._replace(power=found).least_power() == found[1]["low"]
    assert evidence.least_power() == 0.0


def test_the_share_that_is_read() -> None:
    scores = {"doubt": torch.tensor([0.0, 98.0, 98.1, 99.0])}
    assert made({"noise": [0.0]})._replace(scores=scores).label_share() == 0.5


def test_groups_are_counted_in_every_power() -> None:
    context = gray_context(clusters=torch.arange(120) // 3)
    found = gather_evidence("content", readers(), context, context.synthetic().take(slice(20)))
    assert all(one["largest_group"] in {2, 3} for one in found.evidence.power)
    assert {one["harm"].partition(":")[0] for one in found.evidence.power} >= {"hardest pair of classes"}


def test_limits_and_power_are_measured_on_a_random_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.audit.evidence.MOST_IMAGES", 10)
    chosen = [gray_context(seed=seed).sample() for seed in (0, 0, 1)]
    assert len(set(chosen[0].tolist())) == 10
    assert torch.equal(chosen[0], chosen[1])
    assert not torch.equal(chosen[0], chosen[2])


@pytest.mark.parametrize("seed", range(4))
def test_two_images_are_enough_for_limits_and_rates(seed: int) -> None:
    """Whatever chance says of which half they are in."""
    context = gray_context(seed=seed)
    evidence, agreed, read, _ = gather_evidence("content", readers(), context, context.synthetic().take(slice(2)))
    assert {len(scores["class_doubt"]) for scores in (*evidence.perturbed.values(), *evidence.held_out.values())} == {1}
    assert evidence.false_rejects()["n"] == 1
    assert (agreed, read) == (1.0, 1.0)
    assert evidence.least_power() > POWER_BAR


def test_whether_judges_learned_is_asked_of_images_that_they_saw_and_of_others() -> None:
    context = gray_context()._replace(folds=(torch.arange(120) >= 40).long())
    # The judge that never saw the 40 images of fold 0, and learned on the 80 of fold 1, reads nothing.
    members = (EnsembleMember("reader", fold, Reader(sure)) for fold, sure in enumerate((0.0, 9.0)))
    judges = JudgeEnsemble("content", tuple(members))
    found = context.learned(judges, context.synthetic(), Thresholds({}, {}))
    assert found["held_out"]["value"] == pytest.approx(80 / 120)
    assert found["learned_on"]["value"] == pytest.approx(40 / 120)
