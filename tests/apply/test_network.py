import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.apply.codec import DecodedImage
from refine.apply.network import CHANGED, NOT_FINITE, Network, OutOfMemory, PlannedBatch, Refined, batches
from refine.apply.plan import PlannedImage
from refine.data.images import ImageHeader, read_header
from refine.errors import InputError
from tests.apply.tiny import Tiny, tiny
from tests.apply.trees import noise, options

CPU = torch.device("cpu")


def picture(height: int, width: int, seed: int = 0, channels: int = 3) -> DecodedImage:
    seen = ImageHeader("PNG", "RGB" if channels == 3 else "L", height, width, 8, 1, None)
    return DecodedImage(seen, noise(height, width, channels, seed).reshape(height, width, channels))


def deep(levels: NDArray[np.uint16]) -> DecodedImage:
    seen = ImageHeader("PNG", "I;16", levels.shape[0], levels.shape[1], 16, 1, None)
    return DecodedImage(seen, levels[:, :, None])


def same(a: object, b: object) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 7), (16, 16), (2, 200)])
def test_the_result_does_not_depend_on_place_and_company_in_a_batch(height: int, width: int) -> None:
    network = Network(tiny(), CPU, options(batch_size=2))
    pictures = [picture(height, width, seed) for seed in range(5)]
    together = network(pictures, 5)
    assert together[0] is not None
    assert together[0].shape == (height, width, 3)
    assert not same(together[0], pictures[0].color)
    backwards = network(pictures[::-1], 5)[::-1]
    alone = [network([one], 5)[0] for one in pictures]
    assert all(same(a, b) and same(a, c) for a, b, c in zip(together, backwards, alone, strict=True))


def test_gray_pictures_pass_a_color_network() -> None:
    result = Network(tiny(), CPU, options(batch_size=2))([picture(8, 8, channels=1)], 1)[0]
    assert result is not None
    assert result.shape == (8, 8, 1)


