import json
from pathlib import Path

import pytest
import torch

from refine.cli import main
from refine.data.images import to_float, to_levels
from refine.distances.networks import Judges, TaskSegmenter, extractors
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.labels import LabelSpace
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task
from tests.methods.steps import CLASSES, stored_task
from tests.metrics.features.files import INCEPTION, needs_weights


def test_a_task_models_checkpoint_serves_as_features_and_gives_the_metric_its_name(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4"]
    where = ["--trainer.default-root-dir", str(tmp_path), "--run", "task", "--trainer.accelerator", "cpu"]
    assert main(["fit", "-c", "models/task.yaml", *data, *where, "--steps", "3", "--model.width", "4"]) == 0
    task = str(tmp_path / "task" / "last.ckpt")
    sides = ["--synthetic", str(pair[0]), "--refined", str(pair[0]), "--real", str(pair[1])]
    assert main(["evaluate", *sides, "--features", task, "swd", "--output", str(tmp_path / "metrics.json")]) == 0
    rows = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert set(rows) == {"synthetic", "refined", "real_floor"}
    assert set(rows["refined"]) == {"swd", "fid[task]", "kid[task]"}
    assert rows["refined"]["kid[task]"]["value"] == rows["synthetic"]["kid[task]"]["value"]  # the same images


def test_a_translators_checkpoint_has_no_features(pair: tuple[Path, Path], tmp_path: Path) -> None:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "2"]
    where = ["--trainer.default-root-dir", str(tmp_path), "--run", "gan", "--trainer.accelerator", "cpu"]
    small = ["--model.features", "4", "--model.blocks", "1", "--steps", "1"]
    assert main(["fit", "-c", "models/simgan.yaml", *data, *where, *small]) == 0
    with pytest.raises(InputError, match="holds SimGAN; features come from a task model"):
        extractors([str(tmp_path / "gan" / "last.ckpt")], None)


def test_a_name_that_is_neither_is_refused() -> None:
    with pytest.raises(InputError, match="inception"):
        extractors(["inception-99"], None)


@pytest.mark.parametrize("given", ["runs/task/last.ckpt", "last.ckpt", "mine=runs/other"])
def test_a_checkpoint_that_is_not_there_is_one_clear_error(given: str) -> None:
    with pytest.raises(InputError, match="no such file; expected a task model's checkpoint"):
        extractors([given], None)


def test_two_networks_of_one_name_are_refused_unless_they_are_given_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bundle(Task(classes=["a", "b"], width=4), tmp_path / name)
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    with pytest.raises(InputError, match=r"two: one network called 'task' is given already.*NAME=.*two"):
        extractors([one, "swd", two], None)
    assert [found.name for found in extractors([one, f"second={two}"], None)] == ["task", "second"]


def test_a_file_of_weights_may_stand_with_its_network(vgg16_weights: Path, tmp_path: Path) -> None:
    given = f"vgg16={vgg16_weights}"
    assert [found.name for found in extractors([given], None)] == ["vgg16"]
    with pytest.raises(InputError, match=r"none\.pth: no such file; --weights takes the VGG-16 weights"):
        extractors([f"vgg16={tmp_path / 'none.pth'}"], None)


def test_weights_that_could_be_those_of_two_networks_are_refused(vgg16_weights: Path) -> None:
    with pytest.raises(InputError, match=r"the weights of inception or of vgg16\? Say which"):
        extractors(["inception-64", "vgg16"], vgg16_weights)
    assert len(extractors(["vgg16"], vgg16_weights)) == 1


@needs_weights
def test_one_file_of_weights_serves_all_depths_of_inception_beside_networks_with_files_of_their_own(
    vgg16_weights: Path,
) -> None:
    names = ["inception-64", "inception-192", f"vgg16={vgg16_weights}"]
    found = extractors(names, INCEPTION, resize="clean")
    assert [each.name for each in found] == ["inception-64-clean", "inception-192-clean", "vgg16"]


def test_a_class_of_the_users_own_serves_as_features_if_its_module_is_trusted(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_features.py").write_text("def means(images):\n    return images.mean(dim=(2, 3))\n")
    monkeypatch.syspath_prepend(tmp_path)
    sides = ["--synthetic", str(pair[0]), "--refined", str(pair[0]), "--real", str(pair[1])]
    command = ["evaluate", *sides, "--features", "my_features:means", "--output", str(tmp_path / "metrics.json")]
    assert main(command) == 2
    assert "--trust my_features" in capsys.readouterr().err
    assert main([*command, "--trust", "my_features"]) == 0
    assert "kid[means]" in json.loads((tmp_path / "metrics.json").read_text())["rows"]["refined"]


def test_a_task_model_of_masks_predicts_maps(tmp_path: Path) -> None:
    write_bundle(Task(classes=["road", "sky"], width=4, kind="mask"), tmp_path / "task")
    segmenter = TaskSegmenter(tmp_path / "task")
    images = 2 * torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) - 1
    found, task = segmenter.predict(images), load_method(tmp_path / "task")
    assert isinstance(task, Task)
    assert torch.equal(found, task.predict(images))
    assert found.shape == (2, 16, 24)
    assert segmenter.sha256 == model_sha256(tmp_path / "task")


def test_a_task_model_of_classes_draws_no_maps(tmp_path: Path) -> None:
    write_bundle(Task(classes=["a", "b"], width=4), tmp_path / "task")
    with pytest.raises(InputError, match="holds a task model of class labels; expected a task model of masks"):
        TaskSegmenter(tmp_path / "task")


def test_images_that_the_model_cannot_take_are_an_error_with_a_cure(tmp_path: Path) -> None:
    write_bundle(Task(classes=["road", "sky"], channels=1, width=4, kind="mask"), tmp_path / "task")
    with pytest.raises(InputError, match=r"cannot take images of 3x16x16 .*--size HxW"):
        TaskSegmenter(tmp_path / "task").predict(torch.zeros(1, 3, 16, 16))


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
