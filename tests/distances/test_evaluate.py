import importlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.cli import main
from refine.data.images import is_image_name
from refine.data.open_layout import open_layout
from refine.distances.evaluate import evaluate
from refine.errors import InputError
from tests.data.layouts.examples.camvid import write_camvid
from tests.data.layouts.examples.carla import write_carla_named
from tests.data.layouts.examples.gta5 import write_gta5
from tests.data.layouts.examples.image_masks import write_image_masks, write_mask_folders
from tests.data.layouts.examples.synthia import write_synthia
from tests.data.layouts.examples.webdataset import make_shard, picture


class Moments:
    """Mean and deviation of each image."""

    name, sha256, resize, input_range = "moments", "abc", "none", "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        return torch.stack([images.mean(dim=(1, 2, 3)), images.std(dim=(1, 2, 3))], dim=1)


class Identity:
    """One direction for each brightness: two different images are orthogonal."""

    name, sha256, resize, input_range = "identity", None, "none", "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        levels = ((images.mean(dim=(1, 2, 3)) + 1) * 127.5).round().long()
        return torch.nn.functional.one_hot(levels, 256).float() * 16


Maker = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Maker:
    def make(name: str, count: int = 10, brightness: int = 128, suffix: str = ".png", gray: bool = False) -> Path:
        generator = np.random.default_rng(brightness)
        (tmp_path / name / "sub").mkdir(parents=True)
        for number in range(count):
            noise = generator.integers(-40, 40, (32, 24, 3)) + brightness
            image = Image.fromarray(noise.astype(np.uint8))
            (image.convert("L") if gray else image).save(tmp_path / name / "sub" / f"{number}{suffix}")
        return tmp_path / name

    return make


@pytest.fixture
def three(folder: Maker) -> tuple[Path, Path, Path]:
    """Synthetic, refined and real folders, each nearer to the last one."""
    return folder("s", 14, 60), folder("r", 13, 110), folder("t", 16, 128)


def test_every_row_has_every_metric_with_its_numbers_and_at_the_number_of_the_floor(folder: Maker) -> None:
    synthetic, refined, real = folder("s", 12, 60), folder("r", 9, 110), folder("t", 11, 128)
    rows = evaluate(synthetic, refined, real, extractors=[Moments()])["rows"]
    assert list(rows) == ["synthetic", "refined", "real_floor"]
    for name, n in {"synthetic": [12, 11], "refined": [9, 11], "real_floor": [5, 5]}.items():
        assert list(rows[name]) == ["swd", "fid[moments]", "kid[moments]"]
        for score in rows[name].values():
            assert score["n"] == n
            assert score["at_floor_n"]["n"] == [5, 5]
    assert list(rows["refined"]["swd"]["levels"]) == ["32x24"]
    for metric in rows["refined"]:
        values = [rows[name][metric]["value"] for name in ("synthetic", "refined", "real_floor")]
        assert values == sorted(values, reverse=True)
    few = evaluate(folder("few", 3), refined, real, extractors=[Moments()])["rows"]  # as many as the smallest side
    assert [score["at_floor_n"]["n"] for row in few.values() for score in row.values()] == [[3, 3]] * 9


def test_the_floor_is_that_of_disjoint_halves(tmp_path: Path) -> None:
    for name in ("real", "other"):
        (tmp_path / name).mkdir()
        for number in range(12):
            Image.new("L", (16, 16), 20 * number + (name == "other")).save(tmp_path / name / f"{number:02}.png")
    rows = evaluate(tmp_path / "other", tmp_path / "real", tmp_path / "real", metrics=["kid"], extractors=[Identity()])[
        "rows"
    ]
    # Orthogonal images: an image on both sides would pull the distance below zero, as it does for the whole set.
    assert rows["real_floor"]["kid[identity]"]["value"] == pytest.approx(0, abs=1e-9)
    assert rows["refined"]["kid[identity]"]["value"] < -0.1
    assert rows["refined"]["kid[identity]"]["at_floor_n"]["value"] == pytest.approx(0, abs=1e-9)


def test_refined_images_that_are_the_real_ones_reach_the_floor(folder: Maker) -> None:
    real = folder("t", 11, 128)
    rows = evaluate(folder("s", 12, 60), real, real, extractors=[Moments()])["rows"]
    for metric in ("swd", "fid[moments]"):
        assert rows["refined"][metric]["value"] == pytest.approx(0, abs=1e-6)
    for metric, floor in rows["real_floor"].items():
        assert rows["refined"][metric]["at_floor_n"]["value"] == floor["value"] != 0


