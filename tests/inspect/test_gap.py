from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.inspect.differences import target_ranges
from refine.inspect.result import TargetRow
from tests.inspect.datasets import SIZE, class_folders, inspected, mask_folders, noise, save, table

Capture = pytest.CaptureFixture[str]


def test_a_planted_difference_of_where_a_class_lies_is_told_in_words(tmp_path: Path, capsys: Capture) -> None:
    here, real = mask_folders(tmp_path / "here", horizon=0.6), mask_folders(tmp_path / "real", start=50, horizon=0.2)
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["maps_of"] == "classes of mask"
    sky = next(text for text in gap["warnings"] if text.startswith("sky fills"))
    assert "of the middle third of the height here and 0 % in the real images" in sky
    assert any(text.startswith("road fills") for text in gap["warnings"])
    assert not any(text.startswith("car") for text in gap["warnings"])
    assert {each["name"]: each["differs"] for each in gap["maps"]} == {"sky": True, "road": True, "car": False}
    sky_map = next(each for each in gap["maps"] if each["name"] == "sky")
    assert np.array(sky_map["here"]).shape == (6, 6)
    assert np.mean(sky_map["here"]) == pytest.approx(sky_map["share_here"])
    assert np.array(sky_map["real"])[2:].max() == 0


def test_two_halves_of_one_set_give_no_warning(tmp_path: Path, capsys: Capture) -> None:
    here, real = mask_folders(tmp_path / "here", 20), mask_folders(tmp_path / "real", 20, start=50)
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["warnings"] == []
    assert gap["notes"] == []
    assert not any(each["differs"] for each in gap["maps"])


def test_a_mapping_makes_the_names_those_of_the_real_labels(tmp_path: Path, capsys: Capture) -> None:
    here, real = mask_folders(tmp_path / "here", horizon=0.6), mask_folders(tmp_path / "real", start=50, horizon=0.2)
    (here / "classes.txt").write_text("heaven\nstreet\nvehicle\n")
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["maps_of"] == "brightness and edges"
    assert gap["notes"] == [
        "The labels' names differ (only here: heaven, street, vehicle; only real: sky, road, car); --mapping brings "
        "the classes here to those of the real labels."
    ]
    mapping = tmp_path / "to.yaml"
    mapping.write_text("to: [sky, road, car]\nclasses: {heaven: sky, street: road, vehicle: car}\n")
    gap = inspected(capsys, here, "--real", real, "--mapping", mapping)["gap"]
    assert gap["maps_of"] == "classes of mask"
    assert any(text.startswith("sky fills") for text in gap["warnings"])


def unlabeled(root: Path, bright: slice, start: int = 0, count: int = 16, add: int = 0) -> Path:
    """Gray noise with a bright band in some rows, and all of it brighter by ``add``."""
    for number in range(count):
        pixels = noise(start + number) // 8 + add
        pixels[bright] += 120
        save(root / f"{number}.png", pixels)
    return root


def test_without_labels_bright_areas_in_another_place_are_told(tmp_path: Path, capsys: Capture) -> None:
    here, real = unlabeled(tmp_path / "here", slice(0, 12)), unlabeled(tmp_path / "real", slice(24, 36), start=50)
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["maps_of"] == "brightness and edges"
    assert [each["name"] for each in gap["maps"] if each["differs"]]
    bright = next(text for text in gap["warnings"] if text.startswith("bright areas fill"))
    assert bright in {
        "bright areas fill 100 % of the top third here and 0 % in the real images",
        "bright areas fill 0 % of the bottom third here and 100 % in the real images",
    }


def test_a_shift_of_color_alone_is_no_difference_of_layout(tmp_path: Path, capsys: Capture) -> None:
    here = unlabeled(tmp_path / "here", slice(0, 12))
    real = unlabeled(tmp_path / "real", slice(0, 12), start=50, add=90)
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["warnings"] == []
    assert gap["color_real"]["mean"][0] > gap["color_here"]["mean"][0] + 20
    (swd,) = gap["distances"]
    assert swd["name"] == "swd"
    assert swd["images"] == 8
    assert swd["value"] > 3 * swd["floor"]


def test_unbalanced_classes_are_told(tmp_path: Path, capsys: Capture) -> None:
    here = class_folders(tmp_path / "here", 40)
    real = tmp_path / "real"
    for number in range(40):
        save(real / ("a" if number < 2 else "b") / f"{number}.png", noise(100 + number))
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert "a is 50 % of the images here and 5.0 % of the real ones" in gap["warnings"]
    assert "b is 50 % of the images here and 95 % of the real ones" in gap["warnings"]


