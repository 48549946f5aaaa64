"""The ensembles that an audit asks, trained and given, and what comes back through the inverse generator."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from refine.audit.ensembles import inverse_evidence, labels_cannot_be_found, load_with_inverse, translated_back
from refine.audit.evidence import Evidence
from refine.audit.result import JUDGES
from refine.cli import main
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method
from refine.methods.cyclegan import CycleGAN
from refine.methods.task import Task
from tests.apply.tiny import save_tiny
from tests.audit.scenes import draws, gray_context, readers
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
    return labels_cannot_be_found(context, first, judges, second)


def test_labels_are_lost_only_where_able_judges_agree_that_nothing_shows_them() -> None:
    assert lost()
    assert not lost(sure=0.0)  # judges that learned nothing agree, and know nothing
    assert not lost(agreed=0.6)  # judges who disagree are not at home
    assert not lost(read=0.6)  # labels that can be learned
    assert not lost(able=True)


def test_a_judge_of_the_users_decides_where_the_own_ones_cannot_and_a_method_has_no_inverse(
    finished: Finished, tmp_path: Path
) -> None:
    judge = ["--judge", str(finished.output / JUDGES / "content-0")]
    method = ["--checkpoint", str(finished.checkpoint), "--trust", MODULE]
    code = main(audit_of(finished.synthetic, finished.refined, tmp_path / "a", *UNTRAINED, *judge, *method))
    lines, audit = certificates(tmp_path / "a"), summary(tmp_path / "a")
    assert not audit["judges"]["content: class_doubt"]["competent"]
    assert audit["judges"]["given: class_doubt"]["competent"]
    assert audit["provenance"]["figures_of"] == "given"
    assert {lines[key]["verdict"] for key in SPOILED} == {"fail"}
    assert code == 1
    assert audit["provenance"]["notes"] == ["Spoiler has no inverse generator to synthetic images."]
    assert not any(name.startswith("way back") for name in audit["judges"])


def task(path: Path, **arguments: object) -> Path:
    settings = {"classes": list(CLASSES), "channels": 1, "width": 4, "kind": "class"}
    write_bundle(Task(**{**settings, **arguments}), path)  # type: ignore[arg-type]  # the test names the arguments
    return path


def write_real(root: Path, classes: tuple[str, ...] = CLASSES, each: int = 32) -> Path:
    """Right images in the look of the refined ones, and none of those."""
    for kind in classes:
        for number in range(each):
            noise = 6 * np.random.default_rng(number + 900).standard_normal((24, 24))
            levels = np.where(shape(kind, number + 900), 195.0, 35.0) + noise
            save(root / key(kind, number), levels.clip(0, 255).astype(np.uint8))
    return root


def test_judges_and_labels_and_checkpoints_that_do_not_fit_are_refused_before_anything_is_trained(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)
    gaze = tmp_path / "gaze"
    save(gaze / "a.png", np.zeros((24, 24), np.uint8))
    (gaze / "labels.csv").write_text("key,pitch,yaw\na.png,0.1,0.2\n")
    own = finished.output / JUDGES / "content-0"
    for flag, path, said in (
        ("--judge", task(tmp_path / "other", classes=["bar", "disk"]), "knows class labels bar, disk, but the dataset"),
        ("--judge", task(tmp_path / "order", classes=["ring", "disk", "bar"]), "give a judge of these"),
        ("--judge", task(tmp_path / "mask", kind="mask"), "knows mask labels"),
        ("--judge", save_tiny(tmp_path / "tiny.ckpt"), "Tiny"),
        ("--judge", tmp_path / "none.ckpt", "none.ckpt: no such file or folder (--judge)"),
        ("--real-labeled", write_real(tmp_path / "real", ("bar", "disk"), each=2), "ring"),
        ("--real-labeled", gaze, str(gaze)),
        ("--checkpoint", own, "holds Task, which refines no images"),
    ):
        flags = [*UNTRAINED, flag, str(path), "--trust", "tests.apply.tiny"]
        assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "a", *flags)) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_judges_of_labeled_real_images_decide(finished: Finished, tmp_path: Path) -> None:
    flags = [*FLAGS, "--real-labeled", str(write_real(tmp_path / "real"))]
    assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "audit", *flags)) == 1
    audit, lines = summary(tmp_path / "audit"), certificates(tmp_path / "audit")
    assert audit["judges"]["real: class_doubt"]["competent"]
    assert {lines[name]["verdict"] for name in SPOILED} == {"fail"}
    for name in SPOILED:
        assert any("real judges" in reason for reason in lines[name]["reasons"])
        assert "real before: class_doubt" not in lines[name]["scores"]
    passed = [name for name in lines.keys() - SPOILED if lines[name]["verdict"] == "pass"]
    assert len(passed) >= 0.85 * (len(lines) - len(SPOILED))


def small(**arguments: object) -> CycleGAN:
    torch.manual_seed(0)
    settings = {"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
    return CycleGAN(**{**settings, **arguments}).eval()  # type: ignore[arg-type]  # the test names the arguments


def images(size: tuple[int, int] = (16, 16), channels: int = 1) -> Tensor:
    return torch.rand(2, channels, *size, generator=draws(5)) * 2 - 1


def saved(method: CycleGAN, file: Path, without: str = "none") -> Path:
    state = {name: weight for name, weight in method.state_dict().items() if not name.startswith(without)}
    torch.save({"state_dict": state, "refine": {**method.description(), "steps_done": 0}}, file)
    return file


class Echo(nn.Module):
    """Gives back what it sees, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return images


