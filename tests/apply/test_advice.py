from pathlib import Path

import pytest

from refine.apply.advice import image_glob
from refine.data.label_guard import Pair


@pytest.mark.parametrize(
    ("image", "label", "expected"),
    [
        ("rgb/0.png", "mask/0.png", "rgb/**/*.png"),
        ("train/rgb/0.png", "train/mask/0.png", "**/rgb/**/*.png"),
        ("x/rgb/0.png", "y/rgb/0.png", "x/**/*.png"),
        ("0.png", "labels/0.png", "*.png"),
        ("0.jpg", "0.png", "*.jpg"),
        ("all/0_rgb.png", "all/0_mask.png", "all/**/*_rgb.png"),
        ("rgb_0.png", "depth_0.png", "rgb_*.png"),
        ("0.png", "0_mask.png", "*[0-9].png"),
        ("a[1]/0.png", "b/0.png", "a[[]1]/**/*.png"),
        ("cat.png", "cat_mask.png", None),
        ("two\nlines/0.png", "b/0.png", None),
    ],
)
def test_the_widest_glob_that_spares_the_label(tmp_path: Path, image: str, label: str, expected: str | None) -> None:
    assert image_glob(tmp_path, Pair(label, image), [image, label], {label}) == expected


def test_other_labels_are_spared_too(tmp_path: Path) -> None:
    keys = ["train/rgb/0.png", "train/rgb/sem/0.png", "mask/0.png"]
    assert image_glob(tmp_path, Pair(keys[2], keys[0]), keys, {*keys[1:]}) is None
