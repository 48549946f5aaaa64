import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision.tv_tensors import Mask

from refine.data.label_table import LabelEntry, LabelTable
from refine.data.layouts.paired_masks import (
    IMAGE,
    Grouped,
    PairedMasks,
    color_pixels,
    deep_colors,
    deep_pixels,
    index_pixels,
    read_mask,
    red_pixels,
)
from refine.data.samples import Record
from refine.errors import InputError
from tests.data.layouts.edits import there
from tests.data.layouts.examples.synthia import write_wide_png

ROOT = Path("data")


class Paired(PairedMasks):
    """Files that are told to it."""

    name = "paired"
    mask_roles = ("ids", "color")

    def __init__(self, *files: Grouped, root: Path = ROOT) -> None:
        self.root = root
        self._pair(files, lambda group: f"{group}_ids.png")

    def _mask(self, path: Path, record: Record) -> Mask:
        return Mask([[len(path.name)]])

    def _instances(self, path: Path) -> Mask:
        return Mask([[7]])


def test_the_parsed_label_comes_first_and_the_others_follow_by_role() -> None:
    layout = Paired(("a", "depth", "a_d"), ("a", "color", "a_c"), ("a", IMAGE, "a"), ("a", "ids", "a_i"))
    (record,) = layout.records()
    assert layout.faults == []
    assert record.label_files == (ROOT / "a_i", ROOT / "a_c", ROOT / "a_d")
    assert layout.mask_role(record) == "ids"
    assert layout.file(record, "depth") == ROOT / "a_d"
    assert layout.file(record, "flow") is None


def test_the_next_best_mask_stands_in() -> None:
    layout = Paired(("a", IMAGE, "a"), ("a", "color", "a_c"))
    (record,) = layout.records()
    assert layout.faults == []
    assert (layout.mask_role(record), record.label_files) == ("color", (ROOT / "a_c",))


def test_a_second_mask_is_a_fault_but_still_a_label() -> None:
    layout = Paired(("a", IMAGE, "a"), ("a", "ids", "1"), ("a", "ids", "2"))
    assert layout.faults == [f"{ROOT / '2'}: a second mask beside {ROOT / '1'}; keep one of them"]
    assert layout.records()[0].label_files == (ROOT / "1", ROOT / "2")


def test_a_second_image_has_no_mask_of_its_own() -> None:
    layout = Paired(("a", IMAGE, "a.jpg"), ("a", IMAGE, "a.png"), ("a", "ids", "1"))
    first, second = layout.records()
    assert layout.faults == [f"{ROOT / 'a.png'}: shares its mask {ROOT / '1'} with a.jpg; rename one of the images"]
    assert second.label_files == ()
    assert (layout.mask_role(first), layout.mask_role(second)) == ("ids", None)


def test_what_lacks_a_partner_is_named_and_images_stay() -> None:
    layout = Paired(("b", IMAGE, "b"), ("a", "ids", "a_i"), ("b", "depth", "b_d"))
    (record,) = layout.records()
    assert (record.key, record.image, record.label_files) == ("b", ROOT / "b", (ROOT / "b_d",))
    assert layout.faults == [
        f"{ROOT / 'a_i'}: a label without an image; add its image, or remove it",
        f"{ROOT / 'b'}: an image without a mask; add b_ids.png",
    ]
    assert layout.mask_role(record) is None


def test_what_a_frame_has_is_decoded_once_it_has_the_images_size(tmp_path: Path) -> None:
    for name in ("a", "a_ids", "a_things"):
        Image.new("L", (1, 1)).save(tmp_path / f"{name}.png")
    files = ("a", IMAGE, "a.png"), ("a", "ids", "a_ids.png"), ("a", "instances", "a_things.png")
    layout = Paired(*files, root=tmp_path)
    found = layout.annotation(layout.records()[0])
    assert (there(found.mask).tolist(), there(found.instances).tolist(), found.depth) == ([[9]], [[7]], None)
    for name in ("a_things", "a_ids"):
        Image.new("L", (2, 1)).save(tmp_path / f"{name}.png")
        with pytest.raises(InputError, match=rf"{name}\.png: 1x2 \(height x width\), but .*a\.png is 1x1"):
            layout.annotation(layout.records()[0])


TABLE = LabelTable("mine", (LabelEntry(1, "road", (9, 8, 7), False), LabelEntry(300, "car", (1, 2, 3), False)))


