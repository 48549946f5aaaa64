from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from refine.apply.codec import Picture, decode
from refine.apply.plan import Batch, PlannedImage
from refine.apply.read import read_ahead
from refine.data.images import read_header
from tests.apply.trees import noise, save


def planned(root: Path, name: str, seed: int = 0) -> PlannedImage:
    return PlannedImage(name, read_header(save(root / name, noise(8, 8, seed=seed))))


def test_batches_come_in_order_with_failures_beside_them(tmp_path: Path) -> None:
    images = [planned(tmp_path, f"{index}.png") for index in range(6)]
    (tmp_path / "3.png").write_bytes(b"broken")
    save(tmp_path / "4.png", noise(9, 9))
    batches = [Batch(images[:2], 2), Batch(images[2:4], 2), Batch(images[4:], 2)]
    with ThreadPoolExecutor(3) as pool:
        found = list(read_ahead(batches, tmp_path, pool, pixels=10**6, images=100))
    assert [[image.key for image, _ in batch.pictures] for batch in found] == [["0.png", "1.png"], ["2.png"], ["5.png"]]
    assert [entry["key"] for batch in found for entry in batch.failures] == ["3.png", "4.png"]
    assert "changed" in found[2].failures[0]["reason"]


@pytest.mark.parametrize(("pixels", "images", "size"), [(3 * 64, 100, 0), (10**6, 3, 0), (10**6, 100, 10**7)])
def test_only_so_much_is_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int, images: int, size: int
) -> None:
    started: list[str] = []

    def counted(content: bytes) -> Picture:
        started.append("")
        return decode(content)

    monkeypatch.setattr("refine.apply.read.decode", counted)
    batches = [Batch([planned(tmp_path, f"{index}.png")._replace(size=size)], 1) for index in range(20)]
    with ThreadPoolExecutor(8) as pool:
        reading = read_ahead(batches, tmp_path, pool, pixels, images)
        next(reading)
        pool.submit(lambda: None).result()
        assert len(started) <= 4
        assert len(list(reading)) == 19
