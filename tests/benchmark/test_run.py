import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.benchmark.datasets import Datasets
from refine.benchmark.fit import Protocol, fit_task
from refine.benchmark.result import Benchmark
from refine.benchmark.run import run_benchmark
from refine.cli import main
from refine.data.store import LabeledImages
from refine.errors import InputError
from refine.methods.task import Task

CLASSES = ("high", "low", "none")


def lamps(root: Path, *, inverted: bool = False, shuffled: bool = False, count: int = 8, mode: str = "RGB") -> Path:
    """A lamp above, below or nowhere. Inverted: dark instead of bright. Shuffled: labels without meaning."""
    rng = np.random.default_rng([inverted, shuffled, count])
    for index in range(count * len(CLASSES)):
        number = index % len(CLASSES)
        pixels = rng.integers(90, 130, (16, 12, 3))
        place = int(rng.integers(len(CLASSES))) if shuffled else number
        if place < 2:
            pixels[2 + 7 * place : 7 + 7 * place, 3:9] += -80 if inverted else 100
        folder = root / CLASSES[number]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(folder / f"frame_{index}.png")
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("lamps")
    return {
        "synthetic": lamps(root / "synthetic", inverted=True),
        "good": lamps(root / "good", count=7),
        "useless": lamps(root / "useless", shuffled=True),
        "real": lamps(root / "real", count=10),
    }


def run(folders: dict[str, Path], output: Path, **arguments: object) -> Benchmark:
    settings: dict[str, object] = {
        "refined": {name: folders[name] for name in ("useless", "good") if name in folders},
        "seeds": 2,
        "steps": 40,
        "batch_size": 16,
        "shift": 1,
        "horizontal_flip": True,
        "output": output,
    }
    settings |= arguments
    return run_benchmark(folders["synthetic"], real=folders["real"], **settings)  # type: ignore[arg-type]  # of parameters


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("result") / "new" / "folder"


@pytest.fixture(scope="module")
def result(folders: dict[str, Path], output: Path) -> Benchmark:
    return run(folders, output)


def test_every_row_is_told_with_its_numbers_and_refined_images_like_the_real_ones_help(result: Benchmark) -> None:
    rows = result["rows"]
    expected = {"synthetic": 24, "color_transfer": 24, "useless": 24, "good": 21, "good+synthetic": 45}
    assert {name: row["n_train"] for name, row in rows.items()} == {**expected, "target_supervised": 24}  # four fifths
    assert list(result["gap_closed"]) == [*expected][1:]
    assert rows["target_supervised"]["folds"] == 5
    for row in rows.values():
        assert row["n_test"] == 30
        assert len(row["accuracy"]) == len(row["balanced_accuracy"]) == 2
        assert [sum(line) for line in row["confusion"]] == [20, 20, 20]
    assert rows["good"]["mean"] > 0.9
    assert rows["target_supervised"]["mean"] > 0.8
    assert rows["synthetic"]["mean"] < 0.7
    assert rows["useless"]["mean"] < 0.7
    assert rows["good"]["interval"][0] > rows["useless"]["interval"][1]
    assert (result["gap_closed"]["good"] or 0) > 0.8
    assert "difference" not in rows["synthetic"]
    for name in ("useless", "good", "target_supervised"):
        assert rows[name]["difference"]["value"] == pytest.approx(rows[name]["mean"] - rows["synthetic"]["mean"])
    assert rows["good"]["difference"]["p"] < 0.01
    assert rows["good"]["difference"]["interval"][0] > 0
    assert (result["warning"] is not None) == (rows["useless"]["mean"] < rows["synthetic"]["mean"])


def test_the_file_holds_what_is_returned_beside_the_tables_and_the_fits(result: Benchmark, output: Path) -> None:
    assert json.loads((output / "benchmark.json").read_text()) == result
    assert sorted(path.name for path in output.iterdir()) == ["benchmark.json", "benchmark.md", "benchmark.tex", "fits"]
    assert len(list((output / "fits").iterdir())) == 2 * (5 + 5)  # five rows and five blocks, two seeds
    assert (result["classes"], result["clusters"]) == (list(CLASSES), 30)
    settings = {"synthetic", "refined", "real", "seeds", "steps", "size", "network", "versions"}
    assert settings <= set(result["provenance"])
    assert "5 contiguous blocks" in result["protocol"]
    assert "Nothing was chosen" not in result["protocol"]
    assert "The benchmark itself chooses nothing by the test images' labels" in result["protocol"]


