import os
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from refine.cli import main
from refine.errors import InputError
from refine.interop.bundle import model_card, write_bundle
from refine.labels import KindName
from refine.methods import CyCADA, FeatureAdaptation, Task
from refine.methods.base import Method
from refine.methods.checkpoint import DESCRIPTION, load_method, load_translator
from tests.methods.test_simgan import small


def test_a_bundle_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("refine.interop.bundle.yaml.safe_dump", full_disk)
        with pytest.raises(OSError, match="No space"):
            write_bundle(small(), tmp_path / "new" / "bundle")
    assert list((tmp_path / "new").iterdir()) == []
    write_bundle(small(), tmp_path / "new" / "bundle")
    assert load_translator(tmp_path / "new" / "bundle").channels == 1


def test_a_bundle_says_nothing_of_this_machines_files_and_a_checkpoint_keeps_them(tmp_path: Path) -> None:
    here = str(tmp_path / "private" / "file.ckpt")
    tiny: dict[str, Any] = {"features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
    methods: dict[str, Method] = {
        "task": CyCADA(task=here, **tiny),
        "start": FeatureAdaptation(start=here, classes=["a", "b"], discriminator_features=4, width=4),
        "pretrained": Task(classes=["a", "b"], pretrained=here, width=4),
        "feature_network": small(feature_map="network", feature_network=here),
    }
    for name, method in methods.items():
        write_bundle(method, tmp_path / name)
        assert "private" not in (tmp_path / name / DESCRIPTION).read_text()
        shared = load_method(tmp_path / name)
        assert getattr(shared, name) == ("file.ckpt" if name == "feature_network" else None)
        same = {key: value for key, value in method.arguments().items() if key != name}
        assert {key: value for key, value in shared.arguments().items() if key != name} == same
        checkpoint: dict[str, Any] = {}
        method.on_save_checkpoint(checkpoint)
        assert checkpoint["refine"]["init_args"][name] == here


def test_others_may_read_a_bundle_and_its_card_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "small.ckpt"
    method = small()
    method.steps_done = 7
    reached = {"best": 67.2, "nothing": 120.4}
    stored: dict[str, Any] = {"state_dict": method.state_dict(), "callbacks": {"Checkpoints": reached}}
    stored["UnpairedImages"] = {"trained_on": {"synthetic": ["renders\n", 90], "real": [3, "a"], "other": ["x", 1]}}
    method.on_save_checkpoint(stored)
    torch.save(stored, path)
    assert main(["export", "--checkpoint", str(path), "--output", str(tmp_path / "bundle")]) == 0
    for file in (tmp_path / "bundle").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o044 == 0o044 & ~os.umask(os.umask(0o022)), file
    _, header, text = (tmp_path / "bundle" / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(header)["pipeline_tag"] == "image-to-image"
    rows = ["| method | SimGAN |", "| steps done | 7 |", r"| trained on synthetic | 90 images, folder renders\n |"]
    for row in (*rows, "| lowest distance to real in training (swd) | 67 (doing nothing: 120) |"):
        assert row in text
    assert "trained on real" not in text


@pytest.mark.parametrize(
    ("kind", "tag"),
    [("class", "image-classification"), ("mask", "image-segmentation"), ("objects", "object-detection")],
)
def test_the_card_of_a_task_model_says_what_it_does(kind: KindName, tag: str) -> None:
    card = model_card(Task(classes=["a", "b"], width=4, kind=kind))
    assert yaml.safe_load(card.split("---\n")[1])["pipeline_tag"] == tag


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(InputError, match="exists already"):
        write_bundle(small(), tmp_path / "bundle")
