import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from refine.benchmark.result import Benchmark
from refine.cli import parser
from refine.distances.result import Evaluation
from refine.report.pages.commands import reproduction
from tests.audit.audits import audit

SIDES = {"synthetic": Path("my sims"), "refined": Path("out"), "real": Path("real")}


def steps(run: dict[str, object], files: dict[str, Path] | None = None, **results: Any) -> dict[str, str]:
    return reproduction(run, SIDES, Path("report.html"), files or {}, **results)


def evaluation(record: dict[str, Any], **score: Any) -> Evaluation:
    return {"rows": {"synthetic": {"fid": {"value": 1.0, "n": [1, 1], **score}}}, "warnings": [], "provenance": record}  # type: ignore[typeddict-item]  # a test's own


def benchmark(record: dict[str, Any], metric: str = "accuracy", classes: Sequence[str] = ("red", "green")) -> Benchmark:
    return {
        "metric": metric,
        "classes": list(classes),
        "rows": {},
        "gap_closed": {},
        "protocol": "",
        "provenance": record,
    }


def arguments(command: str, found: dict[str, str]) -> Any:
    """What the command line itself makes of a step."""
    program, *words = shlex.split(found[command])
    assert program == "refine"
    parsed = parser(command).parse_args(words)
    return parsed.chosen.read(parsed)


def test_recorded_flags_are_given_and_others_are_not() -> None:
    apply = steps({"flags": {"batch_size": 4, "layout": None, "scale": "native"}})["apply"]
    wanted = "refine apply --checkpoint CHECKPOINT --input 'my sims' --output out --batch-size 4 --scale native"
    assert apply == wanted


def test_files_that_exist_are_named_and_missing_ones_get_a_name() -> None:
    files = {"metrics": Path("x.json"), "benchmark": Path("b/benchmark.json")}
    assert steps({})["evaluate"].endswith("--output metrics.json")
    found = steps({}, files, evaluation=evaluation({}), benchmark=benchmark({}, "miou"))
    assert found["evaluate"].endswith("--real real --output x.json")
    assert "--benchmark b/benchmark.json" in found["report"]
    assert found["benchmark"].endswith("--refined out --real real --output b")


def test_evaluate_is_given_what_its_file_records() -> None:
    record = {
        "folders": {name: {"path": f"/data/{name}"} for name in ("synthetic", "refined", "real")},
        "size": [64, 32],
        "images": "rgb/**/*.png",
        "extractors": {"inception-64": {}, "task": {}},
        "swd": {"patch": 7},
        "metrics": ["swd", "kid"],
        "interval": {"level": 0.95, "resamples": 10, "groups": "[a-z]+"},
        "seed": 3,
        "device": "cpu",
    }
    words = arguments("evaluate", steps({}, evaluation=evaluation(record)))
    assert words.synthetic == Path("/data/synthetic")
    assert words.refined == Path("/data/refined")
    assert words.real == Path("/data/real")
    assert words.features == ("swd", "inception-64", "task=CHECKPOINT")
    assert (words.metrics, words.groups) == (("swd", "kid"), "[a-z]+")
    assert (words.size, words.images, words.seed, words.device) == ((64, 32), "rgb/**/*.png", 3, "cpu")


def test_evaluate_is_given_all_that_changes_a_figure() -> None:
    record = {
        "extractors": {"vgg16": {}},
        "metrics": ["fid", "precision", "coverage", "skvd"],
        "neighbors": {"precision": 4, "coverage": 4},
        "mapping": "carla-to-camvid11",
        "real_mapping": "own.yaml",
        "skvd": {"maps": {"segmenter": "ab"}},
    }
    words = arguments("evaluate", steps({}, evaluation=evaluation(record, infinite={"value": 0.5})))
    assert (words.neighbors, words.infinite, words.segmenter) == (4, True, Path("CHECKPOINT"))
    assert (words.mapping, words.real_mapping) == ("carla-to-camvid11", "own.yaml")
    record |= {"neighbors": {"precision": 3, "coverage": 5}, "skvd": {"maps": "masks"}}
    words = arguments("evaluate", steps({}, evaluation=evaluation(record)))
    assert (words.neighbors, words.infinite, words.segmenter) == (None, False, None)


