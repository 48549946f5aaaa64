import argparse
import shlex
from pathlib import Path

from refine.cli import parser
from refine.report.commands import reproduction
from refine.report.read import Node
from tests.report.trees import save_json

S, F, R = Path("my sims"), Path("out"), Path("real")


def steps(run: object, metrics: Path | None = None, benchmark: Path | None = None) -> dict[str, str]:
    return reproduction(Node(run, "run", ""), S, F, R, metrics, benchmark, Path("report.html"))


def arguments(command: str, found: dict[str, str]) -> argparse.Namespace:
    """What the command line itself makes of a step."""
    program, *words = shlex.split(found[command])
    assert program == "refine"
    return parser().parse_args(words)


def test_recorded_flags_are_given_and_others_are_not() -> None:
    apply = steps({"flags": {"batch_size": 4, "layout": None, "scale": "native"}})["apply"]
    wanted = "refine apply --checkpoint CHECKPOINT --input 'my sims' --output out --batch-size 4 --scale native"
    assert apply == wanted


def test_files_that_exist_are_named_and_missing_ones_get_a_name(tmp_path: Path) -> None:
    metrics, helped = save_json(tmp_path / "x.json", {}), save_json(tmp_path / "benchmark.json", {})
    assert steps({})["evaluate"].endswith("--output metrics.json")
    assert steps({}, metrics=metrics)["evaluate"].endswith(f"--real real --output {metrics}")
    assert f"--benchmark {helped}" in steps({}, benchmark=helped)["report"]
    assert steps({}, benchmark=helped)["benchmark"].endswith(f"--refined out --real real --output {tmp_path}")


def test_evaluate_is_given_what_its_file_records(tmp_path: Path) -> None:
    record = {
        "folders": {name: {"path": f"/data/{name}"} for name in ("synthetic", "refined", "real")},
        "size": [64, 32],
        "images": "rgb/**/*.png",
        "extractors": {"inception-64": {}, "task": {}},
        "swd": {"patch": 7},
        "seed": 3,
        "device": "cpu",
    }
    words = arguments("evaluate", steps({}, metrics=save_json(tmp_path / "m.json", {"provenance": record})))
    assert words.synthetic == Path("/data/synthetic")
    assert words.refined == Path("/data/refined")
    assert words.real == Path("/data/real")
    assert words.features == ["swd", "inception-64", "TASK_CHECKPOINT"]
    assert (words.size, words.images, words.seed, words.device) == ((64, 32), "rgb/**/*.png", 3, "cpu")


def test_benchmark_is_given_what_its_file_records(tmp_path: Path) -> None:
    record = {
        "synthetic": "/data/s",
        "refined": {"simgan": "/data/a b", "gan": "/data/c"},
        "real": "/data/r",
        "real_train": "/data/t",
        "seeds": [0, 1, 2, 3],
        "steps": 200,
        "horizontal_flip": True,
        "size": [64, 32],
    }
    result = {"classes": ["red", "green"], "provenance": record}
    words = arguments("benchmark", steps({}, benchmark=save_json(tmp_path / "benchmark.json", result)))
    assert words.refined == [("simgan", Path("/data/a b")), ("gan", Path("/data/c"))]
    assert (words.synthetic, words.real, words.real_train) == (Path("/data/s"), Path("/data/r"), Path("/data/t"))
    assert (words.classes, words.seeds, words.steps) == (("red", "green"), 4, 200)
    assert (words.size, words.horizontal_flip) == ((64, 32), True)
    del record["real_train"]
    record["horizontal_flip"] = False
    command = steps({}, benchmark=save_json(tmp_path / "benchmark.json", result))["benchmark"]
    assert "--real-train" not in command
    assert "--horizontal-flip" not in command


def test_a_benchmark_of_masks_is_not_told_its_classes_which_its_layout_knows(tmp_path: Path) -> None:
    record = {"synthetic": "/s", "refined": {"a": "/a"}, "real": "/r", "mapping": "carla-to-camvid11", "seeds": [0]}
    result = {"metric": "miou", "classes": ["sky", "road"], "provenance": record}
    words = arguments("benchmark", steps({}, benchmark=save_json(tmp_path / "benchmark.json", result)))
    assert (words.classes, words.mapping) == (None, "carla-to-camvid11")
