from pathlib import Path

import pytest

from refine.apply.plan import Batch, PlannedImage, batches, make_plan
from refine.apply.select import selection
from refine.data.images import ImageHeader
from tests.apply.trees import noise, save


def planned(count: int, height: int = 256, width: int = 256) -> list[PlannedImage]:
    seen = ImageHeader("PNG", "RGB", height, width, 8, 1, None)
    return [PlannedImage(f"{height}x{width}/{index:03d}", seen) for index in range(count)]


def sizes(images: list[PlannedImage], batch_size: int) -> list[tuple[int, int]]:
    missing = {image.key for image in images}
    return [(len(batch.images), batch.size) for batch in batches(images, missing, batch_size)]


@pytest.mark.parametrize(
    ("count", "batch_size", "expected"),
    [(16, 8, [(8, 8), (8, 8)]), (9, 8, [(5, 5), (4, 5)]), (3, 8, [(3, 3)]), (3, 1, [(1, 1)] * 3)],
)
def test_calls_are_of_one_size(count: int, batch_size: int, expected: list[tuple[int, int]]) -> None:
    assert sizes(planned(count), batch_size) == expected


def test_large_images_go_in_smaller_calls() -> None:
    assert sizes(planned(4, 512, 512), 8) == [(2, 2), (2, 2)]
    assert sizes(planned(2, 4000, 4000), 8) == [(1, 1), (1, 1)]


def test_the_size_of_a_call_does_not_depend_on_what_is_done() -> None:
    images = planned(16)
    assert list(batches(images, {images[5].key}, 8)) == [Batch([images[5]], 8)]


def test_a_call_holds_images_of_one_size() -> None:
    images = planned(3) + planned(2, 128)
    found = list(batches(images, {image.key for image in images}, 8))
    assert [{image.group for image in batch.images} for batch in found] == [{images[3].group}, {images[0].group}]


def test_every_file_stands_in_exactly_one_list(tmp_path: Path) -> None:
    save(tmp_path / "a" / "x.png", noise(8, 8))
    save(tmp_path / "a" / "gray.png", noise(8, 8, 1))
    (tmp_path / "a" / "broken.png").write_bytes(b"")
    (tmp_path / "a" / "x.json").write_text("{}")
    (tmp_path / "a" / ".hidden.png").write_text("carried")
    (tmp_path / "a" / "inside.png").symlink_to("x.png")
    (tmp_path / "a" / "outside.png").symlink_to("/etc/passwd")
    (tmp_path / "refine-manifest.jsonl").write_text("of another run")
    (tmp_path / "a" / ".refine-tmp-1").write_text("of another run")
    plan = make_plan(tmp_path, selection(tmp_path, None, None).selected, 3, 2)
    assert [image.key for image in plan.images] == ["a/gray.png", "a/x.png"]
    assert plan.carried == ["a/.hidden.png", "a/x.json"]
    assert [link.key for link in plan.links] == ["a/inside.png"]
    assert {entry["key"]: entry["reason"] for entry in plan.failures} == {
        "a/broken.png": "empty file",
        "a/outside.png": "a link that leads out of the dataset; it was not followed",
    }
    assert plan.folders == ["a"]


def test_a_selected_link_must_lead_to_a_refined_image(tmp_path: Path) -> None:
    save(tmp_path / "a" / "x.png", noise(8, 8))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.png").symlink_to("../a/x.png")
    plan = make_plan(tmp_path, selection(tmp_path, "b/*.png", None).selected, 3, 1)
    assert [entry["key"] for entry in plan.failures] == ["b/x.png"]
