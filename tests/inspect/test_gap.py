from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refine.inspect.gap import LayoutDifference, class_balance, differences, target_ranges
from refine.inspect.regions import Shares
from refine.inspect.result import TargetRow
from refine.inspect.statistics import Facts, Tally, target_row
from refine.inspect.text import advice
from refine.labels import LabelSpace
from refine.labels.base import CountedLabel
from tests.inspect.datasets import SIZE, class_folders, inspected, mask_folders, meters, noise, save, table

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


def test_things_before_a_plain_background_are_called_smaller(tmp_path: Path, capsys: Capture) -> None:
    for name, (low, high) in {"here": (12, 21), "real": (3, 30)}.items():
        for number in range(16):
            pixels = np.full((36, 36, 3), 245, dtype=np.uint8)
            pixels[low:high, low:high] = 60 + number
            save(tmp_path / name / f"{number}.png", pixels)
    found = inspected(capsys, tmp_path / "here", "--real", tmp_path / "real")["gap"]
    (things,) = found["maps"]
    assert (things["name"], things["differs"]) == (found["maps_of"], True)
    assert (things["share_here"], things["share_real"]) == (pytest.approx(0.0625), pytest.approx(0.5625))
    assert "Against the real images here are smaller: things before a plain background." in advice(
        found, "here", "real"
    )


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


def test_cyclic_targets_of_another_range_are_told_by_their_value(tmp_path: Path, capsys: Capture) -> None:
    here = meters(tmp_path / "here", np.linspace(9, 11, 40) % 10)
    real = meters(tmp_path / "real", np.linspace(0, 9.9, 40), start=100)
    layouts = ("--layout", str(tmp_path / "here.yaml"), "--real-layout", str(tmp_path / "real.yaml"))
    gap = inspected(capsys, here, "--real", real, *layouts)["gap"]
    told = "value mod 10 is most often 9 to 10 (50 %) here and 0 to 1 (10 %) in the real data"
    assert (gap["warnings"], gap["notes"]) == ([told], [])


@pytest.mark.parametrize("readings", [np.linspace(0, 9.9, 40), np.linspace(9, 11, 40) % 10])
def test_cyclic_targets_of_one_distribution_are_not_told(readings: NDArray[np.float64]) -> None:
    here, real = (target_row("value mod 10", (readings + shift) % 10, 10.0) for shift in (0.0, 0.04))
    assert target_ranges([here], [real], (40, 40)) == []


def test_a_few_targets_of_one_distribution_are_hardly_ever_told() -> None:
    rng = np.random.default_rng(0)

    def drawn() -> TargetRow:
        return target_row("yaw", rng.normal(size=3))

    assert sum(bool(target_ranges([drawn()], [drawn()], (3, 3))) for _ in range(500)) <= 2


def test_targets_that_are_constant_are_told_where_the_constants_differ() -> None:
    def constant(value: float) -> TargetRow:
        return target_row("yaw", np.full(9, value))

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


def shares(rows: slice, columns: slice, value: float, images: int = 12, names: Sequence[str] = ("car",)) -> Shares:
    """Images in which each thing fills a share of some cells of the grid."""
    found = Shares(names)
    for _ in range(images):
        cells = np.zeros((len(names), 6, 6))
        cells[:, rows, columns] = value
        found.add(cells)
    return found


WHOLE = slice(None)

NOTHING = shares(WHOLE, WHOLE, 0)


@pytest.mark.parametrize(
    ("rows", "columns", "region", "share"),
    [
        (WHOLE, WHOLE, "the image", 0.5),
        (slice(0, 2), WHOLE, "the top third", 0.5),
        (slice(0, 2), slice(0, 4), "the top third", 1 / 3),  # though its own left fills more
        (WHOLE, slice(4, 6), "the right third", 0.5),
        (slice(4, 5), slice(0, 2), "the bottom left", 0.25),  # fills a twelfth of its bands: too little of them
    ],
)
def test_the_region_that_differs_most_is_named_bands_before_ninths(
    rows: slice, columns: slice, region: str, share: float
) -> None:
    value = 0.2 if region == "the bottom left" else 0.5
    (found,) = differences(shares(rows, columns, value), NOTHING)
    assert (found.name, found.region, found.real) == ("car", region, 0)
    assert found.here == pytest.approx(value * share / 0.5)