def test_equal_seeds_give_equal_numbers_and_others_draw_other_halves(three: tuple[Path, Path, Path]) -> None:
    first = evaluate(*three, seed=3)
    torch.manual_seed(1)
    assert evaluate(*three, seed=3) == first
    assert evaluate(*three, seed=4)["rows"]["real_floor"] != first["rows"]["real_floor"]


def test_the_record_says_what_was_measured_on_what(folder: Maker, tmp_path: Path) -> None:
    synthetic, refined, real = folder("s", 4), folder("r", 4, suffix=".jpg"), folder("t", 5)
    output = tmp_path / "out" / "metrics.json"
    result = evaluate(synthetic, refined, real, extractors=[Moments()], output=output, seed=7)
    record: dict[str, Any] = result["provenance"]
    assert json.loads(output.read_text()) == result
    assert record["folders"]["refined"] == {
        "path": str(refined),
        "layout": "images",
        "images": 4,
        "formats": {"jpeg": 4},
    }
    assert record["folders"]["real"]["formats"] == {"png": 5}
    assert record["size"] == [32, 24]
    assert record["extractors"] == {
        "moments": {"sha256": "abc", "dimension": 2, "resize": "none", "input_range": "-1 to 1"}
    }
    assert record["floor"]["n"] == 2
    assert record["seed"] == 7
    assert {"torch", "torchvision", "torch-fidelity", "scipy"} <= set(record["versions"])
    assert "patches_per_image" in record["swd"]


@pytest.mark.parametrize(("gray", "channels"), [((True, True, True), 1), ((True, False, True), 3)])
def test_images_are_compared_in_color_if_any_side_has_it(
    folder: Maker, gray: tuple[bool, bool, bool], channels: int
) -> None:
    seen = []

    class Spy(Moments):
        def __call__(self, images: Tensor) -> Tensor:
            seen.append(tuple(images.shape[1:]))
            return super().__call__(images)

    folders = [folder(name, 4, gray=is_gray) for name, is_gray in zip("srt", gray, strict=True)]
    result = evaluate(*folders, extractors=[Spy()], size=(20, 30))
    assert set(seen) == {(channels, 20, 30)}
    assert result["provenance"]["channels"] == channels


def test_bad_input_is_refused_before_anything_is_read(folder: Maker, tmp_path: Path) -> None:
    good, few, single = folder("good", 4), folder("few", 3), folder("single", 1)
    (tmp_path / "empty").mkdir()
    for arguments, message in [
        ((good, good, few), "few: found 3 images, a distance needs at least 4"),
        ((good, single, good), "single: found 1 images, a distance needs at least 2"),
        ((tmp_path / "empty", good, good), "empty: no image in this folder"),
        ((good, good, tmp_path / "none"), "none: expected a folder of images, found nothing"),
    ]:
        with pytest.raises(InputError, match=message):
            evaluate(*arguments)
    for options, message in [
        ({"size": (6, 40)}, "6x40 are too small for swd; give --size HxW"),
        ({"metrics": []}, "nothing to measure"),
        ({"output": tmp_path}, "is a folder; name the JSON file"),
        ({"layouts": ("mask-folders", "auto")}, "masks"),
        ({"layouts": ("auto", "mask-folders")}, "masks"),
        ({"layouts": ("images", "auto"), "images": "**/*.png"}, "one of them"),
    ]:
        with pytest.raises(InputError, match=message):
            evaluate(good, good, good, **options)  # type: ignore[arg-type]  # arguments of several types


def test_a_glob_says_which_images_of_the_synthetic_and_refined_folders_are_meant(folder: Maker) -> None:
    synthetic, refined, real = folder("s", 4), folder("r", 4), folder("t", 5)
    for root in (synthetic, refined):
        (root / "masks").mkdir()
        for number in range(3):
            Image.new("L", (24, 32), number).save(root / "masks" / f"{number}.png")
    with pytest.raises(InputError, match=r"masks/0\.png looks like the label of sub/"):
        evaluate(synthetic, refined, real)
    whole = evaluate(synthetic, refined, real, layouts=("images", "auto"))["rows"]
    meant = evaluate(synthetic, refined, real, images="sub/*.png")["rows"]
    assert whole["refined"]["swd"]["n"] == whole["synthetic"]["swd"]["n"] == [7, 5]
    assert meant["refined"]["swd"]["n"] == meant["synthetic"]["swd"]["n"] == [4, 5]
    real_moved = real.rename(real.with_name("elsewhere"))
    (real_moved / "sub").rename(real_moved / "camera")
    assert evaluate(synthetic, refined, real_moved, images="sub/*.png")["rows"] == meant


