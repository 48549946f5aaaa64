from pathlib import Path

import pytest
import torch

from refine.audit.calibration import Thresholds
from refine.audit.evidence import POWER, Evidence
from refine.audit.families import ENOUGH, Case, finds, gather, replacements, shown_powers, weakest
from refine.audit.judges import Judges, Member
from refine.audit.pairs import Pairs
from refine.audit.result import JUDGES
from refine.audit.setting import Setting
from refine.cli import main
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from refine.metrics.intervals import clopper_pearson, lower_end
from tests.apply.tiny import save_tiny
from tests.audit.audits import power
from tests.audit.shapes import CLASSES, SPOILED, Finished, audit_of, certificates, summary
from tests.audit.test_lost import LABELS, Reader, dark_and_bright

UNTRAINED = ["--steps", "1", "--batch-size", "8", "--folds", "2", "--networks", "small-cnn"]


def test_competence_hangs_on_replaced_images_of_the_largest_size() -> None:
    found = (
        power("another image", 50, size=0.1),
        power("another image", 90, size=0.2),
        power("moved", 1, size=1),
        power("look-alike class's image", 2),
    )
    evidence = Evidence("content", {}, {}, {}, {}, False, 0.0, 0.0, "", power=found)
    assert finds(evidence) == found[1]["low"]
    assert finds(evidence._replace(power=())) == 0.0


def test_a_size_that_was_hardly_planted_says_nothing() -> None:
    """All of eleven found leaves the interval far below the bar."""
    often, seldom = power("another image", 60, 60, size=0.2), power("another image", 11, 11, size=0.4)
    assert replacements([often, seldom]) == [often]
    assert replacements([seldom]) == [seldom]
    assert clopper_pearson(ENOUGH, ENOUGH)[0] >= POWER


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


def test_groups_are_counted_in_every_power() -> None:
    images = dark_and_bright()
    pairs = Pairs("class", ("dark", "bright"), tuple(map(str, range(120))), images, images, LABELS)
    case = Case(pairs, torch.arange(120) // 60, Setting(), torch.arange(120) // 3)
    found = gather(
        "content",
        Judges("content", (Member("reader", -1, Reader(9.0)),)),
        case,
        pairs.synthetic[:20],
        case.folds[:20],
        pairs.labels[:20],
    )
    assert all(one["largest_group"] in {2, 3} for one in found.evidence.power)
    assert {one["harm"].partition(":")[0] for one in found.evidence.power} >= {"hardest pair of classes"}


def test_limits_and_power_are_measured_on_a_random_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.audit.families.MOST", 10)
    images = torch.zeros(50, 1, 8, 8, dtype=torch.uint8)
    pairs = Pairs("class", ("a", "b"), tuple(map(str, range(50))), images, images, torch.arange(50) % 2)
    chosen = [Case(pairs, torch.zeros(50), Setting(seed=seed)).sample() for seed in (0, 0, 1)]
    assert len(set(chosen[0].tolist())) == 10
    assert torch.equal(chosen[0], chosen[1])
    assert not torch.equal(chosen[0], chosen[2])


@pytest.mark.parametrize("seed", range(4))
def test_two_images_are_enough_for_limits_and_rates(seed: int) -> None:
    """Whatever chance says of which half they are in."""
    images = dark_and_bright()
    pairs = Pairs("class", ("dark", "bright"), tuple(map(str, range(120))), images, images, LABELS)
    case = Case(pairs, torch.arange(120) // 60, Setting(seed=seed))
    judges = Judges("content", (Member("reader", -1, Reader(9.0)),))
    evidence, agreed, read = gather("content", judges, case, images[:2], case.folds[:2], LABELS[:2])
    assert {len(scores["class_doubt"]) for scores in (*evidence.benign.values(), *evidence.held_out.values())} == {1}
    assert evidence.all_rejected()["n"] == 1
    assert (agreed, read) == (1.0, 1.0)
    assert finds(evidence) > POWER


def test_whether_judges_learned_is_asked_of_images_that_they_saw_and_of_others() -> None:
    images, folds = dark_and_bright(), (torch.arange(120) >= 40).long()
    pairs = Pairs("class", ("dark", "bright"), tuple(map(str, range(120))), images, images, LABELS)
    case = Case(pairs, folds, Setting())
    # The judge that never saw the 40 images of fold 0, and learned on the 80 of fold 1, reads nothing.
    judges = Judges("content", (Member("reader", 0, Reader(0.0)), Member("reader", 1, Reader(9.0))))
    found = case.learned(judges, images, folds, LABELS, Thresholds({}, {}))
    assert found["held_out"]["value"] == pytest.approx(80 / 120)
    assert found["learned_on"]["value"] == pytest.approx(40 / 120)


def test_a_judge_of_the_users_decides_where_the_own_ones_cannot(finished: Finished, tmp_path: Path) -> None:
    judge = finished.output / JUDGES / "content-0"
    code = main(audit_of(finished.synthetic, finished.refined, tmp_path / "a", *UNTRAINED, "--judge", str(judge)))
    lines, audit = certificates(tmp_path / "a"), summary(tmp_path / "a")
    assert not audit["judges"]["content: class_doubt"]["competent"]
    assert audit["judges"]["given: class_doubt"]["competent"]
    assert audit["provenance"]["figures_of"] == "given"
    assert {lines[key]["verdict"] for key in SPOILED} == {"fail"}
    assert code == 1


def task(path: Path, **arguments: object) -> Path:
    settings = {"classes": list(CLASSES), "channels": 1, "width": 4, "kind": "class"}
    write_bundle(Task(**{**settings, **arguments}), path)  # type: ignore[arg-type]  # the test names the arguments
    return path


def test_judges_that_do_not_fit_are_refused_before_anything_is_trained(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.audit.families.train_judges", None)
    for path, said in (
        (task(tmp_path / "other", classes=["bar", "disk"]), "knows class labels bar, disk, but the dataset has class"),
        (task(tmp_path / "order", classes=["ring", "disk", "bar"]), "give a judge of these"),
        (task(tmp_path / "mask", kind="mask"), "knows mask labels"),
        (save_tiny(tmp_path / "tiny.ckpt"), "Tiny"),
        (tmp_path / "none.ckpt", "none.ckpt: no such file or folder (--judge)"),
    ):
        flags = [*UNTRAINED, "--judge", str(path), "--trust", "tests.apply.tiny"]
        assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "a", *flags)) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "a").exists()