def test_unlabeled_images_bring_rows_with_self_training_and_tell_whether_the_test_is_inductive(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    others = lamps(tmp_path / "others", count=9)
    usual = {"seeds": 1, "refined": {"good": folders["good"]}}
    found = run(folders, tmp_path / "apart", unlabeled=others, **usual)
    assert {"synthetic+self_training", "good+self_training"} < set(found["rows"])
    assert found["rows"]["good+self_training"]["mean"] > 0.9
    assert found["adapted_to"] == {"images": 27, "tested": 0}
    kappas = {name: row["consistency"] for name, row in found["rows"].items() if name != "target_supervised"}
    assert "consistency" not in found["rows"]["target_supervised"]
    assert found["chosen"] == {"row": max(kappas, key=lambda name: kappas[name]), "consistency": max(kappas.values())}
    assert kappas["good+self_training"] > 0.8
    text = (tmp_path / "apart" / "benchmark.md").read_text()
    assert "inductive, if translators saw no real images but those of --unlabeled" in text
    again = run(folders, tmp_path / "apart", unlabeled=others, **usual)
    assert again["rows"] == found["rows"]
    darker = lamps(tmp_path / "darker", inverted=True, count=9)
    moved = run(folders, tmp_path / "apart", unlabeled=darker, **usual)
    one, other = (dict(each["rows"]["synthetic"]) for each in (moved, found))
    assert one.pop("consistency") != other.pop("consistency")
    assert one == other
    translated = [
        Datasets(folders["synthetic"], {}, folders["real"], None, None, None, unlabeled=each).translated(
            "color_transfer"
        )
        for each in (others, darker)
    ]
    assert not torch.equal(translated[0].images, translated[1].images)
    seen = run(folders, tmp_path / "same", unlabeled=folders["real"], strong=True, **{**usual, "steps": 2})
    assert seen["adapted_to"] == {"images": 30, "tested": 30}
    text = (tmp_path / "same" / "benchmark.md").read_text()
    assert "transductive: 30 of them are among --unlabeled" in text
    assert "then strong ones of light, color, blur and noise and of scale, place and angle" in text


def test_a_translator_that_exchanges_classes_is_named_and_the_others_are_joined(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    exchanged = tmp_path / "exchanged"
    for name, other in zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True):
        shutil.copytree(folders["good"] / other, exchanged / name)
    draws = [folders["good"], exchanged, lamps(tmp_path / "second", count=9)]
    others = lamps(tmp_path / "others", count=11)
    usual = {"seeds": 1, "strong": True, "unlabeled": others, "baselines": ()}
    found = run(folders, tmp_path / "three", refined={"good": draws}, **usual)
    agreement = found["agreement"]["good"]
    assert agreement["agreed"] == [0, 2]
    assert agreement["kappa"][0][2] > 0.9
    assert max(agreement["kappa"][1][0], agreement["kappa"][1][2]) < 0
    rows = found["rows"]
    made = ["good+agreed", "good+agreed+self_training"]
    assert [name for name in rows if "agreed" in name] == made
    assert [*rows][-1] == "target_supervised"
    assert rows["good+agreed"]["n_train"] == 21 + 27
    assert rows["good+agreed+self_training"]["mean"] > 0.9 > rows["good+self_training"]["mean"]
    text = (tmp_path / "three" / "benchmark.md").read_text()
    together = f"{agreement['kappa'][0][2]:.2f}"
    assert f"Translators of good: 2 of 3 agree on the unlabeled images (beyond chance {together}); " in text
    assert "exchanged does not (" in text
    assert found["chosen"]["row"] in made
    assert "Chosen without any real label: good+agreed+" in text
    assert "Rows with +agreed learn from the images of all translators of one row that agree" in text


def test_all_folders_of_a_row_are_joined_with_and_without_the_synthetic_images(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    draws = [lamps(tmp_path / str(count), count=count) for count in (3, 4, 5)]
    usual = {"seeds": 1, "steps": 4, "baselines": ()}
    rows = run(folders, tmp_path / "joined", refined={"gan": draws}, joined=True, **usual)["rows"]
    assert [name for name in rows if "joined" in name] == ["gan+joined", "gan+joined+synthetic"]
    assert len(rows["gan+joined"]["translator_means"]) == 3  # each leaves one out
    assert rows["gan+joined"]["n_train"] == 3 * (3 + 4)
    assert rows["gan+joined+synthetic"]["n_train"] == 3 * (3 + 4) + rows["synthetic"]["n_train"]
    text = (tmp_path / "joined" / "benchmark.md").read_text()
    assert (
        "Rows with +joined learn from the images of all translators of one row; of three or more each fit leaves one"
        in text
    )
    plain = run(folders, tmp_path / "plain", refined={"gan": draws}, **usual)["rows"]
    assert not any("joined" in name for name in plain)
    with pytest.raises(InputError, match="--joined: no refined dataset has several folders"):
        run(folders, tmp_path / "one", refined={"gan": draws[0]}, joined=True, **usual)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, set[str]]]:
    """Grows by the seed and the images of each fit."""
    found: list[tuple[int, set[str]]] = []

    def recorded(data: LabeledImages, classes: tuple[str, ...], protocol: Protocol, seed: int, *rest: object) -> Task:
        found.append((seed, set(data.keys)))
        return fit_task(data, classes, protocol, seed, *rest)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr("refine.benchmark.plan.fit_task", recorded)
    return found


