from pathlib import Path

from refine.data.guess.beside import pairs_within
from refine.data.guess.kinds import Kind, Pair

COLOR, GRAY, FLAT = Kind("color", False), Kind("gray", False), Kind("flat", False)


def test_all_pairs_of_a_folder_are_found() -> None:
    kinds = {"0.jpg": COLOR, "0.png": FLAT, "1.jpg": COLOR, "1.png": GRAY}
    expected = [Pair("0.png", "0.jpg"), Pair("1.png", "1.jpg")]
    assert pairs_within(Path("nowhere"), list(kinds), kinds) == expected


def test_a_name_that_extends_another_is_a_label_only_where_many_do() -> None:
    images = {f"{index:04d}.png": COLOR for index in range(200)}
    few = images | {f"{index:04d}_x.png": GRAY for index in range(9)}
    assert pairs_within(Path("nowhere"), list(few), few) == []
    many = few | {f"{index:04d}_x.png": GRAY for index in range(11)}
    assert len(pairs_within(Path("nowhere"), list(many), many)) == 11
    named = few | {"0050_labelIds.png": Kind("gray", True)}
    assert Pair("0050_labelIds.png", "0050.png") in pairs_within(Path("nowhere"), list(named), named)
