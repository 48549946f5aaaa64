import html
import json
import re
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from PIL import Image
from rich.console import Console

from refine.cli import main
from refine.inspect.result import Inspection
from refine.inspect.text import print_inspection
from tests.data import layouts
from tests.data.layouts import examples
from tests.inspect.datasets import (
    class_folders,
    coco,
    found,
    inspected,
    mask_folders,
    noise,
    save,
    table,
)

Capture = pytest.CaptureFixture[str]


def holds(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type: TypedDicts with exactly their keys."""
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        return (
            isinstance(value, dict)
            and set(value) == set(hints)
            and all(holds(value[name], hint) for name, hint in hints.items())
        )
    origin, parts = get_origin(kind), get_args(kind)
    if origin is list:
        return isinstance(value, list) and all(holds(each, parts[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(holds(each, parts[1]) for each in value.values())
    if parts:
        return any(holds(value, part) for part in parts)
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


@pytest.mark.parametrize("write", [class_folders, mask_folders])
def test_the_json_is_what_the_types_say(write: Any, tmp_path: Path, capsys: Capture) -> None:
    real = write(tmp_path / "real", start=100)
    result = inspected(capsys, write(tmp_path / "here"), "--real", real)
    del result["code"]
    assert holds(result, Inspection)
    alone = inspected(capsys, coco(tmp_path / "boxes", [(1, 1, 5, 5), (2, 2, 9, 9)]))
    assert alone.pop("code") == 0
    assert holds(alone, Inspection)
    assert alone["gap"] is None


def planted(root: Path) -> tuple[Path, Path]:
    """A dataset with a fault and another layout than the real one."""
    here, real = mask_folders(root / "here", horizon=0.6), mask_folders(root / "real", start=50, horizon=0.2)
    (here / "masks/004.png").unlink()
    (here / "images/<b>.png").write_bytes((here / "images/001.png").read_bytes())
    (here / "masks/<b>.png").write_bytes((here / "masks/001.png").read_bytes())
    return here, real


def test_text_json_and_page_say_the_same(tmp_path: Path, capsys: Capture) -> None:
    here, real = planted(tmp_path)
    out = tmp_path / "deep/out"
    assert main(["inspect", str(here), "--real", str(real), "--output", str(out)]) == 1
    text = " ".join(capsys.readouterr().out.split())
    result = json.loads((out / "inspect.json").read_text())
    page = html.unescape((out / "inspect.html").read_text())
    assert result["gap"]["warnings"]
    for warning in result["gap"]["warnings"]:
        assert warning in text
        assert warning in page
    for each in result["dataset"]["findings"]:
        assert f"{each['what']}: {len(each['files'])}" in text
        assert f"{each['what']}: {len(each['files'])}" in page
        for file in each["files"]:
            assert file["detail"].replace("\n", " ") in page
    for row in result["dataset"]["labels"]["classes"]:
        assert re.search(rf"{row['name']} +{row['count']}\b", text)
        assert f'<th scope="row">{row["name"]}</th><td class="number">{row["count"]}</td>' in page
    (swd,) = result["gap"]["distances"]
    assert f"swd ({swd['images']} images a side)" in page
    assert f"{result['faults']} broken, {result['suspicious']} suspicious" in text
    assert Image.open(out / "montage.png").format == "PNG"
    assert sorted(path.name for path in out.iterdir()) == ["inspect.html", "inspect.json", "montage.png"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["/nowhere"], "/nowhere: no such file or folder"),
        (["{here}", "--real", "/nowhere"], "/nowhere: no such file or folder (--real)"),
        (["{here}", "--output", "{here}/out"], "lies in the dataset"),
        (["{here}", "--real", "{real}", "--output", "{real}"], "lies in the dataset"),
        (["{here}", "--output", "{here}/a/000.png/out"], "lies in the dataset"),
        (["{here}", "--layout", "foo"], "--layout foo: no such layout; expected auto, one of"),
        (["{here}", "--mapping", "gta5-to-cityscapes19"], "has class labels; a mapping is for classes of masks"),
        (["{here}", "--features", "inception-7"], "inception-7: no such features"),
        (["{here}", "--weights", "/nowhere.pth"], "/nowhere.pth: no such file"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(args: list[str], message: str, tmp_path: Path, capsys: Capture) -> None:
    folders = {"here": class_folders(tmp_path / "here", 2), "real": class_folders(tmp_path / "real", 2, start=50)}
    assert main(["inspect", *(arg.format(**folders) for arg in args)]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_names_with_markup_are_printed_as_they_are(tmp_path: Path, capsys: Capture) -> None:
    save(tmp_path / "[bold]a" / "1.png", noise(1))
    save(tmp_path / "b\x1b[31m" / "2.png", noise(2))
    assert main(["inspect", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "[bold]a" in shown
    assert "\x1b" not in shown


def test_a_long_problem_is_one_line_where_no_terminal_is(tmp_path: Path, capsys: Capture) -> None:
    name = "long " * 30 + ".png"
    (class_folders(tmp_path) / "a" / name).write_bytes(b"no")
    assert main(["inspect", str(tmp_path)]) == 1
    assert any(f"a/{name}: cannot be read as an image" in line for line in capsys.readouterr().out.splitlines())


def test_classes_that_never_occur_are_one_line_of_text_and_page(tmp_path: Path, capsys: Capture) -> None:
    (mask_folders(tmp_path / "set") / "classes.txt").write_text("sky\nroad\ncar\ntrain\n<bus>\n")
    assert main(["inspect", str(tmp_path / "set"), "--output", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  2 classes never occur: train, <bus>" in lines
    assert not any(line.strip().startswith("train") for line in lines)
    page = (tmp_path / "out/inspect.html").read_text()
    assert "<p>2 classes never occur: train, &lt;bus&gt;</p>" in page
    assert re.findall(r'<th scope="row">(\w+)</th><td class="number">', page) == ["sky", "road", "car"]


def test_paths_are_whole_and_break_where_their_parts_end(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path / "my_set", 2)
    (tmp_path / "my_set/a/000.png").rename(tmp_path / "my_set/a/one_<b>.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "my_set")
    assert main(["inspect", ".", "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("~/my_set: 2 images")
    page = (tmp_path / "out/inspect.html").read_text()
    assert "<code>~/<wbr>my_<wbr>set</code>" in page
    assert "<code>a/<wbr>one_<wbr>&lt;b&gt;<wbr>.png</code>" in page
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    assert main(["inspect", "."]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/my_set: 2 images")


def test_the_help_says_what_the_exit_codes_mean(capsys: Capture) -> None:
    assert main(["inspect", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 a file is broken, and listed; 2 the dataset could not be opened at all" in told


def test_targets_have_a_table(tmp_path: Path, capsys: Capture) -> None:
    assert main(["inspect", str(table(tmp_path, [(0.125, 1.0), (0.375, 2.0)]))]) == 0
    assert re.search(r"pitch +0\.125 +0\.25 +0\.125 +0\.375", capsys.readouterr().out)


def test_kid_is_measured_on_the_features_that_are_asked_for(tmp_path: Path) -> None:
    from torch import Tensor

    from refine.inspect.options import InspectOptions
    from refine.inspect.run import inspect

    class Means:
        name, sha256, resize, input_range = "means", None, "none", "-1 to 1"

        def __call__(self, images: Tensor) -> Tensor:
            return images.mean(dim=(2, 3))

    here, real = class_folders(tmp_path / "here"), class_folders(tmp_path / "real", start=100)
    result = inspect(InspectOptions(folder=here, real=real), [Means()])
    assert result["gap"] is not None
    assert [each["name"] for each in result["gap"]["distances"]] == ["swd", "kid[means]"]
    kid = result["gap"]["distances"][1]
    assert kid["images"] == 6
    assert abs(kid["value"]) < 0.01
    console = Console(record=True, width=200)
    print_inspection(result, console)
    assert "kid[means] (6 images a side)" in console.export_text()


BROKEN = {"listing", "unreadable", "label", "outside"}


def writers() -> list[Callable[[Path], Path]]:
    """Every generator of a whole dataset: ``write_NAME(root)`` in a layout's test, or in `examples`."""
    places = [
        (package.__name__, each.name) for package in (examples, layouts) for each in iter_modules(package.__path__)
    ]
    modules = [import_module(f"{package}.{name}") for package, name in places]
    functions = [
        function
        for module in modules
        for name, function in sorted(vars(module).items())
        if name.startswith("write_") and getattr(function, "__module__", "") == module.__name__
    ]
    return [function for function in functions if next(iter(signature(function).parameters)) == "root"]


@pytest.mark.parametrize("write", writers(), ids=lambda write: str(write.__name__))
def test_the_example_of_each_layout_is_whole(
    write: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "set")
    result = inspected(capsys, root, "--output", tmp_path / "out")
    assert not BROKEN & set(found(result)), found(result)
    labels = result["dataset"]["labels"]
    assert labels["labeled"] > 0 or labels["kind"] == "none"
    assert (tmp_path / "out/inspect.html").stat().st_size > 0
