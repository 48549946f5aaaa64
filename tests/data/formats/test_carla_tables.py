from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.formats.carla_tables import Pixels, decide, mask_pixels
from refine.errors import InputError

ROOT = Path("data")


def stored(path: Path, pixels: object) -> Path:
    Image.fromarray(np.array(pixels, np.uint8)).save(path)
    return path


def ids(*values: int) -> Pixels:
    return Pixels(ids=np.array([values], np.uint8))


def colors(*values: tuple[int, int, int]) -> Pixels:
    return Pixels(colors=np.array([values], np.uint8))


def test_one_channel_and_red_alone_are_ids(tmp_path: Path) -> None:
    for pixels in ([[4, 22]], [[[4, 0, 0], [22, 0, 0]]], [[[4, 0, 0, 255], [22, 0, 0, 255]]]):
        read = mask_pixels(stored(tmp_path / "a.png", pixels))
        assert read.colors is None
        assert read.ids is not None
        assert read.ids.tolist() == [[4, 22]]


@pytest.mark.parametrize("pixels", [[[[70, 70, 70], [0, 0, 0]]], [[[255, 0, 0], [0, 0, 0]]]])
def test_other_channels_or_pure_red_are_colors(tmp_path: Path, pixels: list[list[list[int]]]) -> None:
    read = mask_pixels(stored(tmp_path / "a.png", pixels))
    assert read.ids is None
    assert read.colors is not None
    assert read.colors.tolist() == pixels


def test_an_instance_mask_has_ids_in_red_whatever_the_others_hold(tmp_path: Path) -> None:
    read = mask_pixels(stored(tmp_path / "a.png", [[[4, 17, 200]]]), instances=True)
    assert read.ids is not None
    assert read.ids.tolist() == [[4]]


@pytest.mark.parametrize(
    ("pixels", "table"),
    [
        (ids(28), "carla-cityscapes"),
        (colors((255, 0, 0)), "carla-cityscapes"),
        (colors((250, 170, 160)), "carla"),
        (colors((100, 40, 40)), "carla-0.9.13"),
    ],
)
def test_what_only_one_table_has_decides(pixels: Pixels, table: str) -> None:
    assert decide([(pixels, None)], ROOT).name == table


def test_several_masks_decide_together() -> None:
    only_old, only_later = (190, 153, 153), (81, 0, 81)
    assert decide([(colors(only_old), None), (colors(only_later), None)], ROOT).name == "carla-cityscapes"


def test_the_colored_copy_says_what_an_id_means_if_it_fits_its_mask(tmp_path: Path) -> None:
    copy = stored(tmp_path / "a.png", [[[128, 64, 128]]])
    assert decide([(ids(1), copy)], ROOT).name == "carla-cityscapes"
    with pytest.raises(InputError, match="fit more than one"):
        decide([(ids(1, 1), copy)], ROOT)


def test_without_a_decision_the_tables_that_fit_are_told_with_their_versions() -> None:
    with pytest.raises(InputError) as error:
        decide([(ids(7), None), (ids(20), None)], ROOT)
    assert str(error.value) == (
        "data: the ids 7 to 20 of the 2 masks that were looked at fit more than one of CARLA's tables: "
        "carla-0.9.13 (0.9.10 to 0.9.13), carla-cityscapes (since 0.9.14); say which version wrote them: the two lines "
        "`layout: carla` and `table: carla-0.9.13` (or another) in a file, given as --layout FILE.yaml"
    )


def test_a_mask_that_no_table_knows_decides_nothing() -> None:
    with pytest.raises(InputError, match=r"the ids 99 to 99 .*: carla .*carla-0\.9\.13 .*carla-cityscapes"):
        decide([(ids(99), None)], ROOT)
