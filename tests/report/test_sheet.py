import numpy as np
from PIL import Image

from refine.report.sheet import GAP, MARGIN, sheet


def test_rows_stand_under_each_other_beside_their_names() -> None:
    red, blue = (Image.new("RGB", (20, 10), color) for color in ("red", "blue"))
    pixels = np.asarray(sheet([("a", [red, red]), ("b", [blue, blue])]))
    assert pixels.shape == (3 * GAP + 2 * 10, MARGIN + 2 * (20 + GAP), 3)
    assert tuple(pixels[GAP, MARGIN]) == (255, 0, 0)
    assert tuple(pixels[2 * GAP + 10, MARGIN + 20 + GAP]) == (0, 0, 255)
    assert (pixels[:, :MARGIN] != 255).any()  # the names


def test_a_title_is_never_cut_off() -> None:
    title = "step 800: distance to real 171 (doing nothing 1239)"
    pixels = np.asarray(sheet([("a", [Image.new("RGB", (4, 4), "red")])], title))
    assert pixels.shape[1] > MARGIN + 4 + GAP
    assert (pixels[:, -GAP:] == 255).all()
    assert (pixels[: 3 * GAP, -3 * GAP : -GAP] != 255).any()  # the last letters


def test_a_name_is_never_covered() -> None:
    red = Image.new("RGB", (20, 10), "red")
    pixels = np.asarray(sheet([("histogram-matching", [red]), ("b", [red])]))
    reds = (pixels == (255, 0, 0)).all(2).any(0).nonzero()[0]
    assert reds[0] > MARGIN
    assert (pixels[:, reds[0] - GAP : reds[0]] == 255).all()
