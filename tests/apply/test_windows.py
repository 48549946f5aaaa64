import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from refine.apply.network import Network, OutOfMemory
from refine.apply.plan import PlannedImage
from refine.apply.windows import BATCHES, Refined, refine_all
from refine.data.images import read_header
from tests.apply.tiny import tiny
from tests.data.layouts.examples.webdataset import picture

SIZES = [(8, 8), (8, 8), (12, 16)]


def pictures(count: int) -> dict[str, bytes]:
    return {f"{index:03d}": picture(index, size=SIZES[index % 3]) for index in range(count)}


def planned(files: dict[str, bytes]) -> list[PlannedImage]:
    return [PlannedImage(key, read_header(content)) for key, content in files.items()]


def network() -> Network:
    return Network(tiny(), torch.device("cpu"), "32")


def refined(files: dict[str, bytes], images: list[PlannedImage], workers: int = 2) -> dict[str, Refined | str]:
    with ThreadPoolExecutor(workers) as pool:
        return {
            image.key: result
            for image, result in refine_all(images, lambda image: files[image.key], network(), 2, pool)
        }


def test_images_come_out_in_order_with_other_pixels() -> None:
    files = pictures(30)
    found = refined(files, planned(files))
    assert list(found) == list(files)
    for key, result in found.items():
        assert isinstance(result, Refined)
        old, new = (np.asarray(Image.open(io.BytesIO(data))).astype(int) for data in (files[key], result.data))
        assert old.shape == new.shape
        assert result.change == pytest.approx(np.abs(old - new).mean(), abs=1e-3)
        assert result.change > 0
    assert refined(files, planned(files), workers=1) == found


def test_no_more_than_four_windows_are_in_memory() -> None:
    files, read = pictures(200), []

    def content(image: PlannedImage) -> bytes:
        read.append(image.key)
        return files[image.key]

    with ThreadPoolExecutor(2) as pool:
        results = refine_all(planned(files), content, network(), 2, pool)
        for done, _ in enumerate(results):
            assert len(read) <= done + 4 * BATCHES * 2
        assert len(read) == 200


def test_what_is_wrong_with_one_image_is_its_reason_and_concerns_no_other() -> None:
    files = pictures(6)
    images = planned(files)
    whole = refined(files, images)
    files |= {"001": files["001"][:-40], "002": b"", "003": files["005"]}
    found = refined(files, images)
    assert {key for key, result in found.items() if isinstance(result, str)} == {"001", "002", "003"}
    assert "cannot be decoded" in str(found["001"])
    assert "changed while" in str(found["003"])
    assert all(found[key] == whole[key] for key in ("000", "004", "005"))


def test_what_the_network_cannot_do_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    files = pictures(3)
    monkeypatch.setattr(Network, "__call__", lambda self, pictures, size: [None] * len(pictures))
    assert set(refined(files, planned(files)).values()) == {"the network gave NaN or infinity for it"}

    def full(*_: object) -> None:
        raise OutOfMemory("too large")

    monkeypatch.setattr(Network, "__call__", full)
    assert set(refined(files, planned(files)).values()) == {"too large"}


def test_an_image_that_cannot_be_written_back_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such mode")

    monkeypatch.setattr("refine.apply.windows.encode", broken)
    files = pictures(2)
    assert set(refined(files, planned(files)).values()) == {"cannot be written back the same (no such mode)"}