def test_the_audit_is_given_what_its_file_records() -> None:
    record = {
        "classes": ["red", "green"],
        "size": [32, 64],
        "folds": 5,
        "steps": 100,
        "batch_size": 16,
        "networks": ["small-cnn", "lenet"],
        "groups": "^[^_]+",
        "judge": ["a.ckpt", "b.ckpt"],
        "real_labeled": "real",
        "checkpoint": None,
        "decisions": "by eye.csv",
        "layout": "class-folders",
        "real_layout": "carla",
        "trust": ["mine"],
        "seed": 3,
    }
    words = arguments("audit", steps({}, audit=audit(provenance=record)))
    assert (words.classes, words.size, words.folds, words.steps) == (("red", "green"), (32, 64), 5, 100)
    assert (words.batch_size, words.networks, words.groups) == (16, ("small-cnn", "lenet"), "^[^_]+")
    assert (words.judge, words.real_labeled) == ((Path("a.ckpt"), Path("b.ckpt")), Path("real"))
    assert (words.checkpoint, words.decisions) == (None, Path("by eye.csv"))
    assert (words.layout, words.real_layout, words.trust, words.seed) == ("class-folders", "carla", ("mine",), 3)


def test_benchmark_is_given_what_its_file_records() -> None:
    record = {
        "synthetic": "/data/s",
        "refined": {"simgan": "/data/a b", "gan": ["/data/c", "/data/d,e"]},
        "real": "/data/r",
        "real_train": "/data/t",
        "seeds": [0, 1, 2, 3],
        "steps": 200,
        "horizontal_flip": True,
        "size": [64, 32],
        "baselines": ["color_transfer", "fda"],
        "groups": "[a-z]+",
        "real_few": 20,
        "shift": 0,
        "batch_size": 16,
        "network": {"name": "SmallCNN", "flag": "small-cnn", "width": 8, "learning_rate": 0.001},
    }
    words = arguments("benchmark", steps({}, benchmark=benchmark(record)))
    assert words.refined == (("simgan", [Path("/data/a b")]), ("gan", [Path("/data/c"), Path("/data/d,e")]))
    assert (words.synthetic, words.real, words.real_train) == (Path("/data/s"), Path("/data/r"), Path("/data/t"))
    assert (words.classes, words.seeds, words.steps) == (("red", "green"), 4, 200)
    assert (words.size, words.horizontal_flip) == ((64, 32), True)
    assert (words.baselines, words.groups, words.real_few) == ("color_transfer,fda", "[a-z]+", (20,))
    assert (words.shift, words.batch_size) == (0, 16)
    assert (words.network, words.width, words.learning_rate) == ("small-cnn", 8, 0.001)
    del record["real_train"]
    record["baselines"] = []
    record["horizontal_flip"] = False
    command = steps({}, benchmark=benchmark(record))["benchmark"]
    assert "--real-train" not in command
    assert "--baselines none" in command
    assert "--horizontal-flip" not in command


def test_a_benchmark_of_masks_is_not_told_its_classes_which_its_layout_knows() -> None:
    record = {"synthetic": "/s", "refined": {"a": "/a"}, "real": "/r", "mapping": "carla-to-camvid11", "seeds": [0]}
    words = arguments("benchmark", steps({}, benchmark=benchmark(record, "miou", ["sky", "road"])))
    assert words.mapping == "carla-to-camvid11"
    assert words.classes is None


def test_a_repair_needs_its_audit_again() -> None:
    run = {"flags": {"strength": 0.5}, "audit": {"sha256": "0" * 64, "if_wrong": "leave-out", "repair": "review"}}
    words = arguments("apply", steps(run))
    assert (words.strength, str(words.audit), words.if_wrong, words.repair) == (0.5, "AUDIT", "leave-out", "review")


def test_the_report_is_given_the_audit_and_the_tuning() -> None:
    found = steps({}, {"audit": Path("audited"), "tuning": Path("tune.json")}, audit=audit())
    words = arguments("report", found)
    assert (words.audit, words.tuning) == (Path("audited"), Path("tune.json"))
    assert found["audit"] == "refine audit --synthetic 'my sims' --refined out --output audited --seed 0"


def test_what_is_no_flag_in_a_damaged_record_is_left_out() -> None:
    record = {"folders": 3, "extractors": [1], "metrics": "swd", "neighbors": None, "size": "wide", "seed": {"a": 1}}
    found = steps({"flags": 7, "audit": "x"}, evaluation=evaluation(record), benchmark=benchmark(record))
    assert found["apply"].endswith("--output out")
    assert "--seed" not in found["evaluate"]
    assert shlex.split(found["benchmark"])[:4] == ["refine", "benchmark", "--synthetic", "my sims"]
