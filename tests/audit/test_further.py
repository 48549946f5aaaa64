"""Evidence beside the judges of synthetic images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from refine.audit.calibration import Scores
from refine.audit.evidence import Evidence
from refine.audit.families import Case
from refine.audit.further import DISPLACEMENT, RESOLUTION, moved_structure, way_back
from refine.audit.judges import Judges, Member
from refine.audit.pairs import Pairs
from refine.audit.result import JUDGES
from refine.audit.setting import Setting
from refine.cli import main
from refine.data.images import to_levels
from refine.methods.cyclegan import CycleGAN
from refine.methods.task import Task
from tests.audit.scenes import scenes, shifted
from tests.audit.shapes import (
    CLASSES,
    FLAGS,
    MODULE,
    SPOILED,
    Finished,
    audit_of,
    certificates,
    key,
    save,
    shape,
    summary,
)
from tests.audit.test_families import UNTRAINED


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
    monkeypatch.setattr("refine.audit.families.train_judges", None)
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


class Reader(Task):
    """Reads a class from the gray level."""

    def __init__(self) -> None:
        super().__init__(["dark", "bright"], channels=1, width=4)

    def probabilities(self, images: Tensor) -> Tensor:
        bright = (9 * images.mean((1, 2, 3))).sigmoid()
        return torch.stack([1 - bright, bright], 1)


def test_what_goes_back_is_asked_for_its_label_and_fails_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = CycleGAN(channels=1, features=4, blocks=1, discriminator_features=4, discriminator_layers=1)
    path = tmp_path / "cyclegan.ckpt"
    torch.save({"state_dict": method.state_dict(), "refine": {**method.description(), "steps_done": 0}}, path)
    monkeypatch.setattr(CycleGAN, "simulate", lambda self, images: images)
    labels = torch.arange(40) % 2
    images = (60 + 130 * labels)[:, None, None, None].expand(-1, 1, 16, 16).to(torch.uint8)
    refined = images.clone()
    refined[:4] = images[1:5]  # under the other label
    pairs = Pairs("class", ("dark", "bright"), tuple(map(str, range(40))), images, refined, labels)
    case = Case(pairs, torch.zeros(40), Setting())
    judges = Judges("content", (Member("reader", -1, Reader()),))
    doubt: Scores = case.measure(judges)(images / 127.5 - 1, case.folds, labels)
    benign = {"noise": {name: scores + 0.1 for name, scores in doubt.items()}}
    judged = Evidence("content", doubt, doubt, benign, benign, True, 1.0, 0.7, "")
    found = way_back(case, judged, judges, path, ())
    assert isinstance(found, Evidence)
    assert found.name == "way back"
    assert not found.decides
    assert found.measured == pytest.approx(0.9)
    assert found.competent
    assert bool((found.scores["class_doubt"][:4] > found.limits().review["class_doubt"]).all())
    assert not bool((found.scores["class_doubt"][4:] > found.limits().review["class_doubt"]).any())
    assert all("fail_threshold" not in record for record in found.records().values())


def structure_of(refined: Tensor, synthetic: Tensor) -> Evidence:
    masks = torch.zeros(len(synthetic), 32, 32, dtype=torch.uint8)
    keys = tuple(map(str, range(len(synthetic))))
    pairs = Pairs("mask", ("a", "b"), keys, to_levels(synthetic), to_levels(refined), masks)
    return moved_structure(Case(pairs, torch.zeros(len(keys)), Setting()))


def test_what_moved_asks_for_a_review() -> None:
    large = scenes(24, 64, 64)
    still = shifted(large, 0, 0)
    some = still.clone()
    some[:2] = shifted(large[:2], 0, 4)
    found = structure_of(0.8 * some, still)
    limit = found.limits().review[DISPLACEMENT]
    assert limit >= RESOLUTION
    assert (found.scores[DISPLACEMENT] > limit).tolist() == [True] * 2 + [False] * 22
    assert found.competent
    assert not found.decides


def test_a_translator_that_redraws_everything_says_nothing_by_it() -> None:
    large = scenes(24, 64, 64)
    found = structure_of(shifted(large, 0, 4), shifted(large, 0, 0))
    assert not found.competent
