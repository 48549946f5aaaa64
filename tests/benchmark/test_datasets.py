from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.benchmark.datasets import BASELINES, TRANSLATED, Datasets, choose_baselines, named_after, translate
from refine.data.images import to_float
from refine.errors import InputError
from tests.benchmark.test_run import lamps


def folders(root: Path) -> Path:
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        Image.frombytes("I;16B", (4, 4), bytes(32)).save(root / name / "0.tif")
    return root


def test_sixteen_bits_of_either_byte_order_are_gray(tmp_path: Path) -> None:
    root, real = folders(tmp_path / "s"), folders(tmp_path / "r")
    assert Datasets(root, {}, real, None, None, None).channels == 1


def test_a_format_whose_decoder_starts_another_program_is_not_opened(tmp_path: Path) -> None:
    root, real = folders(tmp_path / "s"), folders(tmp_path / "r")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(root / "a" / "1.png")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        Datasets(root, {}, real, None, None, (4, 4))


def side(low: int, high: int) -> Tensor:
    return torch.randint(low, high, (6, 3, 40, 40), generator=torch.Generator().manual_seed(low), dtype=torch.uint8)


def test_baselines_are_chosen_by_name_all_or_none_and_come_in_one_order() -> None:
    assert choose_baselines("all") == BASELINES
    assert choose_baselines("none") == ()
    assert choose_baselines("randomization, color_transfer") == ("color_transfer", "randomization")
    with pytest.raises(InputError, match="--baselines cyclegan: no such baseline; choose all, none, or color_transfer"):
        choose_baselines("fda,cyclegan")


@pytest.mark.parametrize("name", TRANSLATED)
def test_each_moves_synthetic_images_to_the_level_of_the_real_ones(name: str) -> None:
    synthetic, real = side(20, 90), side(120, 250)
    moved = translate(name, synthetic, lambda: [to_float(synthetic)], lambda: [to_float(real)])
    assert moved.shape == synthetic.shape
    assert moved.dtype == torch.uint8
    before, after = ((images.float().mean() - real.float().mean()).abs() for images in (synthetic, moved))
    assert after < 0.1 * before


def test_they_differ_from_each_other() -> None:
    synthetic, real = side(20, 90), side(120, 250)
    moved = [translate(name, synthetic, lambda: [to_float(synthetic)], lambda: [to_float(real)]) for name in TRANSLATED]
    assert not torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[1], moved[2])


def test_the_color_transferred_row_has_the_real_images_lightness(tmp_path: Path) -> None:
    data = Datasets(lamps(tmp_path / "s", inverted=True), {}, lamps(tmp_path / "r", count=10), None, None, None)
    moved = data.translated("color_transfer")
    real, before, after = (found.images.float().mean() for found in (data.real, data.synthetic, moved))
    assert abs(after - real) < 0.2 * abs(before - real)
    assert moved.keys == data.synthetic.keys


def test_another_tools_image_never_stands_for_two_synthetic_ones_of_one_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "s" / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "s" / name / "0.png")
    (tmp_path / "flat").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "flat" / "0_fake_B.png")
    with pytest.raises(InputError, match="in the same folders where names repeat"):
        Datasets(tmp_path / "s", {"tool": [tmp_path / "flat"]}, tmp_path / "s", None, None, None)


def test_color_images_of_another_tool_are_taken_for_gray_synthetic_ones(tmp_path: Path) -> None:
    root, real = folders(tmp_path / "s"), folders(tmp_path / "r")
    other = tmp_path / "flat"
    other.mkdir()
    for number, name in enumerate(("a", "b")):
        (root / name / "0.tif").rename(root / name / f"{number}.tif")
        Image.new("RGB", (4, 4), (200, 0, 0)).save(other / f"{number}.png")
    found = Datasets(root, {"tool": [other]}, real, None, None, None)
    assert found.refined["tool"][0].images[:, :, 0, 0].tolist() == [[200, 0, 0]] * 2


def test_images_of_another_tool_have_the_labels_of_the_synthetic_images_of_their_names(tmp_path: Path) -> None:
    synthetic = lamps(tmp_path / "synthetic", count=2)
    other = tmp_path / "results" / "fake_B"
    other.mkdir(parents=True)
    for number, path in enumerate(sorted(synthetic.rglob("*.png"))):
        ending, suffix = (("", "png"), ("_fake", "png"), ("_fake_B", "bmp"))[number % 3]
        Image.new("RGB", (24, 32), (10 * number, 0, 0)).save(other / f"{path.stem}{ending}.{suffix}")
    Image.new("RGB", (9, 9)).save(other / "not_of_any.png")
    found = Datasets(synthetic, {"tool": [tmp_path / "results"]}, synthetic, None, None, None)
    (tool,) = found.refined["tool"]
    assert tool.keys == found.synthetic.keys
    assert torch.equal(tool.labels, found.synthetic.labels)
    assert tool.images.shape == found.synthetic.images.shape
    order = sorted(range(6), key=lambda at: tool.keys[at])
    assert tool.images[order, 0].amax(dim=(1, 2)).tolist() == [0, 10, 20, 30, 40, 50]

    first = sorted(synthetic.rglob("*.png"))[0]  # it has no ending
    made = other / first.name
    (other / f"{first.stem}.jpg").write_bytes(made.read_bytes())
    with pytest.raises(InputError, match="may both be made of"):
        named_after(found.synthetic, tmp_path / "results")
    (other / f"{first.stem}.jpg").unlink()
    made.unlink()
    with pytest.raises(
        InputError, match=r"lacks images of the names of 1 of 6 synthetic ones \(first: .*make these too"
    ):
        named_after(found.synthetic, tmp_path / "results")
