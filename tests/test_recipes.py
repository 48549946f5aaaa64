from pathlib import Path

import pytest

from refine.cli import main
from refine.errors import InputError
from refine.recipes import find_recipe, list_recipes, recipe_summary


def test_a_path_that_exists_wins_then_the_packaged_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    packaged = find_recipe("models/simgan.yaml")
    assert packaged.is_file()
    own = tmp_path / "models" / "simgan.yaml"
    own.parent.mkdir()
    own.write_text("# mine\n")
    assert find_recipe("models/simgan.yaml").resolve() == own.resolve()


@pytest.mark.parametrize("name", ["simgan", "digits"])
def test_a_packaged_recipe_is_found_by_its_last_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()  # a folder of that name is no recipe
    monkeypatch.chdir(tmp_path)
    assert find_recipe(name).name == f"{name}.yaml"


def test_a_name_that_is_neither_lists_what_there_is() -> None:
    with pytest.raises(InputError, match=r"models/simgam\.yaml: no such file.*models/simgan\.yaml"):
        find_recipe("models/simgam.yaml")


def test_every_recipe_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    shown = capsys.readouterr().out
    for name, path in list_recipes().items():
        assert recipe_summary(path)
        assert f"{name} " in shown


def test_relative_paths_in_a_recipe_are_relative_to_the_recipe(
    tmp_path: Path, write_images: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "recipe").mkdir()
    recipe = tmp_path / "recipe" / "mine.yaml"
    recipe.write_text("data:\n  synthetic: data/synthetic\n  real: data/real\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    quick = ["--trainer.fast-dev-run", "true", "--trainer.accelerator", "cpu"]
    assert main(["fit", "-c", "models/simgan.yaml", "-c", "../recipe/mine.yaml", *quick]) == 2
    assert str(tmp_path / "recipe" / "data" / "synthetic") in capsys.readouterr().err