def test_every_call_is_of_the_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    translator = tiny()
    refine = translator.refine

    def seen(images: Tensor) -> Tensor:
        shapes.append(tuple(images.shape))
        return refine(images)

    monkeypatch.setattr(translator, "refine", seen)
    assert len(Network(translator, CPU, options(batch_size=2))([picture(8, 9), picture(8, 9, 1)], 5)) == 2
    assert shapes == [(5, 3, 8, 9)]


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_16_bit_levels_keep_their_detail_in_either_precision(precision: str) -> None:
    levels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)

    class Same(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            kernel = torch.ones(1, 1, 1, 1)  # of a convolution, which autocast would do in 8 bits
            return torch.nn.functional.conv2d(images, kernel)

    result = Network(Same(channels=1).eval(), CPU, options(precision=precision))([deep(levels)], 1)[0]
    assert result is not None
    assert result.dtype == np.uint16
    assert same(result[..., 0], levels)


def test_bf16_is_another_precision() -> None:
    full, half = (
        Network(tiny(), CPU, options(precision=precision))([picture(64, 64)], 1)[0] for precision in ("32", "bf16")
    )
    assert not same(full, half)


def test_an_image_that_comes_out_as_nan_is_not_kept() -> None:
    class Broken(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            return torch.where(images.mean(dim=(1, 2, 3), keepdim=True) > 0, torch.nan, images)

    bright, dark = picture(8, 8), picture(8, 8)
    bright = bright._replace(color=noise(8, 8) // 2 + 128)
    dark = dark._replace(color=noise(8, 8) // 2)
    results = Network(Broken().eval(), CPU, options(batch_size=2))([bright, dark], 2)
    assert results[0] is None
    assert same(results[1], dark.color)


def test_too_little_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    translator = tiny()

    def refine(images: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    monkeypatch.setattr(translator, "refine", refine)
    network = Network(translator, CPU, options(batch_size=2))
    with pytest.raises(InputError, match="--batch-size"):
        network([picture(8, 8)], 2)
    with pytest.raises(MemoryError, match="too large"):
        network([picture(8, 8)], 1)


def grid(count: int, height: int = 256, width: int = 256) -> list[PlannedImage]:
    seen = ImageHeader("PNG", "RGB", height, width, 8, 1, None)
    return [PlannedImage(f"{height}x{width}/{index:03d}", seen) for index in range(count)]


def sizes(images: list[PlannedImage], batch_size: int) -> list[tuple[int, int]]:
    missing = {image.key for image in images}
    return [(len(batch.images), batch.size) for batch in batches(images, missing, batch_size)]


@pytest.mark.parametrize(
    ("count", "side", "batch_size", "expected"),
    [
        (16, 256, 8, [(8, 8), (8, 8)]),
        (9, 256, 8, [(5, 5), (4, 5)]),
        (3, 256, 8, [(3, 3)]),
        (3, 256, 1, [(1, 1)] * 3),
        (4, 512, 8, [(2, 2), (2, 2)]),
        (2, 4000, 8, [(1, 1), (1, 1)]),
    ],
)
def test_calls_are_of_one_size_and_large_images_go_in_smaller_ones(
    count: int, side: int, batch_size: int, expected: list[tuple[int, int]]
) -> None:
    assert sizes(grid(count, side, side), batch_size) == expected


def test_the_size_of_a_call_does_not_depend_on_what_is_done() -> None:
    images = grid(16)
    assert list(batches(images, {images[5].key}, 8)) == [PlannedBatch([images[5]], 8)]


def test_a_call_holds_images_of_one_size() -> None:
    images = grid(3) + grid(2, 128)
    found = list(batches(images, {image.key for image in images}, 8))
    assert [{image.group for image in batch.images} for batch in found] == [{images[3].group}, {images[0].group}]


SIZES = [(8, 8), (8, 8), (12, 16)]


def files_of(count: int) -> dict[str, bytes]:
    found = {}
    for index in range(count):
        buffer = io.BytesIO()
        Image.fromarray(noise(*SIZES[index % 3], seed=index)).save(buffer, "PNG")
        found[f"{index:03d}"] = buffer.getvalue()
    return found


def planned(files: dict[str, bytes]) -> list[PlannedImage]:
    return [PlannedImage(key, read_header(content)) for key, content in files.items()]


def refined(files: dict[str, bytes], images: list[PlannedImage], workers: int = 2) -> dict[str, Refined | str]:
    calls = batches(images, {image.key for image in images}, 2)
    with ThreadPoolExecutor(workers) as pool:
        network = Network(tiny(), CPU, options(batch_size=2))
        return {image.key: made for image, made in network.refine_ahead(calls, lambda image: files[image.key], pool)}


def test_batches_come_out_in_their_order_with_other_pixels() -> None:
    files = files_of(12)
    images = planned(files)
    found = refined(files, images)
    assert list(found) == [image.key for batch in batches(images, set(files), 2) for image in batch.images]
    for made in found.values():
        assert isinstance(made, Refined)
        assert made.color.shape == made.picture.color.shape
        assert not same(made.color, made.picture.color)
    again = refined(files, images, workers=1)
    assert all(same(made.color, again[key].color) for key, made in found.items())  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize(("side", "size"), [(8, 0), (300, 0), (8, 10**6)])
def test_only_so_much_is_read_ahead(side: int, size: int) -> None:
    seen, read = ImageHeader("PNG", "RGB", side, side, 8, 1, None), []

    def content(image: PlannedImage) -> DecodedImage:
        read.append(image.key)
        return picture(side, side)

    images = [PlannedImage(f"{index:02}", seen, size) for index in range(40)]
    calls = batches(images, {image.key for image in images}, 2)
    with ThreadPoolExecutor(8) as pool:
        for done, _ in enumerate(Network(tiny(), CPU, options(batch_size=2)).refine_ahead(calls, content, pool)):
            assert len(read) - done <= (8 + 2 if side == 8 and not size else 5 + 2)
    assert len(read) == 40


def test_what_is_wrong_with_one_image_is_its_reason_and_concerns_no_other() -> None:
    files = files_of(6)
    images = planned(files)
    whole = refined(files, images)
    files |= {"001": files["001"][:-40], "002": b"", "003": files["005"]}
    found = refined(files, images)
    assert {key for key, made in found.items() if isinstance(made, str)} == {"001", "002", "003"}
    assert "cannot be decoded" in str(found["001"])
    assert found["003"] == CHANGED == "the file changed while the run was going on"
    for key in ("000", "004", "005"):
        assert same(found[key].color, whole[key].color)  # type: ignore[union-attr]  # as above


def test_what_the_network_cannot_do_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(3)
    with monkeypatch.context() as patch:
        patch.setattr(Network, "__call__", lambda self, pictures, size: [None] * len(pictures))
        assert set(refined(files, planned(files)).values()) == {NOT_FINITE}

    def full(*_: object) -> None:
        raise OutOfMemory("too large")

    monkeypatch.setattr(Network, "__call__", full)
    assert set(refined(files, planned(files)).values()) == {"too large"}
