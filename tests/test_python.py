"""The functions that `import refine` gives take paths as text, too."""

from pathlib import Path

import pytest

import refine
from refine.training.fit import Outcome

TINY = {"model.features": 4, "model.blocks": 1, "data.batch_size": 2, "device": "cpu"}


def test_a_dataset_is_refined_in_a_few_lines(pair: tuple[Path, Path], tmp_path: Path) -> None:
    synthetic, real = map(str, pair)
    outcome: Outcome = refine.fit("simgan", synthetic, real, folder=str(tmp_path / "runs"), steps=8, settings=TINY)
    assert outcome.steps == 8
    assert outcome.reached is not None
    assert outcome.folder == tmp_path / "runs" / "simgan"
    translator = refine.load_translator(str(outcome.checkpoint))
    assert isinstance(translator, refine.SimGAN)
    refined = str(tmp_path / "refined")
    assert refine.apply_checkpoint(str(outcome.checkpoint), synthetic, refined, device="cpu").exit_code == 0
    assert refine.verify(refined) == []
    metrics = str(tmp_path / "metrics.json")
    assert refine.evaluate(synthetic, refined, real, output=metrics)["rows"]["refined"]["swd"]["value"] > 0
    page = refine.write_report(
        str(tmp_path / "report.html"), synthetic=synthetic, refined=refined, real=real, metrics=metrics
    )
    assert page.is_file()
    benchmark = refine.run_benchmark(
        synthetic, {"refined": refined}, real, steps=2, seeds=1, baselines=(), output=str(tmp_path / "benchmark")
    )
    assert "refined" in benchmark["rows"]


def test_a_setting_that_does_not_exist_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(refine.InputError, match=r"^--data\.crup: no such argument"):
        refine.fit("simgan", *pair, folder=tmp_path / "runs", settings={"data.crup": 1})
    assert not (tmp_path / "runs").exists()


def test_files_of_models_may_be_given_as_paths() -> None:
    for method, name in (
        (refine.CyCADA(task=Path("a.ckpt")), "task"),
        (refine.FeatureAdaptation(start=Path("a.ckpt")), "start"),
        (refine.Task(pretrained=Path("a.ckpt")), "pretrained"),
    ):
        assert method.arguments()[name] == "a.ckpt"  # a checkpoint holds plain values