def test_every_row_has_every_seed_and_no_block_is_predicted_by_a_task_that_saw_it(
    folders: dict[str, Path], tmp_path: Path, fitted: list[tuple[int, set[str]]]
) -> None:
    run(folders, tmp_path, refined={}, seeds=2, steps=1)
    assert [seed for seed, _ in fitted[:4]] == [0, 1, 0, 1]  # synthetic, color_transfer
    real = {path.relative_to(folders["real"]).as_posix() for path in folders["real"].rglob("*.png")}
    for number in (0, 1):
        held_out = [sorted(real - keys, key=place) for seed, keys in fitted[4:] if seed == number]
        assert [place(key) for block in held_out for key in block] == list(range(30))
        assert len(held_out) == 5


def place(key: str) -> int:
    return int(key.split("_")[1].removesuffix(".png"))


def test_gray_images_are_compared_as_gray_by_the_network_that_was_asked_for(tmp_path: Path) -> None:
    gray = {name: lamps(tmp_path / name, mode="L", count=2) for name in ("synthetic", "real")}
    found = run(gray, tmp_path / "out", baselines=(), network="lenet", size=(28, 28), seeds=1, steps=1)
    assert found["provenance"]["channels"] == 1
    assert found["provenance"]["network"]["name"] == "LeNet"  # type: ignore[index]  # a dictionary


