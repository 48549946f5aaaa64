import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from refine.data.layouts.coco_objects import CocoEntry, from_polygons, from_rle, objects_of
from refine.errors import InputError
from tests.data.layouts.edits import there

SIZE = (4, 6)


SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]


def entry(class_id: int = 0, places: tuple[int, ...] = (), **value: Any) -> CocoEntry:
    return CocoEntry("a.json: 7", class_id, places, {"bbox": [1, 2, 3, 1]} | value)


def test_crowds_and_polygons_stand_in_the_order_of_the_objects() -> None:
    found = objects_of([entry(segmentation=[SQUARE]), entry(iscrowd=1, segmentation=[])], SIZE, 0)
    assert there(found.crowd).tolist() == [False, True]
    assert [[ring.tolist() for ring in rings] for rings in there(found.polygons)] == [
        [[[1, 1], [3, 1], [3, 3], [1, 3]]],
        [],
    ]
    assert found.masks is None


def test_beside_a_run_length_every_object_has_a_mask() -> None:
    runs = {"size": [4, 6], "counts": [4, 2, 18]}
    found = objects_of([entry(segmentation=runs), entry(segmentation=[SQUARE]), entry()], SIZE, 0)
    assert there(found.masks).nonzero().tolist() == [
        [0, 0, 1],
        [0, 1, 1],
        *([1, y, x] for y in (1, 2) for x in (1, 2)),
    ]
    assert [len(rings) for rings in there(found.polygons)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"bbox": [1, 2, -1, 3]}, "its bbox is -1 wide and 3 high"),
        ({"bbox": [1, 2, 3]}, r"its bbox is \[1, 2, 3\]; expected a list of 4 finite numbers"),
        ({"bbox": None}, "its bbox is None"),
        ({"bbox": [1, 2, True, 3]}, "expected a list of 4 finite"),
        ({"bbox": [1, 2, float("inf"), 3]}, "expected a list of 4 finite"),
        ({"bbox": [1, 2, 10**400, 3]}, "expected a list of 4 finite"),
        ({"segmentation": "x"}, "its segmentation is 'x'; expected polygons or run lengths"),
        ({"segmentation": [[1, 2, 3, 4]]}, "a polygon of 4 numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "a polygon of 7 numbers"),
        ({"keypoints": [1, 2, 3]}, "visibility 3 of a keypoint; expected 0, 1 or 2"),
        ({"keypoints": [1, 2]}, "its keypoints is .*expected a list of 3 finite numbers"),
    ],
)
def test_values_that_coco_does_not_have_are_named(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^a.json: 7: .*{message}"):
        objects_of([entry(places=(0,), **value)], SIZE, 1)


@given(seed=st.integers(0, 1000), share=st.sampled_from([0, 0.02, 0.5, 1]), height=st.integers(1, 70))
@settings(max_examples=30, deadline=None)
def test_strings_and_lists_are_read_as_pycocotools_reads_them(seed: int, share: float, height: int) -> None:
    mask = np.asfortranarray(np.random.default_rng(seed).random((height, 40)) < share).astype(np.uint8)
    string = coco_mask.encode(mask)["counts"].decode()
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[2], mask.T.flatten(), [2]]))))
    counts = [*([0] if mask[0, 0] else []), *map(int, runs)]
    for stored in (string, counts):
        found = from_rle({"size": [height, 40], "counts": stored}, (height, 40), "here")
        assert np.array_equal(found, mask.astype(bool))


@pytest.mark.parametrize("counts", [None, 7, "a\x00", "o", [1.5], [True], [-4, 16], "ooooooooooooo0"])
def test_counts_that_are_no_runs_are_refused(counts: Any) -> None:
    with pytest.raises(InputError, match="here: the counts of its mask are no run lengths"):
        from_rle({"size": [3, 4], "counts": counts}, (3, 4), "here")


def test_runs_that_end_early_are_refused_and_not_filled_with_what_lies_in_memory() -> None:
    short = coco_mask.frPyObjects({"size": [2, 2], "counts": [1, 3]}, 2, 2)["counts"].decode()
    with pytest.raises(InputError, match="here: the runs of its mask fill 4 of 12 pixels"):
        from_rle({"size": [3, 4], "counts": short}, (3, 4), "here")


def test_polygons_are_filled_together() -> None:
    found = from_polygons([[0, 0, 2, 0, 2, 3, 0, 3], [4, 0, 6, 0, 6, 1, 4, 1]], (4, 8), "here")
    assert found.sum() == 2 * 3 + 2
    assert found[:3, :2].all()
    assert found[0, 4:6].all()


def test_a_polygon_far_outside_is_refused() -> None:
    with pytest.raises(InputError, match=r"here: a polygon reaches far out of the image, to 1e\+09"):
        from_polygons([[0, 0, 1e9, 0, 2, 3]], (4, 8), "here")


def test_without_pycocotools_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(InputError, match=r"here: .* pip install 'sim2real-refine\[coco\]'"):
        from_polygons([[0, 0, 2, 0, 2, 3]], (4, 8), "here")
