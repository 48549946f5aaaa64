"""The ensembles that an audit asks, trained and given."""

from pathlib import Path

import numpy as np
import pytest
import torch

from refine.audit.ensembles import are_lost
from refine.audit.evidence import Evidence
from refine.audit.result import JUDGES
from refine.cli import main
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from tests.apply.tiny import save_tiny
from tests.audit.scenes import gray_context, readers
from tests.audit.shapes import (
    CLASSES,
    FLAGS,
    MODULE,
    SPOILED,
    UNTRAINED,
    Finished,
    audit_of,
    certificates,
    key,
    save,
    shape,
    summary,
)


def lost(sure: float = 9.0, agreed: float = 1.0, read: float = 0.3, able: bool = False) -> bool:
    context = gray_context(refined=torch.full((120, 1, 8, 8), 128, dtype=torch.uint8))
    judges = readers(sure)
    doubt = judges.deciding_scores(context.synthetic())
    perturbed = {"noise": {name: scores + 0.01 * torch.rand(120) for name, scores in doubt.items()}}
    first = Evidence("content", doubt, {}, perturbed, perturbed, False, agreed, 0.7, "")
    second = Evidence("adapted", doubt, {}, perturbed, perturbed, able, read, 0.8, "")
    return are_lost(context, first, judges, second)


def test_labels_are_lost_only_where_able_judges_agree_that_nothing_shows_them() -> None:
    assert lost()
    assert not lost(sure=0.0)  # judges that learned nothing agree, and know nothing
    assert not lost(agreed=0.6)  # judges who disagree are not at home
    assert not lost(read=0.6)  # labels that can be learned
    assert not lost(able=True)


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
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)
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


def write_real(root: Path, classes: tuple[str, ...] = CLASSES, each: int = 32) -> Path:
    """Right images in the look of the refined ones, and none of those."""
    for kind in classes:
        for number in range(each):
            noise = 6 * np.random.default_rng(number + 900).standard_normal((24, 24))
            levels = np.where(shape(kind, number + 900), 195.0, 35.0) + noise
            save(root / key(kind, number), levels.clip(0, 255).astype(np.uint8))
    return root


def test_judges_of_labeled_real_images_decide(finished: Finished, tmp_path: Path) -> None:
    real = write_real(tmp_path / "real")
    flags = [*FLAGS, "--real-labeled", str(real)]
    assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "audit", *flags)) == 1
    audit, lines = summary(tmp_path / "audit"), certificates(tmp_path / "audit")
    assert audit["judges"]["real: class_doubt"]["competent"]
    assert {lines[name]["verdict"] for name in SPOILED} == {"fail"}
    for name in SPOILED:
        assert any("real judges" in reason for reason in lines[name]["reasons"])
        assert "real before: class_doubt" not in lines[name]["scores"]
    passed = [name for name in lines.keys() - SPOILED if lines[name]["verdict"] == "pass"]
    assert len(passed) >= 0.85 * (len(lines) - len(SPOILED))


def test_other_labels_and_checkpoints_are_refused_before_anything_is_trained(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)
    real = write_real(tmp_path / "real", ("bar", "disk"), each=2)
    gaze = tmp_path / "gaze"
    save(gaze / "a.png", np.zeros((24, 24), np.uint8))
    (gaze / "labels.csv").write_text("key,pitch,yaw\na.png,0.1,0.2\n")
    task = finished.output / JUDGES / "content-0"
    for flags, said in (
        (["--real-labeled", str(real)], "ring"),
        (["--real-labeled", str(gaze)], str(gaze)),
        (["--checkpoint", str(task)], "holds Task, which refines no images"),
    ):
        assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "audit", *UNTRAINED, *flags)) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_a_method_without_a_way_back_is_said_to_have_none(finished: Finished, tmp_path: Path) -> None:
    flags = [*UNTRAINED, "--checkpoint", str(finished.checkpoint), "--trust", MODULE]
    main(audit_of(finished.synthetic, finished.refined, tmp_path / "audit", *flags))
    audit = summary(tmp_path / "audit")
    assert audit["provenance"]["notes"] == ["Spoiler has no way back to synthetic images."]
    assert not any(name.startswith("way back") for name in audit["judges"])