@pytest.mark.parametrize("write", [write_carla_named, write_mask_folders, write_image_masks, write_gta5, write_synthia])
def test_labels_of_a_layout_that_the_files_give_away_are_no_pictures(
    write: Callable[[Path], Path], folder: Maker, tmp_path: Path
) -> None:
    synthetic, real = write(tmp_path / "here"), folder("t", 5)
    pictures = open_layout("auto", synthetic).records()
    result = evaluate(synthetic, shutil.copytree(synthetic, tmp_path / "refined"), real, size=(32, 24))
    everything = [path for path in synthetic.rglob("*") if is_image_name(path)]
    for side in ("synthetic", "refined"):
        assert result["rows"][side]["swd"]["n"] == [len(pictures), 5]
        record: Any = result["provenance"]["folders"]
        assert record[side]["images"] == len(pictures) < len(everything)
        assert record[side]["layout"] == open_layout("auto", synthetic).name


def test_the_real_side_has_a_layout_of_its_own(folder: Maker, tmp_path: Path) -> None:
    real = write_camvid(tmp_path / "real")
    result = evaluate(folder("s", 4), folder("r", 4), real)
    assert result["rows"]["refined"]["swd"]["n"] == [4, 4]
    assert result["provenance"]["real_layout"] == "auto"
    folders: Any = result["provenance"]["folders"]
    assert (folders["real"]["layout"], folders["synthetic"]["layout"]) == ("camvid", "images")
    whole = evaluate(tmp_path / "s", tmp_path / "r", real, layouts=("auto", "images"))
    assert whole["rows"]["refined"]["swd"]["n"] == [4, 8]  # somebody said that masks are pictures


def test_images_in_shards_are_measured_like_files(folder: Maker, tmp_path: Path) -> None:
    files = folder("s", 6)
    shards = tmp_path / "shards"
    members = {f"{n}.png": (files / "sub" / f"{n}.png").read_bytes() for n in range(6)}
    make_shard(shards / "a.tar", members)
    make_shard(tmp_path / "lossy" / "a.tar", {f"{n}.JPG": picture(n, "jpeg") for n in range(4)})
    sides = tmp_path / "lossy", folder("t", 5)
    result = evaluate(shards, *sides)
    assert result["rows"]["synthetic"] == evaluate(files, *sides)["rows"]["synthetic"]
    record: Any = result["provenance"]["folders"]
    assert (record["synthetic"]["formats"], record["refined"]["formats"]) == ({"png": 6}, {"jpeg": 4})


def test_halves_stay_disjoint_where_patches_of_few_images_are_kept(
    folder: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("refine.distances.folders"), "MOST_DESCRIBED", 6)
    rows = evaluate(folder("s", 12), folder("r", 12), folder("t", 12), extractors=[Moments()])["rows"]
    assert rows["refined"]["swd"]["n"] == [6, 6]
    assert rows["real_floor"]["swd"]["n"] == [3, 3]
    assert rows["real_floor"]["swd"]["value"] > 0
    assert rows["real_floor"]["kid[moments]"]["n"] == [6, 6]


def test_an_output_that_cannot_be_written_is_found_before_the_work(folder: Maker, tmp_path: Path) -> None:
    class Never(Moments):
        def __call__(self, images: Tensor) -> Tensor:
            raise AssertionError("the work has started")

    sides = folder("s"), folder("r"), folder("t")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: cannot be made"):
        evaluate(*sides, extractors=[Never()], output=tmp_path / "file" / "metrics.json")
    with pytest.raises(InputError, match=r"m\.json: lies in the refined folder"):
        evaluate(*sides, extractors=[Never()], output=sides[1] / "sub" / "m.json")


SHARES = ["precision", "recall", "density", "coverage"]


