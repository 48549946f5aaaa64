from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from refine.apply.codec import Levels, decode, encode, mean_absolute_change
from tests.apply.trees import noise


def brighter(color: Levels) -> Levels:
    if color.dtype == np.uint16:
        return np.minimum(color.astype(np.int64) + 9, 65535).astype(np.uint16)
    return np.minimum(color.astype(np.int64) + 9, 255).astype(np.uint8)


def file_of(array: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def refined(content: bytes) -> bytes:
    picture = decode(content)
    return encode(picture, brighter(picture.color))[0]


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_lossless_file_holds_exactly_the_refined_levels(kind: str, channels: int) -> None:
    array = noise(9, 14, channels)
    result = opened(refined(file_of(array, kind)))
    assert result.format == kind
    assert result.mode == ("L" if channels == 1 else "RGB")
    np.testing.assert_array_equal(np.asarray(result), brighter(array))


@pytest.mark.parametrize(("kind", "channels"), [("PNG", 4), ("PNG", 2), ("TIFF", 4), ("TIFF", 2), ("WEBP", 4)])
def test_alpha_stays_exactly_as_it_was(kind: str, channels: int) -> None:
    array = noise(9, 14, channels)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    result = np.asarray(opened(refined(file_of(array, kind, **options))))
    np.testing.assert_array_equal(result[..., -1], array[..., -1])
    np.testing.assert_array_equal(result[..., :-1], brighter(array[..., :-1]))


def test_alpha_of_a_lossy_webp_stays_exactly_as_it_was() -> None:
    content = file_of(noise(16, 16, 4), "WEBP", quality=80)
    result = refined(content)
    assert b"VP8L" not in result
    np.testing.assert_array_equal(np.asarray(opened(result))[..., 3], np.asarray(opened(content))[..., 3])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_levels_are_not_cut_to_8(kind: str) -> None:
    array = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) * 31
    content = file_of(array.astype(np.int32) if kind == "PPM" else array, kind)
    result = np.asarray(opened(refined(content)))
    np.testing.assert_array_equal(result, brighter(array))


def test_big_endian_16_bit_tiff_keeps_its_byte_order() -> None:
    array = np.arange(600, dtype=">u2").reshape(20, 30)
    result = opened(refined(file_of(array, "TIFF")))
    assert result.mode == "I;16B"
    np.testing.assert_array_equal(np.asarray(result), array + 9)


@pytest.mark.parametrize(("transparency", "channels"), [((5, 6, 7), 3), (40, 1)])
def test_exactly_the_pixels_of_the_transparent_color_stay_transparent(
    transparency: int | tuple[int, int, int], channels: int
) -> None:
    array = noise(12, 12, channels)
    array[2, 3] = transparency
    array[4, 4] = 0
    content = file_of(array, "PNG", transparency=transparency)
    picture = decode(content)
    color = picture.color.copy()
    color[4, 4] = transparency  # the network happens to give this color
    color[2, 3] = 99
    result = opened(encode(picture, color)[0])
    assert result.info["transparency"] == transparency
    alpha = np.asarray(result.convert("RGBA"))[..., 3]
    assert (alpha == np.asarray(opened(content).convert("RGBA"))[..., 3]).all()
    assert alpha[2, 3] == 0
    assert alpha[4, 4] == 255


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exif_and_icc_profile_are_kept_and_pixels_are_not_turned(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = file_of(noise(10, 20), kind, exif=exif, icc_profile=profile)
    result = opened(refined(content))
    assert result.size == (20, 10)
    assert result.getexif()[0x0112] == 6
    assert result.getexif()[0x010F] == "Camera"
    assert result.info["icc_profile"] == profile


def test_png_text_resolution_gamma_and_unknown_chunks_are_kept() -> None:
    text = PngInfo()
    text.add_text("Simulator", "CARLA é")
    text.add(b"gAMA", (45455).to_bytes(4, "big"))
    text.add(b"abCD", b"unsafe")
    text.add(b"abCd", b"safe to copy")
    text.add(b"teSt", b"after", after_idat=True)
    result = refined(file_of(noise(8, 8), "PNG", pnginfo=text, dpi=(300, 300)))
    image = opened(result)
    assert image.info["Simulator"] == "CARLA é"
    assert image.info["gamma"] == pytest.approx(0.45455)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert b"safe to copy" in result
    assert b"unsafe" not in result


def test_jpeg_keeps_comment_and_resolution_without_chroma_subsampling() -> None:
    content = file_of(noise(16, 16), "JPEG", quality=60, comment=b"by hand", dpi=(72, 72), progressive=True)
    result = opened(refined(content))
    assert result.info["comment"] == b"by hand"
    assert result.info["dpi"] == (72, 72)
    assert result.info["progressive"]
    assert [layer[1:3] for layer in result.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]  # untyped there
    assert np.asarray(result.quantization[0])[0] <= 2  # type: ignore[attr-defined]  # quality 95


def test_a_jpeg_stored_as_rgb_comes_back_in_the_right_colors() -> None:
    array = np.full((16, 16, 3), (200, 30, 90), np.uint8)
    content = file_of(array, "JPEG", keep_rgb=True, quality=95)
    picture = decode(content)
    result = np.asarray(opened(encode(picture, picture.color)[0])).astype(int)
    assert np.abs(result - array).max() < 4


def test_gray_jpeg_stays_gray() -> None:
    assert opened(refined(file_of(noise(16, 16, 1), "JPEG"))).mode == "L"


def test_tiff_keeps_tags_and_compression() -> None:
    tags = {271: "Maker", 65000: "custom"}
    content = file_of(
        noise(16, 16), "TIFF", tiffinfo=tags, compression="tiff_lzw", dpi=(72, 72), icc_profile=b"profile"
    )
    result = Image.open(BytesIO(refined(content)))
    assert result.getexif()[271] == "Maker"
    assert result.getexif()[65000] == "custom"
    assert result.info["compression"] == "tiff_lzw"
    assert result.info["dpi"] == (72, 72)
    assert result.info["icc_profile"] == b"profile"


def test_uncompressed_tiff_keeps_its_exif_folder() -> None:
    tags = ImageFileDirectory_v2()
    tags[34665] = {36867: "2020:01:01 00:00:00"}
    result = Image.open(BytesIO(refined(file_of(noise(16, 16), "TIFF", tiffinfo=tags))))
    assert result.getexif().get_ifd(34665)[36867] == "2020:01:01 00:00:00"


def test_lossless_webp_stays_lossless() -> None:
    result = refined(file_of(noise(16, 16), "WEBP", lossless=True))
    np.testing.assert_array_equal(np.asarray(opened(result)), brighter(noise(16, 16)))


def test_a_file_that_would_come_back_in_another_mode_is_refused() -> None:
    picture = decode(file_of(noise(8, 8), "PNG"))
    with pytest.raises(ValueError, match="would come back"):
        encode(picture._replace(seen=picture.seen._replace(mode="L")), picture.color)


def test_truncated_pixels_are_no_picture(tmp_path: Path) -> None:
    content = file_of(noise(32, 32), "PNG")
    with pytest.raises(OSError, match="truncated"):
        decode(content[: len(content) // 2])


def test_change_is_in_levels_of_8_bits() -> None:
    low, high = np.zeros((2, 2, 1), np.uint8), np.full((2, 2, 1), 3, np.uint8)
    assert mean_absolute_change(low, high) == 3.0
    assert mean_absolute_change(low.astype(np.uint16), high.astype(np.uint16) * 257) == 3.0