def gray_png(path: Path, levels: list[int], bits: int) -> Path:
    """A PNG of one row of gray levels of fewer than 8 bits, which Pillow does not write."""
    row = sum(level << (8 - bits * (at + 1)) for at, level in enumerate(levels))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", len(levels), 1, bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes([0, row]))),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


@pytest.mark.parametrize(("levels", "bits"), [([1, 0, 1], 1), ([1, 3, 2], 2), ([5, 14], 4)])
def test_levels_of_few_bits_are_not_stretched(tmp_path: Path, levels: list[int], bits: int) -> None:
    assert index_pixels(gray_png(tmp_path / "a.png", levels, bits)).tolist() == [levels]


def test_a_palette_gives_indices_or_colors_as_asked(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[1, 0]], np.uint8)).convert("P")
    image.putpalette([7, 7, 7, 9, 8, 7])
    image.save(tmp_path / "a.png")
    assert index_pixels(tmp_path / "a.png").tolist() == [[1, 0]]
    assert color_pixels(tmp_path / "a.png").tolist() == [[[9, 8, 7], [7, 7, 7]]]


def test_16_bits_stay_16_bits(tmp_path: Path) -> None:
    Image.fromarray(np.array([[300, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert deep_pixels(tmp_path / "a.png").tolist() == [[300, 65535]]


def test_each_encoding_reads_its_kind(tmp_path: Path) -> None:
    color = tmp_path / "color.png"
    Image.fromarray(np.array([[[9, 8, 7], [1, 2, 3]]], np.uint8)).save(color)
    deep = tmp_path / "deep.png"
    Image.fromarray(np.array([[1, 300]], np.uint16)).save(deep)
    red = tmp_path / "red.png"
    Image.fromarray(np.array([[[1, 8, 7, 0]]], np.uint8)).save(red)
    assert read_mask(color, "color", TABLE).tolist() == [[0, 1]]
    assert read_mask(deep, "deep", TABLE).tolist() == [[0, 1]]
    assert read_mask(red, "red", TABLE).tolist() == [[0]]
    assert red_pixels(red).tolist() == [[1]]


@pytest.mark.parametrize(
    ("read", "mode", "message"),
    [
        (index_pixels, "RGB", "mode RGB is no index mask"),
        (index_pixels, "I;16", "mode I;16 is no index mask"),
        (color_pixels, "I;16", "mode I;16 is no mask of colors"),
        (red_pixels, "P", "mode P has no red channel"),
        (deep_pixels, "L", "mode L is not of 16 bits"),
    ],
)
def test_another_kind_is_named(tmp_path: Path, read: object, mode: str, message: str) -> None:
    assert callable(read)
    Image.new(mode, (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=rf"a\.png: {message}"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(("read", "mode"), [(index_pixels, "L"), (color_pixels, "RGB")])
def test_a_jpeg_is_no_label_whatever_its_name(tmp_path: Path, read: object, mode: str) -> None:
    assert callable(read)
    Image.new(mode, (2, 2)).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(InputError, match=r"a\.png: is a JPEG, which blurs ids and colors"):
        read(tmp_path / "a.png")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 9, (64, 64)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.png: cannot be read as an image"):
        index_pixels(path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colors_where_ids_were_expected_name_the_way_out(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(InputError) as error:
        read_mask(tmp_path / "a.png", "index", TABLE)
    assert str(error.value) == (
        f"{tmp_path}/a.png: holds colors, and ids were expected; if they are the table's, say so in a YAML file for "
        "--layout: `layout: image-masks`, `encoding: color`"
    )


@pytest.fixture
def stored(tmp_path: Path) -> NDArray[np.uint16]:
    colors = np.random.default_rng(0).integers(0, 1 << 16, (9, 7, 3), dtype=np.uint16)
    write_wide_png(tmp_path / "a.png", colors)
    return colors


def test_every_bit_of_every_channel_is_kept(tmp_path: Path, stored: NDArray[np.uint16]) -> None:
    found = deep_colors(tmp_path / "a.png")
    assert found.dtype == np.uint16
    assert (found == stored).all()


def test_a_file_that_ends_early_is_named(tmp_path: Path, stored: NDArray[np.uint16]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(path.read_bytes()[: 2 * stored.size // 3])
    with pytest.raises(InputError, match=f"{path}: cannot be read as an image"):
        deep_colors(path)


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.png", "I;16"), ("a.png", "L"), ("a.tif", "RGB")])
def test_other_bits_channels_and_formats_are_refused(tmp_path: Path, name: str, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: (PNG|TIFF) of mode {mode}, but .* 16 bits each"):
        deep_colors(tmp_path / name)
