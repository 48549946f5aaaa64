import base64
from io import BytesIO

import numpy as np
from PIL import Image

from refine.report.kit.pictures import GAP, MARGIN, data_uri, evenly, fit_within, keys_across_folders, sheet


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


def test_tiny_images_are_enlarged_by_a_whole_factor_with_square_pixels() -> None:
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    large = np.asarray(fit_within(image, 7))
    assert large.shape == (6, 6)
    assert np.array_equal(large, np.kron([[0, 255], [255, 0]], np.ones((3, 3))))


def test_large_images_are_reduced_and_keep_their_shape() -> None:
    assert fit_within(Image.new("RGB", (1000, 500)), 100).size == (100, 50)
    assert fit_within(Image.new("RGB", (20_000, 2)), 100).size == (100, 1)


def test_a_tiny_image_comes_through_a_data_uri_exactly() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    kind, _, data = data_uri(image).partition(",")
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(data))))
    assert kind == "data:image/png;base64"
    assert np.array_equal(shown[::2, ::2], np.asarray(image))


def test_a_photograph_is_reduced() -> None:
    data = data_uri(Image.new("RGB", (2000, 1000))).partition(",")[2]
    assert Image.open(BytesIO(base64.b64decode(data))).size == (480, 240)


def keys(**folders: int) -> list[str]:
    return [f"{name}/{index:03d}.png" for name, count in folders.items() for index in range(count)]


def test_evenly_leaves_equal_distances() -> None:
    assert evenly(range(100), 4) == [12, 37, 62, 87]
    assert evenly(range(3), 10) == [0, 1, 2]
    assert evenly([], 3) == []


def test_every_class_is_shown_alike() -> None:
    chosen = keys_across_folders(keys(green=500, red=20, yellow=80), 12)
    assert [sum(key.startswith(name) for key in chosen) for name in ("green", "red", "yellow")] == [4, 4, 4]
    assert chosen[0] == "green/062.png"


def test_what_a_small_class_does_not_have_goes_to_the_others() -> None:
    chosen = keys_across_folders(keys(green=100, red=1), 6)
    assert (len(chosen), "red/000.png" in chosen) == (6, True)


def test_of_many_classes_some_are_shown() -> None:
    chosen = keys_across_folders(keys(**{f"class{number:02d}": 5 for number in range(50)}), 10)
    assert len({key.split("/")[0] for key in chosen}) == 10
