"""The label-aligned distance of folders, and skvd through the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.cli import main
from refine.data.images import to_float
from refine.distances.folders import scan
from refine.distances.result import Score
from refine.distances.skvd import Segmenter, aligned_datasets, skvd_scores
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from refine.metrics.features.published import VGG16Features
from tests.metrics.scenes import Appearance, scenes, write_scenes


class BySky(Segmenter):
    """Blue is sky."""

    sha256 = "abc"

    def predict(self, images: Tensor) -> Tensor:
        return (images[:, 2] > images[:, 0]).long()


def rows(synthetic: Path, refined: Path, real: Path, segmenter: Segmenter | None = None) -> dict[str, Score]:
    sides = {"synthetic": synthetic, "refined": refined, "real": real}
    datasets = aligned_datasets({name: scan(each, 1) for name, each in sides.items()}, (None, None), segmenter)
    found = skvd_scores(datasets, [Appearance()], size=(48, 48), channels=3, seed=0)
    return {name: scores["skvd[appearance]"] for name, scores in found.items()}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Synthetic scenes with more sky and brighter than the real ones; refined they have the right light."""
    images, maps = scenes(40, 0.5, seed=1)
    return (
        write_scenes(tmp_path / "synthetic", *scenes(40, 0.5, seed=1, brightness=25)),
        write_scenes(tmp_path / "refined", images, maps),
        write_scenes(tmp_path / "real", *scenes(50, 0.3, seed=2)),
    )


def test_refined_images_of_the_right_light_are_as_near_as_real_ones_whatever_the_layout(
    folders: tuple[Path, Path, Path],
) -> None:
    found = rows(*folders)
    assert found["synthetic"]["value"] > 0.15
    assert abs(found["refined"]["value"]) < 0.1
    assert abs(found["real_floor"]["value"]) < 0.1
    assert [score["n"] for score in found.values()] == [[40, 50], [40, 50], [25, 25]]
    at_floor_n = {name: score["at_floor_n"] for name, score in found.items()}
    assert at_floor_n["synthetic"]["value"] > 0.15
    assert abs(at_floor_n["refined"]["value"]) < 0.15
    assert at_floor_n["real_floor"]["value"] == found["real_floor"]["value"]
    assert (found["refined"]["matched"]["patches"], at_floor_n["refined"]["matched"]["patches"]) == (320, 200)
    assert found["refined"]["matched"]["matched"] > 250
    assert found["refined"]["change"]["value"] == found["refined"]["value"] - found["synthetic"]["value"]


