"""`refine benchmark --recipe`: what it says, what flags change, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from refine.benchmark.options import BenchmarkOptions, benchmark_options, named, read_recipe
from refine.cli import main
from refine.errors import InputError


def recipe(folder: Path, text: str) -> Path:
    (folder / "r.yaml").write_text(text)
    return folder / "r.yaml"


def found(folder: Path, text: str, **flags: Any) -> dict[str, object]:
    return vars(benchmark_options({"recipe": recipe(folder, text), **flags}))


def test_paths_are_relative_to_the_recipe_and_all_else_is_as_the_flags_have_it(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text("key,group\n")
    text = """
        synthetic: s
        refined: {gan: a/b, other: [/c, 'd,e']}
        real: /real
        real-train: t
        output: out
        classes: [red, green]
        size: [64, 32]
        horizontal-flip: true
        groups: groups.csv
        mapping: carla-to-camvid11
        baselines: [fda, randomization]
        learning_rate: 1e-3
        real_few: [5, 20]
        mix: 25
        shift:
    """
    usual = vars(BenchmarkOptions(synthetic=Path(), refined=(), real=Path(), output=Path()))
    assert found(tmp_path, text) == {
        **usual,
        "recipe": tmp_path / "r.yaml",
        "synthetic": tmp_path / "s",
        "refined": (("gan", [tmp_path / "a/b"]), ("other", [Path("/c"), tmp_path / "d,e"])),
        "real": Path("/real"),
        "real_train": tmp_path / "t",
        "output": tmp_path / "out",
        "classes": ("red", "green"),
        "size": (64, 32),
        "horizontal_flip": True,
        "groups": str(tmp_path / "groups.csv"),
        "mapping": "carla-to-camvid11",
        "baselines": "fda,randomization",
        "learning_rate": 1e-3,
        "real_few": (5, 20),
        "mix": (25,),
    }


def test_refined_folders_may_be_a_list_or_one(tmp_path: Path) -> None:
    both = read_recipe(recipe(tmp_path, "refined: [gan=a, b]"))["refined"]
    assert both == [("gan", [tmp_path / "a"]), ("b", [tmp_path / "b"])]
    assert read_recipe(recipe(tmp_path, "refined: b")) == {"refined": [("b", [tmp_path / "b"])]}
    assert read_recipe(recipe(tmp_path, "refined: 'b,c'")) == {"refined": [("b,c", [tmp_path / "b,c"])]}


def test_flags_win_and_what_neither_says_has_its_default(tmp_path: Path) -> None:
    text = "{synthetic: s, refined: r, real: /real, output: out, seeds: 5, steps: 9}"
    both = found(tmp_path, text, seeds=2, refined=[("x", [Path("here")])])
    assert (both["seeds"], both["steps"], both["width"]) == (2, 9, 16)
    assert both["refined"] == (("x", [Path("here")]),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sedes: 3", r"r\.yaml: unknown key sedes; did you mean seeds\? It takes synthetic, refined, real, real-train"),
        ("seeds: many", r"r\.yaml: seeds: 'many' is not a whole number from 1 on"),
        ("seeds: true", r"r\.yaml: seeds is True; expected text"),
        ("horizontal-flip: 1", r"r\.yaml: horizontal-flip is 1; expected true or false"),
        ("classes: {a: 1}", r"r\.yaml: classes: expected text or a number, found dict"),
        ("classes: [[a]]", r"r\.yaml: classes: expected a list of names"),
        ("size: 3", r"r\.yaml: size: '3' is not HEIGHTxWIDTH"),
        ("refined: {a/b: c}", r"r\.yaml: refined: 'a/b' is no name of a row"),
        ("refined: [3]", r"r\.yaml: refined: expected folders, found 3"),
        ("refined: {a: [[b]]}", r"r\.yaml: refined: expected folders, found \['b'\]"),
        ("refined: {a: []}", r"r\.yaml: refined: 'a=' has an empty folder"),
        ("[a]", r"r\.yaml: expected a YAML mapping, found list"),
        ("recipe: other.yaml", "unknown key recipe"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe(recipe(tmp_path, text))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--refined is missing; give it, or name it in a recipe \(--recipe FILE\)"):
        found(tmp_path, "synthetic: s")


def test_a_wrong_recipe_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--recipe", str(recipe(tmp_path, "steps: 0"))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"refine: {tmp_path / 'r.yaml'}: steps: '0' is not a whole number from 1 on"


def test_two_refined_folders_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one" / "refined", tmp_path / "two" / "refined"
    for folder in (one, two):
        folder.mkdir(parents=True)
        (folder / "a.png").touch()
    rest = ["--synthetic", str(tmp_path), "--real", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(["benchmark", *rest, "--refined", str(one), "--refined", str(two)]) == 2
    assert f"{two}: {one} is already called 'refined'; give NAME=DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gan=out/x", ("gan", ["out/x"])),
        ("out/x", ("x", ["out/x"])),
        ("out/lr=3/x", ("x", ["out/lr=3/x"])),
        ("./lr=3", ("lr=3", ["lr=3"])),
        ("gan=a,b/c,/d", ("gan", ["a", "b/c", "/d"])),
        (r"gan=a\,b,c", ("gan", ["a,b", "c"])),
        (r"out/a\,b", ("a,b", ["out/a,b"])),
    ],
)
def test_a_name_ends_at_the_first_equals_sign_unless_it_is_a_path(text: str, expected: tuple[str, list[str]]) -> None:
    name, folders = expected
    assert named(text) == (name, [Path(folder) for folder in folders])


@pytest.mark.parametrize(("text", "message"), [("a,b", "several folders without a name"), ("x=a,", "an empty folder")])
def test_folders_that_make_no_row_are_refused(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--refined", text]) == 2
    assert message in capsys.readouterr().err
