"""The task model of boxes."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.data.samples import Labeled
from refine.errors import InputError
from refine.labels import MOST_OBJECTS
from refine.methods.checkpoint import load_method
from refine.methods.task import Task
from tests.methods.steps import assert_resume_is_exact, data_of, run_steps
from tests.methods.test_task import logged_by_validation


def padded(*rows: list[float]) -> Tensor:
    """``(M, 5)``."""
    label = torch.full((MOST_OBJECTS, 5), -1.0)
    label[: len(rows)] = torch.tensor(rows).reshape(-1, 5)
    return label


def squares(seed: int = 0, count: int = 8) -> Labeled:
    """Gray pictures of 32x32 with a bright (class 1) or dark (class 0) square each, every fourth without one."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = 0.2 * torch.rand(count, 1, 32, 32, generator=generator), []
    for number in range(count):
        left, top, side = (int(v) for v in torch.randint(6, 14, (3,), generator=generator))
        kind = int(torch.randint(0, 2, (), generator=generator))
        if number % 4 == 3:
            labels.append(padded())
            continue
        images[number, :, top : top + side, left : left + side] = 2.0 * kind - 1.0
        labels.append(padded([kind, left, top, left + side, top + side]))
    return Labeled(images, torch.stack(labels), [""] * count)


def small(**arguments: object) -> Task:
    settings = {"classes": ["dark", "bright"], "channels": 1, "width": 8, "steps": 80, "learning_rate": 1e-2}
    return Task(**{"kind": "objects", **settings, **arguments})  # type: ignore[arg-type]  # the test names them


def test_a_detector_learns_boxes_and_tells_them_in_pixels() -> None:
    task = small()
    run_steps(task, [squares(seed) for seed in range(80)])
    task.eval()
    batch = squares(seed=999)
    found = task.predict(batch.image)
    assert (found.shape, found.dtype, found.requires_grad) == ((8, MOST_OBJECTS, 6), torch.float32, False)
    assert (found[..., 1].diff(dim=1) <= 0).all()  # the best first
    for boxes, rows in zip(found, batch.label, strict=True):
        if rows[0, 0] >= 0:
            assert boxes[0, 0] == rows[0, 0]
            assert (boxes[0, 2:] - rows[0, 1:]).abs().max() < 3.0
        else:
            assert boxes[0, 1] < 0.3
    scores = logged_by_validation(task, [squares(999), squares(998)])
    assert scores["task/map50"] > 0.9
    assert 0.3 < scores["task/map"] < scores["task/map50"]
    assert {"task/map50_dark", "task/map50_bright"} <= scores.keys()


def test_validation_of_boxes_is_over_all_images_and_begins_anew() -> None:
    task = small()
    told = torch.full((1, MOST_OBJECTS, 6), -1.0)
    told[0, 0] = torch.tensor([1.0, 0.9, 0.0, 0.0, 8.0, 8.0])
    task.predict = lambda images: told  # type: ignore[method-assign]  # a stand-in
    image = torch.zeros(1, 1, 8, 8)
    right = Labeled(image, padded([1, 0, 0, 8, 8])[None], [""])
    wrong = Labeled(image, padded([1, 20, 20, 28, 28])[None], [""])
    for _ in range(2):
        logged = logged_by_validation(task, [right, wrong])
        assert logged["task/map50"] == pytest.approx(51 / 101)  # one of two found, the first one told
        assert "task/map50_dark" not in logged  # there is none to find
    assert logged_by_validation(task, [Labeled(image, padded()[None], [""])]) == {}


def test_gray_images_go_through_an_rgb_detector() -> None:
    task, gray = small(channels=3).eval(), squares().image
    assert torch.equal(task.predict(gray), task.predict(gray.expand(-1, 3, -1, -1)))


def test_comes_back_from_a_checkpoint(tmp_path: Path) -> None:
    task, images = small(), squares().image
    run_steps(task, [squares()]).save_checkpoint(tmp_path / "task.ckpt")
    again = load_method(tmp_path / "task.ckpt")
    assert isinstance(again, Task)
    assert (again.kind, again.network, again.classes) == ("objects", "small-detector", ["dark", "bright"])
    assert torch.equal(again.predict(images), task.eval().predict(images))


def test_a_run_that_was_interrupted_ends_bit_for_bit_as_the_whole_one(tmp_path: Path) -> None:
    batches = [squares(seed) for seed in range(4)]
    assert_resume_is_exact(lambda: small(width=4, steps=4), batches, tmp_path)


def test_one_class_is_enough_and_there_are_no_probabilities() -> None:
    assert Task(classes=["car"], network="small-detector", width=4).kind == "objects"
    with pytest.raises(InputError, match="a task model of objects has no probabilities"):
        small().probabilities(squares().image)


@pytest.mark.parametrize(("stage", "asked"), [("fit", 1), ("predict", 0)])
def test_only_a_run_that_learns_asks_whether_every_image_has_its_label(stage: str, asked: int) -> None:
    task, calls = Task(width=4), list[str]()
    task.prepare(stage, data_of("objects", ("car",), 32, require_labels=lambda: calls.append("asked")))
    assert (task.kind, task.network, task.classes) == ("objects", "small-detector", ["car"])
    assert len(calls) == asked


def test_a_detector_needs_two_images_where_its_coarsest_map_is_one_cell() -> None:
    with pytest.raises(InputError, match="network=small-detector: needs two images or more in a batch at 32x32"):
        Task(width=4).prepare("fit", data_of("objects", ("car",), 32, batch_size=1, require_labels=lambda: None))
