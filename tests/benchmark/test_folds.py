import torch

from refine.benchmark.folds import blocks

KEYS = tuple(f"{('red', 'green')[n % 2]}/real_{n * 20}.png" for n in range(13))  # not padded: 100 comes after 20


def test_blocks_are_contiguous_in_the_recording_and_hold_each_image_once() -> None:
    shuffled = tuple(KEYS[i] for i in torch.randperm(13, generator=torch.Generator().manual_seed(0)).tolist())
    found = [[KEYS.index(shuffled[index]) for index in block] for block in blocks(shuffled, 5)]
    assert [position for block in found for position in block] == list(range(13))


def test_blocks_are_of_nearly_equal_size() -> None:
    assert sorted(len(block) for block in blocks(KEYS, 5)) == [2, 2, 3, 3, 3]


def test_groups_stay_whole_in_blocks_that_are_cut_nearest_to_equal_parts() -> None:
    keys = tuple(f"{n}.png" for n in range(20))
    groups = ["a"] * 9 + ["b", "c"] + ["d"] * 5 + ["e"] * 4
    assert blocks(keys, 3, groups) == [list(range(9)), [9, 10], list(range(11, 20))]
    assert [len(block) for block in blocks(keys, 5, groups)] == [9, 1, 1, 5, 4]


def test_each_block_has_a_group_also_where_the_last_one_is_the_largest() -> None:
    keys = tuple(f"{n}.png" for n in range(20))
    assert blocks(keys, 3, ["a", "b", *["c"] * 18]) == [[0], [1], list(range(2, 20))]


def test_a_group_that_comes_again_later_is_in_its_block() -> None:
    assert blocks(("0.png", "1.png", "2.png", "3.png"), 2, ["a", "b", "a", "b"]) == [[0, 2], [1, 3]]