def test_only_the_classes_asked_for_on_a_folder_of_real_training_images(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    train = lamps(tmp_path / "train", count=5)
    found = run(folders, tmp_path / "out", classes=("low", "high"), real_train=train, refined={}, seeds=1, steps=2)
    assert found["classes"] == ["low", "high"]
    assert list(found["rows"]) == ["synthetic", "color_transfer", "target_supervised"]
    row = found["rows"]["target_supervised"]
    assert (row["n_train"], row["n_test"]) == (10, 20)
    assert "folds" not in row


def test_refuses_datasets_that_disagree(folders: dict[str, Path], tmp_path: Path) -> None:
    lamps(tmp_path / "few", count=1)
    (tmp_path / "few" / "none").rename(tmp_path / "few" / "other")
    with pytest.raises(InputError, match=r"few.none: a class without an image"):
        run({**folders, "real": tmp_path / "few"}, tmp_path, classes=("high", "none"))
    with pytest.raises(InputError, match=r"few: has the classes high, low, other, expected high, low, none"):
        run(folders, tmp_path, refined={"few": tmp_path / "few"})


def test_classes_that_no_real_image_shows_are_learned_and_named(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = lamps(tmp_path / "real")
    for path in (real / "low").iterdir():
        path.unlink()
    (real / "low").rmdir()
    command = ["benchmark", "--synthetic", str(folders["synthetic"]), "--refined", str(folders["good"])]
    command += ["--real", str(real), "--baselines", "none", "--seeds", "1", "--steps", "20"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    assert "not tested, since the real images show none: low" in capsys.readouterr().out
    result = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert (result["classes"], result["untested"]) == (["high", "low", "none"], ["low"])
    assert set(result["rows"]["good"]["by_class"]) == {"high", "none"}
    assert result["rows"]["good"]["n_train"] == 21
    assert result["rows"]["good"]["mean"] > 0.5  # numbered alike


def test_refuses_real_images_without_labels_and_those_that_were_trained_on(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="an image without a label"):
        run({**folders, "real": folders["real"] / "high"}, tmp_path)
    with pytest.raises(InputError, match="train on other ones"):
        run(folders, tmp_path, real_train=folders["real"])


@pytest.mark.parametrize("name", ["synthetic", "color_transfer", "target_supervised", "good+synthetic"])
def test_refuses_names_of_other_rows(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name of another row"):
        run(folders, tmp_path, refined={"good": folders["good"], name: folders["good"]})


@pytest.mark.parametrize("arguments", [{"seeds": 0}, {"steps": 0}, {"batch_size": 0}, {"shift": -1}])
def test_refuses_numbers_without_sense(folders: dict[str, Path], tmp_path: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(arguments))} is "):
        run(folders, tmp_path, **arguments)


def test_an_output_that_cannot_be_made_is_refused_before_the_training(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.benchmark.plan.fit_task", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another --output"):
        run(folders, tmp_path / "file")


def test_color_transfer_is_the_only_baseline_unless_others_are_asked_for(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    found = run(folders, tmp_path, baselines=("fda", "randomization"), real_few=3, seeds=1, steps=2)
    few = [f"{name}+3_real{end}" for name in ("synthetic", "useless", "good") for end in ("", "_fine_tuned")]
    expected = ["useless", "good", "good+synthetic", "3_real", *few, "target_supervised"]
    assert list(found["rows"]) == ["synthetic", "fda", "randomization", *expected]
    row = found["rows"]["good+3_real"]
    assert (row["n_train"], row["n_real"], row["folds"]) == (24, 3, 5)
    assert "n_real" not in found["rows"]["good"]
    assert found["rows"]["target_supervised"]["n_real"] == 24


@pytest.mark.slow
def test_a_few_labeled_real_images_help_a_useless_dataset(folders: dict[str, Path], tmp_path: Path) -> None:
    found = run(folders, tmp_path, refined={"useless": folders["useless"]}, real_few=9, baselines=(), seeds=1)
    rows = found["rows"]
    assert rows["useless+9_real"]["mean"] > rows["useless"]["mean"] + 0.1


def test_groups_widen_the_intervals_and_stay_whole_in_cross_validation(
    folders: dict[str, Path], tmp_path: Path, fitted: list[tuple[int, set[str]]]
) -> None:
    found = run(folders, tmp_path, refined={}, groups=r"frame_(\d)", seeds=1, steps=2)
    assert (found["clusters"], found["provenance"]["groups"]) == (10, r"frame_(\d)")
    assert "groups whole" in found["protocol"]
    assert "(10 groups)" in found["protocol"]
    assert "take images as independent" not in found["protocol"]
    every = {path.relative_to(folders["real"]).as_posix() for path in folders["real"].rglob("*.png")}
    for _, keys in fitted[2:]:  # of the blocks
        trained = {key.split("frame_")[1][0] for key in keys}
        assert {key for key in every if key.split("frame_")[1][0] in trained} == keys


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--network", "vgg"], "network=vgg: no such task network; choose"),
        (["--network", "unet"], "network=unet: does not learn labels of kind class; choose small-cnn, lenet"),
        (["--real-few", "25"], "--real-few 25: there are only 24 labeled real images outside of the largest block"),
        (["--groups", "drive"], "--groups drive: does not match"),
        (["--groups", "frame"], "--groups frame: all 30 images are of one group"),
        (["--groups", "(frame"], "neither a CSV file nor a regular expression"),
        (["--baselines", "cut"], "--baselines cut: no such baseline; choose all, none, or color_transfer"),
        (["--learning-rate", "0"], "learning_rate is 0.0; expected more than 0"),
        (["--recipe", "none.yaml"], "none.yaml: no such file or folder (--recipe)"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_output(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    command = ["benchmark", "--synthetic", str(folders["synthetic"]), "--refined", f"good={folders['good']}"]
    assert main([*command, "--real", str(folders["real"]), "--output", str(tmp_path / "out"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()
