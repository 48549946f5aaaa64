from pathlib import Path

from refine.report.commands import reproduction
from refine.report.read import Node

S, F, R = Path("my sims"), Path("out"), Path("real")


def steps(run: object, metrics: Path | None = None, benchmark: Path | None = None) -> dict[str, str]:
    return reproduction(Node(run, "run", ""), S, F, R, metrics, benchmark, Path("report.html"))


def test_recorded_flags_are_given_and_others_are_not() -> None:
    apply = steps({"flags": {"batch_size": 4, "layout": None, "scale": "native"}})["apply"]
    wanted = "refine apply --checkpoint CHECKPOINT --input 'my sims' --output out --batch-size 4 --scale native"
    assert apply == wanted


def test_files_that_exist_are_named_and_missing_ones_get_a_name() -> None:
    assert steps({})["evaluate"].endswith("--output metrics.json")
    assert steps({}, metrics=Path("m/x.json"))["evaluate"].endswith("--output m/x.json")
    assert "--benchmark b/benchmark.json" in steps({}, benchmark=Path("b/benchmark.json"))["report"]
    assert steps({}, benchmark=Path("b/benchmark.json"))["benchmark"].endswith("--output b")
