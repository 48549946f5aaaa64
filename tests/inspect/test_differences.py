from collections.abc import Sequence

import numpy as np
import pytest

from refine.data.samples import LabelSpace
from refine.inspect.differences import Difference, class_balance, differences, percent, target_ranges
from refine.inspect.grid import Shares
from refine.inspect.labels import Facts, Tally
from refine.inspect.result import TargetRow


def shares(rows: slice, columns: slice, value: float, images: int = 12, names: Sequence[str] = ("car",)) -> Shares:
    """Images in which each thing fills a share of some cells of the grid."""
    found = Shares(names)
    for _ in range(images):
        cells = np.zeros((len(names), 6, 6))
        cells[:, rows, columns] = value
        found.add(cells)
    return found


WHOLE = slice(None)
NOTHING = shares(WHOLE, WHOLE, 0)


@pytest.mark.parametrize(
    ("rows", "columns", "region", "share"),
    [
        (WHOLE, WHOLE, "the image", 0.5),
        (slice(0, 2), WHOLE, "the top third", 0.5),
        (slice(0, 2), slice(0, 4), "the top third", 1 / 3),  # though its own left fills more
        (WHOLE, slice(4, 6), "the right third", 0.5),
        (slice(4, 5), slice(0, 2), "the bottom left", 0.25),  # fills a twelfth of its bands: too little of them
    ],
)
def test_the_region_that_differs_most_is_named_bands_before_ninths(
    rows: slice, columns: slice, region: str, share: float
) -> None:
    value = 0.2 if region == "the bottom left" else 0.5
    (found,) = differences(shares(rows, columns, value), NOTHING)
    assert (found.name, found.region, found.real) == ("car", region, 0)
    assert found.here == pytest.approx(value * share / 0.5)


def test_a_small_difference_counts_only_where_one_side_has_three_times_as_much() -> None:
    assert differences(shares(WHOLE, WHOLE, 0.06), shares(WHOLE, WHOLE, 0.01))
    assert not differences(shares(WHOLE, WHOLE, 0.16), shares(WHOLE, WHOLE, 0.08))
    assert not differences(shares(WHOLE, WHOLE, 0.03), NOTHING)


def test_the_largest_difference_comes_first_and_one_image_tells_nothing() -> None:
    here, real = Shares(("little", "much")), shares(WHOLE, WHOLE, 0, names=("little", "much"))
    for _ in range(12):
        here.add(np.stack([np.full((6, 6), 0.2), np.full((6, 6), 0.7)]))
    assert [each.name for each in differences(here, real)] == ["much", "little"]
    assert differences(shares(WHOLE, WHOLE, 1, images=1), NOTHING) == []
    assert differences(Shares(("car",)), NOTHING) == []


def test_a_difference_that_a_random_split_shows_as_well_is_chance() -> None:
    here, real = shares(WHOLE, WHOLE, 0, images=10), shares(WHOLE, WHOLE, 0, images=10)
    for _ in range(3):
        here.add(np.ones((1, 6, 6)))  # 3 of 13 images: 23 % of all pixels
    assert differences(here, real) == []


@pytest.mark.parametrize(("name", "verb"), [("car", "fills"), ("edges", "fill")])
def test_a_difference_is_a_sentence(name: str, verb: str) -> None:
    text = Difference(name, "the top third", 0.5, 0.031).text()
    assert text == f"{name} {verb} 50 % of the top third here and 3.1 % in the real images"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.0004, "< 0.1 %"), (0.0006, "0.1 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1, "100 %")],
)
def test_shares_in_percent(share: float, text: str) -> None:
    assert percent(share) == text


def tally(names: Sequence[str], *counts: int) -> Tally:
    found = Tally(LabelSpace("class", tuple(names)))
    for index, count in enumerate(counts):
        for _ in range(count):
            found.add(Facts(("class_id",), class_id=index))
    return found


def test_class_balance_finds_classes_by_name_whatever_their_order_and_case() -> None:
    here, real = tally(("Cat", "dog"), 90, 10), tally(("dog", "cat"), 50, 50)
    assert class_balance(here, real, ["Cat"]) == ["Cat is 90 % of the images here and 50 % of the real ones"]
    assert class_balance(here, tally(("dog", "cat"), 10, 90), ["Cat", "dog"]) == []
    assert class_balance(tally(("Cat", "dog"), 3, 0), tally(("cat", "dog"), 1, 2), ["Cat", "dog"]) == []  # too few
    slight = tally(("Cat", "dog"), 2700, 2300), tally(("cat", "dog"), 2300, 2700)
    assert class_balance(*slight, ["Cat", "dog"]) == []  # certain, and not worth a word
    with np.errstate(all="raise"):
        assert class_balance(tally(("Cat",)), tally(("cat",)), ["Cat"]) == []  # no images


def row(mean: float, deviation: float, name: str = "yaw") -> TargetRow:
    return {
        "name": name,
        "least": mean - 2 * deviation,
        "mean": mean,
        "deviation": deviation,
        "most": mean + 2 * deviation,
    }


def test_targets_are_told_by_their_mean_first_then_by_their_range() -> None:
    told = target_ranges([row(1, 0.5)], [row(0, 0.5, "YAW")], (50, 50))
    assert told == ["yaw averages 1 here and 0 in the real data"]
    told = target_ranges([row(0, 0.1)], [row(0, 0.5)], (30, 30))
    assert told == ["yaw spans -0.2 to 0.2 here and -1 to 1 in the real data"]


@pytest.mark.parametrize(
    ("here", "real", "counts"),
    [
        (row(1, 0.5), row(0, 0.5, "pitch"), (50, 50)),  # another number
        (row(1, 0.0), row(0, 0.0), (50, 1)),
        (row(0.2, 0.5), row(0, 0.5), (5000, 5000)),  # certain, and not worth a word
        (row(1, 0.5), row(0, 0.5), (3, 3)),  # chance
        (row(0, 0.1), row(0, 0.5), (29, 50)),
        (row(0, 0.3), row(0, 0.5), (50, 50)),
    ],
)
def test_targets_that_differ_little_or_by_chance_are_not_told(
    here: TargetRow, real: TargetRow, counts: tuple[int, int]
) -> None:
    assert target_ranges([here], [real], counts) == []