def test_what_goes_back_is_the_second_generators_answer_to_noisy_levels() -> None:
    method, echo = small(), Echo()
    method.real_to_synthetic = echo
    refined = images((60, 60))
    back = translated_back(method, refined, draws(), noise=0.1)
    change = echo.seen - refined
    assert float(change.std()) == pytest.approx(0.1, rel=0.15)  # clamping at the ends takes some
    levels = (echo.seen + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert torch.allclose(back, echo.seen, atol=1e-6)


def test_a_signal_below_one_level_does_not_go_back() -> None:
    method = small()
    level = torch.full((1, 1, 16, 16), 10 / 127.5 - 1)
    hidden = level + 0.4 / 127.5 * torch.sign(images()[:1])
    plain, secret = (translated_back(method, seen, draws(), noise=0.1) for seen in (level, hidden))
    assert torch.equal(plain, secret)


@pytest.mark.parametrize("working_size", [None, (16, 16)])
def test_any_size_and_gray_through_color_come_back_as_they_were(working_size: tuple[int, int] | None) -> None:
    method = small(channels=3)
    method.working_size = working_size
    back = translated_back(method, images((21, 30)), draws())
    assert back.shape == (2, 1, 21, 30)
    assert float(back.abs().max()) <= 1.0


def test_an_inverse_generator_is_loaded_where_it_is_asked_for(tmp_path: Path) -> None:
    method = small()
    file = saved(method, tmp_path / "last.ckpt")
    plain, loaded = load_method(file), load_with_inverse(file)
    assert isinstance(plain, CycleGAN)
    with pytest.raises(ValueError, match="loaded without its inverse generator"):
        translated_back(plain, images(), draws())
    assert isinstance(loaded, CycleGAN)
    assert torch.equal(translated_back(loaded, images(), draws()), translated_back(method, images(), draws()))


def test_a_file_without_an_inverse_generator_says_so(tmp_path: Path) -> None:
    write_bundle(small(), tmp_path / "bundle")
    half = saved(small(), tmp_path / "half.ckpt", without="real_to")
    for path, said in (
        (tmp_path / "bundle", "bundle, which has no inverse generator"),
        (half, "half.ckpt has no complete weights of the inverse generator."),
        (save_tiny(tmp_path / "tiny.ckpt"), "Tiny has no inverse generator to synthetic images."),
    ):
        found = load_with_inverse(path, ("tests.apply.tiny",))
        assert isinstance(found, str)
        assert said in found


def test_what_goes_back_is_asked_for_its_label_and_fails_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(small(), tmp_path / "cyclegan.ckpt")
    monkeypatch.setattr(CycleGAN, "simulate", lambda self, images: images)
    images = gray_context().pairs.synthetic
    refined = torch.cat([images[1:13], images[12:]])  # the first under the other label
    context, judges = gray_context(refined), readers()
    doubt = judges.deciding_scores(context.synthetic())
    perturbed = {"noise": {name: scores + 0.1 for name, scores in doubt.items()}}
    judged = Evidence("content", doubt, doubt, perturbed, perturbed, True, 1.0, 0.7, "")
    found = inverse_evidence(context, judged, judges, path, ())
    assert isinstance(found, Evidence)
    assert (found.name, found.decides, found.competent) == ("way back", False, True)
    assert found.measured == pytest.approx(0.9)
    limit = found.limits().review["class_doubt"]
    assert (found.scores["class_doubt"] > limit).tolist() == [True] * 12 + [False] * 108
    assert all("fail_threshold" not in record for record in found.records().values())