def test_metrics_are_those_that_were_chosen_each_at_the_number_of_the_floor(three: tuple[Path, Path, Path]) -> None:
    found = evaluate(*three, metrics=[*SHARES, "fid"], extractors=[Moments()], neighbors=2)
    for row in found["rows"].values():
        assert list(row) == [f"{metric}[moments]" for metric in ("fid", *SHARES)]
        for name, score in row.items():
            assert score.get("higher_is_nearer", False) == (not name.startswith("fid"))
            assert score["at_floor_n"]["n"] == [8, 8]
    assert found["rows"]["refined"]["coverage[moments]"]["value"] == 0  # too dark by far
    assert found["rows"]["real_floor"]["coverage[moments]"]["value"] > 0.5
    record: Any = found["provenance"]
    assert record["metrics"] == ["fid", *SHARES]
    assert record["neighbors"] == dict.fromkeys(SHARES, 2)
    again = evaluate(*three, metrics=SHARES, extractors=[Moments()])
    record = again["provenance"]
    assert record["neighbors"] == {"precision": 3, "recall": 3, "density": 5, "coverage": 5}
    density = "density[moments]"
    assert again["rows"]["real_floor"][density]["value"] != found["rows"]["real_floor"][density]["value"]


def test_metrics_that_cannot_be_measured_are_refused_before_anything_is_read(folder: Maker) -> None:
    sides, networks = (folder("s", 9), folder("r", 9), folder("t", 9)), [Moments()]
    for arguments, message in [
        ({"metrics": ["is"]}, "--metrics is: no such metric; choose from swd, fid"),
        ({"metrics": ["kid"]}, "--metrics kid: is measured on a network's features; give --features"),
        ({"metrics": ["swd"], "extractors": networks}, "--features: a network is given, but no metric"),
        ({"metrics": ["kid"], "extractors": networks, "infinite": True}, "--infinite: extrapolates FID"),
        ({"extractors": networks, "infinite": True}, "--infinite: needs 8 images .* found 4"),
        ({"metrics": ["recall"], "extractors": networks, "neighbors": 4}, "4 neighbors need 5 images .* found 4"),
    ]:
        with pytest.raises(InputError, match=message):
            evaluate(*sides, **arguments)  # type: ignore[arg-type]  # arguments of several types


