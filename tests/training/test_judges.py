from pathlib import Path

import pytest
import torch

from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.labels import LabelSpace
from refine.training.judges import Judges
from tests.methods.steps import CLASSES, stored_task

IMAGES = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
SPACE = LabelSpace("class", tuple(CLASSES))


def test_several_answer_by_the_mean_of_their_probabilities_or_values(tmp_path: Path) -> None:
    for kind in ("class", "mask", "targets"):
        paths = [stored_task(tmp_path / str(seed), kind, seed=seed) for seed in (1, 2, 3)]
        judges, alone = Judges(paths), [Judges([path]).models[0] for path in paths]
        outputs = [model(to_float(to_levels(IMAGES))) for model in alone]
        mean = torch.stack([output if kind == "targets" else output.softmax(1) for output in outputs]).mean(0)
        expected = mean if kind == "targets" else mean.argmax(1)
        assert torch.equal(judges.predict(IMAGES), expected), kind
        assert (judges.kind.name, judges.names) == (kind, tuple(CLASSES))


def test_a_signal_below_the_rounding_to_8_bits_is_not_seen(tmp_path: Path) -> None:
    judges = Judges([stored_task(tmp_path, "targets")])
    levels = to_float(to_levels(IMAGES))
    assert torch.equal(judges.predict(levels), judges.predict(levels + 0.3 / 127.5))
    assert not torch.equal(judges.predict(levels), judges.predict(levels + 0.8 / 127.5))


def test_objects_are_judged_by_one_alone(tmp_path: Path) -> None:
    paths = [stored_task(tmp_path / str(seed), "objects", seed=seed) for seed in (1, 2)]
    assert Judges(paths[:1]).predict(IMAGES).shape[2] == 6
    with pytest.raises(InputError, match="one judge is asked alone"):
        Judges(paths)


def test_they_must_know_the_datas_labels_and_take_its_images(tmp_path: Path) -> None:
    judges = Judges([stored_task(tmp_path), stored_task(tmp_path / "rgb", channels=3)])
    judges.require(SPACE, Path("data"), 1, (16, 16))
    with pytest.raises(InputError, match="task-class: the task model knows class labels dark, bright, but data has"):
        judges.require(LabelSpace("class", ("bright", "dark")), Path("data"), 1, (16, 16))
    with pytest.raises(InputError, match="data: has no labels, so there is nothing to judge"):
        judges.require(LabelSpace("none"), Path("data"), 1, (16, 16))
    with pytest.raises(
        InputError, match=r"task-class: cannot judge images of 3x16x16 .*; fit the judge on such images"
    ):
        judges.require(SPACE, Path("data"), 3, (16, 16))