def test_a_small_difference_counts_only_where_one_side_has_three_times_as_much() -> None:
    assert differences(shares(WHOLE, WHOLE, 0.06), shares(WHOLE, WHOLE, 0.01))
    assert not differences(shares(WHOLE, WHOLE, 0.16), shares(WHOLE, WHOLE, 0.08))
    assert not differences(shares(WHOLE, WHOLE, 0.03), NOTHING)


def test_the_largest_difference_comes_first_and_one_image_tells_nothing() -> None:
    here, real = Shares(("little", "much")), shares(WHOLE, WHOLE, 0, names=("little", "much"))
    for _ in range(12):
        here.add(np.stack([np.full((6, 6), 0.2), np.full((6, 6), 0.7)]))
    assert [each.name for each in differences(here, real)] == ["much", "little"]
    assert differences(shares(WHOLE, WHOLE, 1, images=1), NOTHING) == []
    assert differences(Shares(("car",)), NOTHING) == []


def test_a_difference_that_a_random_split_shows_as_well_is_chance() -> None:
    here, real = shares(WHOLE, WHOLE, 0, images=10), shares(WHOLE, WHOLE, 0, images=10)
    for _ in range(3):
        here.add(np.ones((1, 6, 6)))  # 3 of 13 images: 23 % of all pixels
    assert differences(here, real) == []


@pytest.mark.parametrize(("name", "verb"), [("car", "fills"), ("edges", "fill")])
def test_a_difference_is_a_sentence(name: str, verb: str) -> None:
    text = LayoutDifference(name, "the top third", 0.5, 0.031).text()
    assert text == f"{name} {verb} 50 % of the top third here and 3.1 % in the real images"


def tally(names: Sequence[str], *counts: int) -> Tally:
    found = Tally(LabelSpace("class", tuple(names)))
    for index, count in enumerate(counts):
        for _ in range(count):
            found.add(Facts(("class_id",), CountedLabel(np.bincount([index], minlength=len(names) + 1))))
    return found


def test_class_balance_finds_classes_by_name_whatever_their_order_and_case() -> None:
    here, real = tally(("Cat", "dog"), 90, 10), tally(("dog", "cat"), 50, 50)
    assert class_balance(here, real, ["Cat"]) == ["Cat is 90 % of the images here and 50 % of the real ones"]
    assert class_balance(here, tally(("dog", "cat"), 10, 90), ["Cat", "dog"]) == []
    assert class_balance(tally(("Cat", "dog"), 3, 0), tally(("cat", "dog"), 1, 2), ["Cat", "dog"]) == []  # too few
    slight = tally(("Cat", "dog"), 2700, 2300), tally(("cat", "dog"), 2300, 2700)
    assert class_balance(*slight, ["Cat", "dog"]) == []  # certain, and not worth a word
    with np.errstate(all="raise"):
        assert class_balance(tally(("Cat",)), tally(("cat",)), ["Cat"]) == []  # no images


def row(mean: float, deviation: float, name: str = "yaw") -> TargetRow:
    figures = {"mean": mean, "deviation": deviation, "least": mean - 2 * deviation, "most": mean + 2 * deviation}
    return {**target_row(name, np.zeros(1)), **figures}  # type: ignore[typeddict-item]  # some of its fields


def test_targets_are_told_by_their_mean_first_then_by_their_range() -> None:
    told = target_ranges([row(1, 0.5)], [row(0, 0.5, "YAW")], (50, 50))
    assert told == ["yaw averages 1 here and 0 in the real data"]
    told = target_ranges([row(0, 0.1)], [row(0, 0.5)], (30, 30))
    assert told == ["yaw spans -0.2 to 0.2 here and -1 to 1 in the real data"]


@pytest.mark.parametrize(
    ("here", "real", "counts"),
    [
        (row(1, 0.5), row(0, 0.5, "pitch"), (50, 50)),  # another number
        (row(1, 0.0), row(0, 0.0), (50, 1)),
        (row(0.2, 0.5), row(0, 0.5), (5000, 5000)),  # certain, and not worth a word
        (row(1, 0.5), row(0, 0.5), (3, 3)),  # chance
        (row(0, 0.1), row(0, 0.5), (29, 50)),
        (row(0, 0.3), row(0, 0.5), (50, 50)),
    ],
)
def test_targets_that_differ_little_or_by_chance_are_not_told(
    here: TargetRow, real: TargetRow, counts: tuple[int, int]
) -> None:
    assert target_ranges([here], [real], counts) == []