def test_refined_images_without_masks_take_those_of_the_synthetic_ones_with_their_keys(
    folders: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    synthetic, refined, real = folders
    bare = write_scenes(tmp_path / "bare", scenes(40, 0.5, seed=1)[0], None)
    assert rows(synthetic, bare, real) == rows(synthetic, refined, real)
    (bare / "images" / "scene_000.png").rename(bare / "images" / "other.png")
    with pytest.raises(InputError, match=r"bare: has no masks, and images/other\.png is no image of .*synthetic"):
        rows(synthetic, bare, real)


def test_the_same_images_twice_have_one_distance(folders: tuple[Path, Path, Path]) -> None:
    found = rows(folders[0], folders[0], folders[2])
    assert found["refined"].pop("change") == {"value": 0.0}
    assert found["synthetic"] == found["refined"]


def test_the_floors_halves_share_no_image(tmp_path: Path) -> None:
    images, maps = scenes(4, 0.3, seed=1)
    numbers = torch.arange(4, dtype=torch.uint8)[:, None, None].expand_as(maps)  # no two images have a class in common
    root = write_scenes(tmp_path / "apart", images, numbers, classes=("a", "b", "c", "d"))
    with pytest.raises(InputError, match="of 16 patches none"):
        rows(root, root, root)


def test_a_segmenter_stands_for_the_masks_of_all_sides(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    images, maps = scenes(50, 0.3, seed=2)
    bare = write_scenes(tmp_path / "bare", images, None)
    with pytest.raises(InputError, match=r"bare: layout .* has (no|class) labels.*leave skvd out, or give --segmenter"):
        rows(folders[0], folders[1], bare)
    assert float((BySky().predict(to_float(images)) == maps).float().mean()) > 0.95
    found = rows(folders[0], folders[1], bare, BySky())
    assert found["synthetic"]["value"] > 0.15
    assert abs(found["refined"]["value"]) < 0.1


def test_images_and_maps_of_another_size_are_brought_to_one(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    images, maps = (each.repeat_interleave(2, -1).repeat_interleave(2, -2) for each in scenes(50, 0.3, seed=2))
    large = write_scenes(tmp_path / "large", images, maps)
    found, expected = rows(folders[0], folders[1], large), rows(*folders)
    for name in expected:  # doubling and halving blurs a little
        assert found[name]["matched"] == expected[name]["matched"]
        assert found[name]["value"] == pytest.approx(expected[name]["value"], abs=0.03)


def test_datasets_that_cannot_be_compared_are_one_clear_error(
    folders: tuple[Path, Path, Path], tmp_path: Path, write_images: Callable[..., Path]
) -> None:
    other = write_scenes(tmp_path / "other", *scenes(8, 0.3, seed=2), classes=("road", "sky"))
    few = write_scenes(tmp_path / "few", *scenes(3, 0.3, seed=2))
    classes = write_images(tmp_path / "classes")
    for sides, message in (
        ((*folders[:2], other), r"synthetic: has the classes ground, sky, but .*other has road, sky; map"),
        ((*folders[:2], few), "few: found 3 images, skvd needs at least 4"),
        ((classes, classes, folders[2]), "has class labels, and skvd matches patches by the class of each pixel"),
    ):
        with pytest.raises(InputError, match=message):
            rows(*sides)


def test_many_images_give_fewer_patches_each(folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for most, images, patches in ((90, [40, 50], 2 * 40), (30, [30, 30], 30)):
        monkeypatch.setattr("refine.distances.skvd.MOST_PATCHES", most)
        refined = rows(*folders)["refined"]
        assert (refined["n"], refined["matched"]["patches"]) == (images, patches)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refined scenes of the right light, with more sky than the real ones."""
    (tmp_path / "scene_features.py").write_text(
        "import torch\n"
        "def looks(images):\n"
        "    return 2 * torch.cat([images.mean(dim=(2, 3)), images.std(dim=(2, 3))], dim=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "scene_features", raising=False)
    sides = {
        "synthetic": write_scenes(tmp_path / "synthetic", *scenes(30, 0.5, seed=1, brightness=25)),
        "refined": write_scenes(tmp_path / "refined", *scenes(30, 0.5, seed=1)),
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
    refined, synthetic = result["rows"]["refined"], result["rows"]["synthetic"]
    assert set(refined) == {"kid[looks]", "skvd[looks]"}
    assert refined["kid[looks]"]["value"] > 0.25  # more sky
    assert abs(refined["skvd[looks]"]["value"]) < 0.1
    assert synthetic["skvd[looks]"]["value"] > 0.15
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
    write_bundle(Task(classes=["ground", "sky"], width=4, kind="mask"), tmp_path / "task")
    assert main([*command, "--segmenter", str(tmp_path / "task")]) == 0
    provenance = json.loads((tmp_path / "metrics.json").read_text())["provenance"]
    assert len(provenance["skvd"]["maps"]["segmenter"]) == 64


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metrics", "kid", "--mapping", "carla-to-camvid11"], "is for the label maps that skvd needs; add skvd to"),
        (["--metrics", "kid", "--real-mapping", "carla-to-camvid11"], "is for the label maps that skvd needs"),
        (["--images", "images/*.png"], "--images chooses 30 of its images, and skvd takes a whole dataset"),
    ],
)
def test_flags_that_do_not_go_with_skvd_are_refused(
    command: list[str], flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *flags]) == 2
    assert message in capsys.readouterr().err


def test_each_layer_of_vgg16_has_a_score_and_whole_images_are_not_looked_at(
    command: list[str], vgg16_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: VGG16Features, images: Tensor) -> Tensor:
        raise AssertionError("skvd needs no features of whole images")

    monkeypatch.setattr(VGG16Features, "__call__", never)
    monkeypatch.setattr("refine.distances.skvd.PATCHES_PER_IMAGE", 1)
    given = f"vgg16={vgg16_weights}"
    assert main([*command, "--features", given, "--metrics", "skvd"]) == 0
    result = json.loads((tmp_path / "metrics.json").read_text())
    layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
    assert list(result["rows"]["real_floor"]) == [f"skvd[vgg16-{layer}]" for layer in layers]
    assert result["provenance"]["extractors"]["vgg16"]["dimension"] is None
