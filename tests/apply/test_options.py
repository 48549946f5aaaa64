import json
from pathlib import Path
from typing import Any

import pytest

from refine.errors import InputError
from refine.files import RUN
from tests.apply.trees import dataset, options, refused, run, tree


def test_scale_overrides_the_working_size() -> None:
    for scale, size in (("trained", (8, 8)), ("64x32", (64, 32)), ("native", None)):
        assert options(scale=scale).working_size((8, 8)) == size


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        *(({"scale": scale}, "--scale .*expected native") for scale in ("64", "0x3", "64x32x3", "big")),
        *(({"strength": each}, "--strength .*above 0 and up to 1") for each in (0.0, -0.5, 1.01, float("nan"))),
        ({"precision": "16"}, "--precision '16': expected one of 32, bf16"),
        ({"batch_size": 0}, "--batch-size and --workers must be 1 or more"),
        ({"workers": 0}, "--batch-size and --workers must be 1 or more"),
    ],
)
def test_a_flag_out_of_its_range_is_refused(tmp_path: Path, flags: dict[str, object], message: str) -> None:
    refused(message, dataset(tmp_path / "in", count=2), tmp_path / "out", **flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"audit": Path("a"), "if_wrong": "keep"}, "--if-wrong 'keep': expected one of original, leave-out"),
        ({"audit": Path("a"), "repair": "all"}, "--repair 'all': expected one of fail, review"),
        ({"if_wrong": "leave-out"}, "--if-wrong says what is done about an audit's verdicts: give --audit DIR as well"),
        ({"repair": "review"}, "--repair says what is done about an audit's verdicts: give --audit DIR as well"),
    ],
)
def test_what_is_done_about_verdicts_is_held_against_what_there_is(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        options(**flags)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"batch_size": 4}, "--batch-size 8, not 4"),
        ({"precision": "bf16"}, "--precision"),
        ({"scale": "native"}, "--scale"),
        ({"images": "part0/*.png"}, "--images"),
        ({"layout": "images"}, "--layout"),
        ({"strength": 0.5}, r"--strength 1\.0, not 0\.5"),
        ({"amount": 0.5}, "checkpoint"),
    ],
)
def test_another_flag_or_model_into_the_same_output_is_refused(
    tmp_path: Path, change: dict[str, object], names: str
) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    run(source, output)
    refused(names, source, output, **change)
    assert run(source, output, workers=5).kept == 2


def test_the_record_holds_neither_time_nor_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(dataset(tmp_path / name / "in"), tmp_path / name / "out", workers=1 if name == "a" else 3)
    assert tree(tmp_path / "a" / "out") == tree(tmp_path / "b" / "out")
    record = json.loads((tmp_path / "a" / "out" / RUN).read_text())
    assert record["model"]["class_path"] == "tests.apply.tiny.Tiny"
    assert record["flags"]["batch_size"] == 8


def test_an_output_from_before_there_was_strength_goes_on(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=4), tmp_path / "out"
    run(source, output)
    record = json.loads((output / RUN).read_text())
    del record["flags"]["strength"], record["audit"]
    (output / RUN).write_text(json.dumps(record))
    assert run(source, output).kept == 4
    refused(r"--strength 1\.0, not 0\.5", source, output, strength=0.5)
