"""Swapped labels are held against verdicts and against the order of judge scores."""

import sys
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from audit_swaps import FIRST, measured, summary, swapped, swapped_key, write_block  # noqa: E402  # scripts are no package

from tests.audit.audits import certificate  # noqa: E402  # below the path
from tests.conftest import WriteImages  # noqa: E402  # the same

KEYS = [str(number) for number in range(100)]
WRONG = {key: int(key) < 10 for key in KEYS}


def test_a_tenth_of_the_labels_is_swapped_to_another_class() -> None:
    labels = torch.arange(138) % 3
    found, wrong = swapped(labels, 3, seed=0)
    assert int(wrong.sum()) == 14
    assert torch.equal(found != labels, wrong)
    assert set(found.tolist()) <= {0, 1, 2}
    assert not torch.equal(swapped(labels, 3, seed=1)[1], wrong)


def test_verdicts_and_order_are_held_against_the_truth() -> None:
    verdicts = {"0": "fail", "1": "review", "50": "fail"}
    lines = [certificate(key, verdicts.get(key, "pass")) for key in KEYS]  # type: ignore[arg-type]  # words of the type
    found = measured(lines, WRONG, {key: -float(key) for key in KEYS})
    assert (found.competent, found.swaps_failed, found.swaps_not_passed) == (1.0, 0.1, 0.2)
    assert found.others_failed == found.others_not_passed == pytest.approx(1 / 90)
    assert (found.auc, found.found_first) == (1.0, (1.0,) * len(FIRST))
    upside_down = measured(lines, WRONG, {key: float(key) for key in KEYS})
    assert (upside_down.auc, upside_down.found_first) == (0.0, (0.0,) * len(FIRST))
    assert measured(lines, WRONG, dict.fromkeys(KEYS, 1.0)).auc == 0.5


def test_rates_are_of_the_draws_with_verdicts_and_the_order_is_of_all() -> None:
    order = {key: -float(key) for key in KEYS}
    able = measured([certificate(key) for key in KEYS], WRONG, order)
    unable = measured([certificate(key, "inconclusive") for key in KEYS], WRONG, order)
    found = summary([able, unable, unable])
    assert (found["draws"], found["competent"]) == (3, 1)
    assert found["swaps_failed"] == {"mean": 0.0, "lowest": 0.0, "highest": 0.0}
    assert found["auc"]["mean"] == 1.0
    assert summary([unable])["swaps_failed"] is None


def test_a_block_holds_neighbors_with_two_of_each_class(tmp_path: Path, write_images: WriteImages) -> None:
    source = write_images(tmp_path / "real", count=4, size=(8, 8))
    for place, name in enumerate("aabbabab"):  # the first four hold two of each
        number = "aabbabab"[:place].count(name)
        old = source / name / f"{name}-{number:03d}.png"
        old.rename(source / name / f"real_{place:04d}.png")
    assert write_block(source, tmp_path / "first", ("a", "b"), 4, 0.0) == "real_0000 to real_0003"
    assert write_block(source, tmp_path / "last", ("a", "b"), 4, 1.0) == "real_0004 to real_0007"
    assert len(list((tmp_path / "last").rglob("*.png"))) == 4
    assert swapped_key("red/000.png", "green") == "green/red-000.png"
