from pathlib import Path

from refine.report.choose import beside, extremes
from refine.report.refined import RefinedImage


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
