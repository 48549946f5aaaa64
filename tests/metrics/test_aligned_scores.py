"""skvd through the command line."""

import json
import sys
from pathlib import Path

import pytest
from torch import Tensor

from refine.cli import main
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from refine.metrics.features import VGG16Features
from tests.metrics.scenes import scenes, write_scenes


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scene_features.py").write_text(
        "import torch\n"
        "def looks(images):\n"
        "    return 2 * torch.cat([images.mean(dim=(2, 3)), images.std(dim=(2, 3))], dim=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "scene_features", raising=False)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Refined scenes of the right light, with more sky than the real ones."""
    images, maps = scenes(30, 0.5, seed=1)
    sides = {
        "synthetic": write_scenes(tmp_path / "synthetic", *scenes(30, 0.5, seed=1, brightness=25)),
        "refined": write_scenes(tmp_path / "refined", images, maps),
        "real": write_scenes(tmp_path / "real", *scenes(30, 0.3, seed=2)),
    }
    flags = [text for name, folder in sides.items() for text in (f"--{name}", str(folder))]
    network = ["--features", "scene_features:looks", "--trust", "scene_features"]
    return ["evaluate", *flags, *network, "--metrics", "kid", "skvd", "--output", str(tmp_path / "metrics.json")]


def test_skvd_stands_beside_the_others_and_says_what_it_compared(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    result = json.loads((tmp_path / "metrics.json").read_text())
    rows = result["rows"]
    assert set(rows["refined"]) == {"kid[looks]", "skvd[looks]"}
    assert rows["refined"]["kid[looks]"]["value"] > 0.25  # more sky
    assert abs(rows["refined"]["skvd[looks]"]["value"]) < 0.1
    assert rows["synthetic"]["skvd[looks]"]["value"] > 0.15
    score = rows["refined"]["skvd[looks]"]
    assert (score["n"], score["at_floor_n"]["n"]) == ([30, 30], [15, 15])
    assert score["matched"]["patches"] == 240
    assert score["change"]["value"] == pytest.approx(score["value"] - rows["synthetic"]["skvd[looks]"]["value"])
    assert result["provenance"]["skvd"]["maps"] == "masks"
    assert "skvd[looks]" in capsys.readouterr().out


def test_few_matches_are_a_warning(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, maps = scenes(30, 0.5, seed=1)
    maps[:20] = 255
    write_scenes(tmp_path / "refined", images, maps)
    assert main(command) == 0
    warnings = json.loads((tmp_path / "metrics.json").read_text())["warnings"]
    assert any("skvd compares only 80 of 240 patches of the refined row" in warning for warning in warnings)
    assert not any("of the synthetic row" in warning for warning in warnings)


def test_classes_are_mapped_where_they_differ(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real" / "classes.txt").write_text("earth\nair\n")
    assert main(command) == 2
    assert "has the classes ground, sky, but" in capsys.readouterr().err
    (tmp_path / "to.yaml").write_text("to: [ground, sky]\nclasses: {earth: ground, air: sky}\n")
    assert main([*command, "--real-mapping", str(tmp_path / "to.yaml")]) == 0
    (tmp_path / "back.yaml").write_text("to: [earth, air]\nclasses: {ground: earth, sky: air}\n")
    assert main([*command, "--mapping", str(tmp_path / "back.yaml")]) == 0


def test_a_segmenter_draws_the_maps_of_sides_without_masks(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = write_scenes(tmp_path / "bare", scenes(30, 0.3, seed=2)[0], None)
    command[command.index("--real") + 1] = str(bare)
    assert main(command) == 2
    assert "give --segmenter FILE, a task model of masks" in capsys.readouterr().err
    write_bundle(Task(["ground", "sky"], width=4, kind="mask"), tmp_path / "task")
    assert main([*command, "--segmenter", str(tmp_path / "task")]) == 0
    provenance = json.loads((tmp_path / "metrics.json").read_text())["provenance"]
    assert len(provenance["skvd"]["maps"]["segmenter"]) == 64


@pytest.mark.parametrize("flags", [["--mapping", "carla-to-camvid11"], ["--real-mapping", "carla-to-camvid11"]])
def test_flags_of_skvd_without_it_are_refused(
    command: list[str], flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--metrics", "kid", *flags]) == 2
    assert "is for the label maps that skvd needs; add skvd to --metrics" in capsys.readouterr().err


def test_chosen_images_have_no_labels(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--images", "images/*.png"]) == 2
    assert "--images chooses 30 of its images, and skvd takes a whole dataset" in capsys.readouterr().err


def test_each_layer_of_vgg16_has_a_score_and_whole_images_are_not_looked_at(
    command: list[str], vgg16_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: VGG16Features, images: Tensor) -> Tensor:
        raise AssertionError("skvd needs no features of whole images")

    monkeypatch.setattr(VGG16Features, "__call__", never)
    monkeypatch.setattr("refine.metrics.folder_skvd.PATCHES", 1)
    given = f"vgg16={vgg16_weights}"
    assert main([*command, "--features", given, "--metrics", "skvd"]) == 0
    result = json.loads((tmp_path / "metrics.json").read_text())
    layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
    assert list(result["rows"]["real_floor"]) == [f"skvd[vgg16-{layer}]" for layer in layers]
    assert result["provenance"]["extractors"]["vgg16"]["dimension"] is None
