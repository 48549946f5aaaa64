import pytest
import torch

from refine.audit.evidence import Evidence, halves


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
    assert found.rejected()["noise"]["rate"] == 0.5
    assert found.rejected()["blur"]["rate"] == 0.25


def test_of_all_changes_each_image_counts_once() -> None:
    found = made({"noise": [0.0, 0.0, 99.0, 99.0], "blur": [0.0, 0.0, 99.0, 99.0]}).all_rejected()
    assert (found["rate"], found["n"]) == (0.5, 4)


def test_records_say_what_verdicts_need() -> None:
    record = made({"noise": [0.0]}).records()["content: doubt"]
    assert record["threshold"] == pytest.approx(99 * 0.96)
    assert record["fail_threshold"] == pytest.approx(99 * 0.99)
    assert (record["competent"], record["measured"], record["bar"], record["why"]) == (True, 0.97, 0.9, "so")
    assert "fail_threshold" not in made({"noise": [0.0]}, decides=False).records()["content: doubt"]
