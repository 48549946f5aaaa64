"""What a preset decides, and when a time allows for a larger one."""

from pathlib import Path

import pytest

from refine.training.sizing import (
    choose_preset,
    fitting_crop,
    look_at,
    presets_of,
    shorter_warm_ups,
    smaller_crop,
    without_odd,
)
from tests.conftest import WriteImages

CYCLEGAN = presets_of("refine.methods.CycleGAN")
TRANSLATORS = ["SimGAN", "CycleGAN", "CyCADA", "CUT"]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_that_learns_comes_in_three_sizes(name: str) -> None:
    small, medium, paper = presets_of(f"refine.methods.{name}")
    assert [small.name, medium.name, paper.name] == ["small", "medium", "paper"]
    assert small.gflop < medium.gflop <= paper.gflop
    assert small.enough_steps < medium.enough_steps < paper.enough_steps
    assert small.crop < medium.crop < paper.crop
    assert paper.init_args == {}


def test_others_come_in_one() -> None:
    assert presets_of("refine.methods.Task") == []


@pytest.mark.parametrize(
    ("device", "minutes", "size", "expected"),
    [
        ("cpu", 10, (64, 64), "small"),
        ("cpu", 10, (1080, 1920), "small"),
        ("cpu", 24 * 60, (128, 128), "medium"),
        ("cuda", 1, (256, 256), "small"),
        ("cuda", 15, (256, 256), "medium"),
        ("cuda", 60, (256, 256), "paper"),
    ],
)
def test_more_time_takes_a_larger_network(device: str, minutes: float, size: tuple[int, int], expected: str) -> None:
    assert choose_preset(CYCLEGAN, "auto", device, minutes, [size], 1000).name == expected


def test_a_preset_that_is_named_is_taken() -> None:
    assert choose_preset(CYCLEGAN, "paper", "cpu", 1, [(64, 64)], 1000).name == "paper"


def test_a_step_takes_as_long_for_images_of_any_size() -> None:
    small = CYCLEGAN[0]
    assert [small.batch_for((side, side), 1000) for side in (8, 32, 64, 128, 256)] == [8, 8, 2, 1, 1]
    assert small.batch_for((32, 32), 3) == 3  # no more than there are
    assert small.steps_in(10, "cpu", (64, 64), 4) == small.steps_in(10, "cpu", (128, 128), 1)
    assert small.steps_in(20, "cpu", (64, 64), 4) == pytest.approx(2 * small.steps_in(10, "cpu", (64, 64), 4), abs=10)


def test_a_crop_fits_into_every_image_but_odd_ones() -> None:
    assert fitting_crop([(64, 64)] * 3, 128) is None
    assert fitting_crop([], 128) is None
    assert fitting_crop([(64, 64), (50, 90)], 128) == (48, 64)
    assert fitting_crop([(600, 800)] * 3, 128) == (128, 128)
    assert fitting_crop(without_odd([(600, 800)] * 99 + [(16, 16)]), 128) == (128, 128)
    assert without_odd([(8, 8), (9, 9)]) == [(8, 8), (9, 9)]
    assert smaller_crop((256, 256), [(101, 300), (120, 200)]) == (100, 200)
    assert smaller_crop((35, 55), [(101, 300)]) == (35, 55)


def test_warm_ups_leave_most_of_few_steps() -> None:
    paper = {"refiner_warmup_steps": 1000, "discriminator_warmup_steps": 200}
    assert shorter_warm_ups(paper, (), 480) == {"refiner_warmup_steps": 100, "discriminator_warmup_steps": 20}
    assert shorter_warm_ups(paper, (), 10_000) == {}
    assert shorter_warm_ups(paper, ("refiner_warmup_steps",), 4400) == {"discriminator_warmup_steps": 100}
    assert shorter_warm_ups(paper, tuple(paper), 480) == {}
    assert shorter_warm_ups({"features": 4}, (), 10) == {}


def test_headers_of_some_images_are_read(tmp_path: Path, write_images: WriteImages) -> None:
    write_images(tmp_path / "in", count=5, size=(20, 30))
    (tmp_path / "in" / "notes.txt").write_text("no image")
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    assert look_at(tmp_path / "in") == ([(20, 30)] * 10, 11)
    assert look_at(tmp_path / "nowhere") == ([], 0)


def test_one_image_of_another_size_among_many_is_seen(tmp_path: Path, write_images: WriteImages) -> None:
    write_images(tmp_path / "in", count=300, size=(8, 8))
    write_images(tmp_path / "in" / "other", count=1, size=(20, 30))
    sizes, _ = look_at(tmp_path / "in")
    assert fitting_crop(sizes, 128) == (8, 8)
