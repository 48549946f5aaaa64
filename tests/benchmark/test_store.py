"""A second run takes what the first one left, and only that; several processes give the figures of one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from refine.benchmark.fit import fit_task
from refine.benchmark.plan import Fit
from refine.benchmark.store import StoredFits
from refine.cli import main
from tests.benchmark.test_plan import plan
from tests.conftest import WriteImages


@pytest.fixture
def command(tmp_path: Path, write_images: WriteImages) -> list[str]:
    for name, level in (("synthetic", 0), ("gan", 60), ("real", 120)):
        write_images(tmp_path / name, count=4, size=(8, 8), level=level)
    words = ["benchmark", "--seeds", "2", "--steps", "2", "--batch-size", "4", "--baselines", "none"]
    for name in ("synthetic", "real"):
        words += [f"--{name}", str(tmp_path / name)]
    return [*words, "--refined", str(tmp_path / "gan"), "--output", str(tmp_path / "out")]


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the seed of each fit."""
    calls: list[int] = []

    def counted(*arguments: object, **more: object) -> object:
        calls.append(arguments[3])  # type: ignore[arg-type]  # the seed
        return fit_task(*arguments, **more)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr("refine.benchmark.plan.fit_task", counted)
    return calls


ALL = 2 * (3 + 5)


def test_a_second_run_fits_only_what_is_lost_or_cut_short_and_says_the_same(
    command: list[str], fitted: list[int], tmp_path: Path
) -> None:
    fits = tmp_path / "out" / "fits"
    assert main(command) == 0
    first = (tmp_path / "out" / "benchmark.json").read_bytes()
    assert len(fitted) == ALL
    for path in fits.iterdir():
        with np.load(path, allow_pickle=False) as file:  # nothing that is stored can run code
            assert set(file) == {"digest", "predictions"}
    assert main(command) == 0
    assert len(fitted) == ALL
    (fits / "gan-0.npz").unlink()
    (fits / "synthetic-1.npz").write_bytes((fits / "synthetic-1.npz").read_bytes()[:-40])
    (fits / "synthetic-0.npz").write_bytes(b"no archive")
    assert main(command) == 0
    assert sorted(fitted[ALL:]) == [0, 0, 1]
    assert (tmp_path / "out" / "benchmark.json").read_bytes() == first


SLOW = (["--batch-size", "2"], ["--width", "8"], ["--learning-rate", "0.1"])


@pytest.mark.parametrize(
    "change",
    [["--steps", "3"], ["--size", "6x6"], *(pytest.param(change, marks=pytest.mark.slow) for change in SLOW)],
)
def test_other_settings_are_fitted_anew_and_that_is_said(
    command: list[str], fitted: list[int], change: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*command, "--seeds", "1"]
    assert main(command) == 0
    assert capsys.readouterr().err == ""
    assert main([*command, *change]) == 0
    assert len(fitted) == ALL
    (line,) = capsys.readouterr().err.splitlines()
    assert f"fits: {ALL // 2} of {ALL // 2} fits are done anew" in line


def test_other_images_are_fitted_anew_where_they_count(
    command: list[str], fitted: list[int], tmp_path: Path, write_images: WriteImages
) -> None:
    assert main(command) == 0
    write_images(tmp_path / "gan", count=4, size=(8, 8), level=61)
    assert main([*command, "--seeds", "3"]) == 0
    # gan and its mixture thrice, the third seed of the others
    assert len(fitted) == ALL + 2 * 3 + 1 + 5


def test_further_seeds_of_a_translator_are_fitted_and_the_first_one_is_kept(
    command: list[str], fitted: list[int], tmp_path: Path, write_images: WriteImages
) -> None:
    assert main([*command, "--real-few", "1"]) == 0
    before = len(fitted)
    write_images(tmp_path / "b", count=4, size=(8, 8), level=70)
    write_images(tmp_path / "c", count=4, size=(8, 8), level=80)
    draws = f"gan={tmp_path / 'gan'},{tmp_path / 'b'},{tmp_path / 'c'}"
    place = command.index("--refined") + 1
    assert main([*command[:place], draws, *command[place + 1 :], "--real-few", "1"]) == 0
    # two folders more, two seeds: alone, with the synthetic images, and with a real one in five blocks, or fine-tuned
    # on it, which are two fits; and a third seed of the synthetic images
    assert len(fitted) == before + 2 * 2 * (1 + 1 + 5 + 10) + 1
    found = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    for name in ("gan", "gan+synthetic", "gan+1_real"):
        row = found["rows"][name]
        assert len(row["translator_means"]) == 3
        assert len(row["accuracy"]) == 6
        means = [sum(row["accuracy"][start : start + 2]) / 2 for start in (0, 2, 4)]
        assert row["translator_means"] == pytest.approx(means)
        assert row["mean"] == pytest.approx(sum(means) / 3)
    assert "translator_means" not in found["rows"]["synthetic"]
    assert all(row["difference"]["p_holm"] >= row["difference"]["p"] for row in list(found["rows"].values())[1:])
    assert found["provenance"]["refined"] == {"gan": [str(tmp_path / name) for name in ("gan", "b", "c")]}
    assert (
        "Rows of several translators (gan (3), gan+synthetic (3), gan+1_real (3), gan+1_real_fine_tuned (3))"
        in found["protocol"]
    )
    assert "2 seeds (3 of rows of one folder) of initial weights" in found["protocol"]
    text = (tmp_path / "out" / "benchmark.md").read_text()
    assert "; 2 seeds of each translator (3 of rows of one folder); ± over translators" in text


