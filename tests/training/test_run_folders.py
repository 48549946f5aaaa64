"""Settings and checkpoints that are taken from a run's folder without being named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from refine.cli import main
from refine.training.run_folders import settings_beside


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": {"class_path": "evil.Method"}}, "evil.Method"),
        ({"model": "evil.Method"}, "evil.Method"),
        ({"trainer": {"callbacks": ["evil.Callback"]}}, "evil.Callback"),
        ({"trainer": {"logger": {"class_path": "evil.Logger", "init_args": {}}}}, "evil.Logger"),
        ({"trainer": {"strategy": {"class_path": "refine.a.B", "init_args": {"p": {"class_path": "os.x"}}}}}, "os.x"),
        ({"trust": ["evil"]}, "evil"),
        ({"trainer": "other.yaml"}, "other.yaml"),
        ({"trainer": {"logger": "last"}}, "last"),
        ({"trainer": {"logger": {"class_path": "refine.a.B", "init_args": "last"}}}, "last"),
        ({"trainer.callbacks": ["x"]}, "trainer.callbacks"),
    ],
)
def test_settings_that_lie_beside_a_checkpoint_name_no_code_of_others(
    settings: dict[str, Any], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "last.ckpt").write_bytes(b"PK\x03\x04")
    (run / "last").write_text("class_path: evil.Class\n")  # a file that an argument may name
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    for command in (
        ["validate", "--ckpt-path", str(run / "last.ckpt")],
        ["fit", "--resume", "--trainer.default-root-dir", str(tmp_path)],
    ):
        assert main(command) == 2
        assert f"names {named}, which is not part of refine" in capsys.readouterr().err


def test_they_may_name_ours_those_of_logs_and_what_is_trusted(tmp_path: Path) -> None:
    logger = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "a.b"}}
    data = {"class_path": "refine.data.UnpairedImages", "init_args": {"classes": ["a.b"], "layout": {"layout": "coco"}}}
    settings = {"model": {"class_path": "mine.Own"}, "data": data, "trainer": {"logger": logger, "precision": "32"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings, "trust": "mine"}))
    assert settings_beside(tmp_path / "last.ckpt", ["mine"]) == tmp_path / "config.yaml"