def test_classes_as_frequent_on_both_sides_are_not(tmp_path: Path, capsys: Capture) -> None:
    here, real = class_folders(tmp_path / "here", 20), class_folders(tmp_path / "real", 16, start=100)
    assert inspected(capsys, here, "--real", real)["gap"]["warnings"] == []


def test_one_image_of_a_rare_class_among_a_few_is_no_warning(tmp_path: Path, capsys: Capture) -> None:
    here, real = tmp_path / "here", tmp_path / "real"
    for number in range(150):
        save(here / ("rare" if number == 0 else "usual") / f"{number}.png", noise(number, (8, 8)))
    for number in range(4):
        save(real / ("rare" if number == 0 else "usual") / f"{number}.png", noise(500 + number, (8, 8)))
    assert inspected(capsys, here, "--real", real)["gap"]["warnings"] == []


def test_targets_of_another_range_are_told(tmp_path: Path, capsys: Capture) -> None:
    angles = np.linspace(-1, 1, 40)
    here = table(tmp_path / "here", [(angle / 5, angle) for angle in angles])
    real = table(tmp_path / "real", [(angle, angle + 2) for angle in angles], start=100)
    warnings = inspected(capsys, here, "--real", real)["gap"]["warnings"]
    assert warnings == [
        "pitch spans -0.2 to 0.2 here and -1 to 1 in the real data",
        "yaw averages 0 here and 2 in the real data",
    ]


def test_a_few_targets_of_one_distribution_are_hardly_ever_told() -> None:
    rng = np.random.default_rng(0)

    def drawn() -> TargetRow:
        values = rng.normal(size=3)
        figures = (values.min(), values.mean(), values.std(), values.max())
        return dict(zip(("name", "least", "mean", "deviation", "most"), ("yaw", *figures), strict=True))  # type: ignore[return-value]  # these are its fields

    assert sum(bool(target_ranges([drawn()], [drawn()], (3, 3))) for _ in range(500)) <= 2


def test_targets_that_are_constant_are_told_where_the_constants_differ() -> None:
    def constant(value: float) -> TargetRow:
        return {"name": "yaw", "least": value, "mean": value, "deviation": 0.0, "most": value}

    assert target_ranges([constant(1)], [constant(1)], (9, 9)) == []
    assert target_ranges([constant(1)], [constant(2)], (9, 9)) == ["yaw averages 1 here and 2 in the real data"]


def test_images_without_color_beside_colored_ones_are_told(tmp_path: Path, capsys: Capture) -> None:
    here, real = class_folders(tmp_path / "here"), tmp_path / "real"
    for number in range(12):
        save(real / f"{number}.png", noise(100 + number)[:, :, 0])
    notes = inspected(capsys, here, "--real", real)["gap"]["notes"]
    assert notes == ["The real images have no color, the others have."]


def test_few_images_are_told(tmp_path: Path, capsys: Capture) -> None:
    here, real = mask_folders(tmp_path / "here", 1), mask_folders(tmp_path / "real", start=50, horizon=0.2)
    gap = inspected(capsys, here, "--real", real)["gap"]
    assert gap["warnings"] == []
    assert gap["notes"][0].startswith("Only 1 image on one side")


def test_a_smaller_sample_is_a_part_of_the_images(tmp_path: Path, capsys: Capture) -> None:
    here, real = class_folders(tmp_path / "here"), class_folders(tmp_path / "real", 20, start=100)
    result = inspected(capsys, here, "--real", real, "--sample", "5")
    assert result["gap"]["images"] == [5, 5]
    assert result["gap"]["size"] == list(SIZE)
    assert result["dataset"]["images"] == 12
    again = inspected(capsys, here, "--real", real, "--sample", "5")
    assert again == result


def test_sides_of_other_sizes_are_compared_at_the_real_ones(tmp_path: Path, capsys: Capture) -> None:
    here, real = class_folders(tmp_path / "here"), tmp_path / "real"
    for number in range(6):
        Image.fromarray(noise(100 + number)).resize((600, 300)).save(tmp_path / f"{number}.png")
        real.mkdir(exist_ok=True)
        (tmp_path / f"{number}.png").rename(real / f"{number}.png")
    assert inspected(capsys, here, "--real", real)["gap"]["size"] == [256, 512]


def test_a_side_without_a_readable_image_has_no_gap(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/broken.png").write_bytes(b"nothing")
    result = inspected(capsys, class_folders(tmp_path / "here"), "--real", tmp_path / "real")
    assert result["gap"] is None
    assert result["code"] == 1