def test_a_translator_that_is_given_twice_is_no_second_draw(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tmp_path / "gan", tmp_path / "copy")
    place = command.index("--refined") + 1
    words = [*command[:place], f"gan={tmp_path / 'gan'},{tmp_path / 'copy'}", *command[place + 1 :]]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "copy and" in line
    assert "hold the same images" in line
    assert not (tmp_path / "out").exists()


def test_each_fit_has_a_file_of_its_own_whatever_its_row_is_called(tmp_path: Path) -> None:
    stored = StoredFits(plan(), tmp_path)
    for row in ("../x", "a/b", "x" * 300):
        path = stored.path(Fit(row, 0))
        assert path.parent == tmp_path
        assert len(path.name) < 100
    assert stored.path(Fit("bad", 0, 3, 2)).name == "bad,2-0-3.npz"
    assert stored.path(Fit("bad,2", 0, 3)).name == "bad%2C2-0-3.npz"


@pytest.mark.slow  # two interpreters import torch
def test_two_processes_give_the_figures_of_one(command: list[str], tmp_path: Path) -> None:
    command = [*command, "--seeds", "1"]
    assert main(command) == 0
    assert main([*command, "--jobs", "2", "--output", str(tmp_path / "two")]) == 0
    one, two = (json.loads((tmp_path / name / "benchmark.json").read_text()) for name in ("out", "two"))
    assert one == two
    assert (one["provenance"]["device"], one["provenance"]["threads"]) == ("cpu", 1)


def test_predictions_of_the_same_training_are_others_where_the_test_images_stand_in_another_order(
    tmp_path: Path,
) -> None:
    one, other, fit = plan(), plan(), Fit("good+3_real", 0, 0)
    other.folds[0].reverse()  # it trains on the other blocks
    assert StoredFits(one, tmp_path).digest(fit) != StoredFits(other, tmp_path).digest(fit)
    assert StoredFits(one, tmp_path).digest(Fit("bad", 0)) == StoredFits(other, tmp_path).digest(Fit("bad", 0))


def test_predictions_that_cannot_be_read_are_made_anew(tmp_path: Path) -> None:
    stored, fit = StoredFits(plan(), tmp_path), Fit("bad", 0)
    stored.save(fit, torch.arange(3))
    path = stored.path(fit)
    assert torch.equal(stored.load(fit), torch.arange(3))  # type: ignore[arg-type]  # it is there
    whole = path.read_bytes()
    with path.open("wb") as file:
        np.save(file, np.zeros(3))  # no archive
    assert stored.load(fit) is None
    path.write_bytes(whole[:-30])
    assert stored.load(fit) is None
    np.savez(path, digest=np.array(stored.digest(fit)), predictions=np.array(["text"]))
    assert stored.load(fit) is None


def test_other_unlabeled_images_are_asked_of_every_row_but_that_of_real_labels(
    command: list[str], fitted: list[int], tmp_path: Path, write_images: WriteImages
) -> None:
    for name, level in (("here", 90), ("there", 100)):
        write_images(tmp_path / name, count=4, size=(8, 8), level=level)
    command = [*command, "--seeds", "1"]
    assert main([*command, "--unlabeled", str(tmp_path / "here")]) == 0
    every = len(fitted)
    assert main([*command, "--unlabeled", str(tmp_path / "here")]) == 0
    assert len(fitted) == every
    assert main([*command, "--unlabeled", str(tmp_path / "there")]) == 0
    assert len(fitted) == every + 5  # the five of cross-validation are as they were


def test_a_fit_with_other_affine_changes_is_done_anew_where_it_makes_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, usual = plan(), Fit("good", 0)
    strong, masks = (
        replace(plain, protocol=replace(plain.protocol, strong=True, kind=kind)) for kind in ("class", "mask")
    )
    stored = [StoredFits(made, tmp_path) for made in (plain, strong, masks)]
    before = [each.digest(usual) for each in stored]
    monkeypatch.setattr("refine.benchmark.store.AFFINE", (0.0,))
    after = [each.digest(usual) for each in stored]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