def test_fid_alone_keeps_no_features_and_is_the_same(
    three: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = evaluate(*three, metrics=["fid", "kid"], extractors=[Moments()])["rows"]
    kept: list[bool] = []
    module = importlib.import_module("refine.distances.evaluate")
    folder_features = module.folder_features

    def spy(*args: Any, **kwargs: Any) -> Any:
        kept.append(kwargs["keep"])
        return folder_features(*args, **kwargs)

    monkeypatch.setattr(module, "folder_features", spy)
    alone = evaluate(*three, metrics=["fid"], extractors=[Moments()])["rows"]
    assert kept == [False] * 3
    for name, row in alone.items():
        assert row == {"fid[moments]": both[name]["fid[moments]"]}


def test_only_kid_between_distinct_sets_has_an_interval_and_what_refining_changed_one_too(folder: Maker) -> None:
    synthetic, refined, real = folder("s", 14, 60), folder("r", 14, 110), folder("t", 16, 128)
    rows = evaluate(synthetic, refined, real, extractors=[Moments()])["rows"]
    for name in ("synthetic", "refined"):
        score = rows[name]["kid[moments]"]
        for each in (score, score["at_floor_n"]):
            low, high = each["interval"]
            assert low < each["value"] < high
        assert "interval" not in rows[name]["fid[moments]"]
        assert "between_groups" not in score
    assert "interval" not in rows["real_floor"]["kid[moments]"]
    assert all("change" not in score for row in ("synthetic", "real_floor") for score in rows[row].values())
    for name, score in rows["refined"].items():
        assert score["change"]["value"] == score["value"] - rows["synthetic"][name]["value"] < 0
        assert ("interval" in score["change"]) == (name == "kid[moments]")
    low, high = rows["refined"]["kid[moments]"]["change"]["interval"]
    assert low < rows["refined"]["kid[moments]"]["change"]["value"] < high < 0
    itself = evaluate(synthetic, real, real, extractors=[Moments()])["rows"]["refined"]["kid[moments]"]
    assert "interval" not in itself
    assert "interval" not in itself["change"]


def test_changes_are_paired_where_the_images_have_the_same_keys(folder: Maker) -> None:
    synthetic, real = folder("s", 14, 60), folder("t", 16, 128)
    refined = shutil.copytree(synthetic, synthetic.with_name("r"))
    name = "kid[moments]"
    change = evaluate(synthetic, refined, real, extractors=[Moments()])["rows"]["refined"][name]["change"]
    assert change == {"value": 0.0, "interval": [0.0, 0.0], "paired": True}
    (refined / "sub" / "9.png").rename(refined / "sub" / "9x.png")  # the same pictures in the same order
    change = evaluate(synthetic, refined, real, extractors=[Moments()])["rows"]["refined"][name]["change"]
    assert change["paired"] is False
    assert change["interval"][0] < 0 < change["interval"][1]


def test_images_of_a_group_are_drawn_together(folder: Maker, tmp_path: Path) -> None:
    folders = folder("s", 20, 60), folder("r", 20, 110), folder("t", 24, 128)
    for root in folders:
        for number in range(10, len(list(root.rglob("*.png")))):  # ten pictures, each two times or three
            shutil.copy(root / "sub" / f"{number % 10}.png", root / "sub" / f"{number}.png")
    score = evaluate(*folders, extractors=[Moments()])["rows"]["refined"]["kid[moments]"]
    result = evaluate(*folders, extractors=[Moments()], groups=r"(\d)\.png$")
    grouped = result["rows"]["refined"]["kid[moments]"]
    assert grouped["value"] == score["value"]
    assert grouped["between_groups"] != grouped["value"]
    widths = [each["interval"][1] - each["interval"][0] for each in (score, grouped)]
    assert widths[1] > 1.2 * widths[0]
    assert not any("groups" in warning for warning in result["warnings"])
    (tmp_path / "groups.csv").write_text("key,group\n" + "".join(f"sub/{n}.png,{n % 3}\n" for n in range(24)))
    result = evaluate(*folders, extractors=[Moments()], groups=str(tmp_path / "groups.csv"))
    assert any("few groups (synthetic 3, refined 3, real 3)" in warning for warning in result["warnings"])
    with pytest.raises(InputError, match="does not match"):
        evaluate(*folders, groups="nothing")


def test_fid_is_extrapolated_on_request(folder: Maker) -> None:
    folders = folder("s", 20, 60), folder("r", 20, 110), folder("t", 24, 128)
    rows = evaluate(*folders, metrics=["fid"], extractors=[Moments()], infinite=True)["rows"]
    for name, n in {"synthetic": [20, 24], "refined": [20, 24], "real_floor": [12, 12]}.items():
        score = rows[name]["fid[moments]"]
        assert score["infinite"]["sizes"][-1] == score["n"] == n
        assert score["infinite"]["values"][-1] == pytest.approx(score["value"], rel=1e-6)
    assert "infinite" not in rows["refined"]["fid[moments]"]["at_floor_n"]


def test_warnings_tell_of_other_formats_and_of_few_images(folder: Maker) -> None:
    folders = folder("s", 9, 60), folder("r", 9, 110, suffix=".jpg"), folder("t", 9, 128)
    formats, fid, kid = evaluate(*folders, extractors=[Moments()])["warnings"]
    assert "synthetic 9 png, refined 9 jpeg, real 9 png" in formats
    assert fid.startswith("fid[moments]: 4 images on the smallest side, fewer than 2048")
    assert kid.startswith("kid[moments]: 4 images")
    assert evaluate(folders[0], folders[0], folders[2])["warnings"] == []


def test_the_command_measures_what_its_flags_say_and_prints_it(
    folder: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [folder("s", 20, 60), folder("r", 20, 110, suffix=".jpg"), folder("t", 24, 128)]
    module = tmp_path / "my_features_of_evaluate.py"
    module.write_text(
        "import torch\n\n\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, images):\n"
        "        return torch.stack([images.mean(dim=(1, 2, 3)), images.std(dim=(1, 2, 3))], dim=1)\n"
    )
    command = ["evaluate", "--synthetic", str(sides[0]), "--refined", str(sides[1]), "--real", str(sides[2])]
    output = tmp_path / "m.json"
    sys.path.insert(0, str(tmp_path))
    try:
        features = ["--features", "my_features_of_evaluate.Net", "--trust", "my_features_of_evaluate"]
        flags = ["--metrics", "fid", "kid", "recall", "--neighbors", "2", "--infinite", "--groups", r"\d+"]
        assert main([*command, *features, *flags, "--output", str(output)]) == 0
    finally:
        sys.path.remove(str(tmp_path))
    printed, result = capsys.readouterr().out, json.loads(output.read_text())
    names = [name.partition("[")[0] for name in result["rows"]["refined"]]
    assert names == ["fid", "kid", "recall"]
    assert result["provenance"]["interval"]["groups"] == r"\d+"
    assert result["provenance"]["neighbors"] == {"recall": 2}
    for part in ("at infinite N:", "95 %:", "Refining changed kid", "file formats differ", "20 jpeg"):
        assert part in " ".join(printed.split())
    assert main([*command, "--metrics", "kid"]) == 2
    assert "give --features NAME" in capsys.readouterr().err
