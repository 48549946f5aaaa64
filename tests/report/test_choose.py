from pathlib import Path

from refine.report.choose import beside, evenly, extremes, spread
from refine.report.refined import RefinedImage


def keys(**folders: int) -> list[str]:
    return [f"{name}/{index:03d}.png" for name, count in folders.items() for index in range(count)]


def test_evenly_leaves_equal_distances() -> None:
    assert evenly(range(100), 4) == [12, 37, 62, 87]
    assert evenly(range(3), 10) == [0, 1, 2]
    assert evenly([], 3) == []


def test_every_class_is_shown_alike() -> None:
    chosen = spread(keys(green=500, red=20, yellow=80), 12)
    assert [sum(key.startswith(name) for key in chosen) for name in ("green", "red", "yellow")] == [4, 4, 4]
    assert chosen[0] == "green/062.png"


def test_what_a_small_class_does_not_have_goes_to_the_others() -> None:
    chosen = spread(keys(green=100, red=1), 6)
    assert (len(chosen), "red/000.png" in chosen) == (6, True)


def test_of_many_classes_some_are_shown() -> None:
    chosen = spread(keys(**{f"class{number:02d}": 5 for number in range(50)}), 10)
    assert len({key.split("/")[0] for key in chosen}) == 10


def test_a_real_image_of_the_same_class_stands_beside() -> None:
    real = [Path("real/green/a.png"), Path("real/red/b.png"), Path("real/red/c.png")]
    assert {beside("red/000.png", real, number) for number in range(4)} == set(real[1:])


def test_without_such_a_folder_any_real_image_does() -> None:
    real = [Path("real/a.png"), Path("real/b.png")]
    assert {beside("red/000.png", real, number) for number in range(2)} == set(real)


def test_extremes_come_with_the_most_telling_first_and_none_twice() -> None:
    images = [RefinedImage(f"{number}.png", float(number)) for number in range(5)]
    most, least = extremes(images, 3)
    assert [image.change for image in most] == [4, 3, 2]
    assert [image.change for image in least] == [0, 1]
