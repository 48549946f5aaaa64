"""Finds recipes: a path that exists wins, then the packaged recipe of that name."""

from dataclasses import dataclass
from pathlib import Path

from refine.errors import InputError

PACKAGED = Path(__file__).parent / "_recipes"
CHECKOUT = Path(__file__).parent.parent
RUN_SETTINGS = "config.yaml"
"""File of a run's settings in its folder."""


@dataclass(frozen=True)
class RecipesOptions:
    """List the packaged recipes."""

    json: bool = False
    """As JSON: name to file."""


def recipe_folders() -> list[Path]:
    """Return the folders of packaged recipes: inside the wheel, or next to the package in a checkout."""
    root = PACKAGED if PACKAGED.is_dir() else CHECKOUT
    return [root / "models", root / "datasets"]


def list_recipes() -> dict[str, Path]:
    """Return every packaged recipe by the name that it is found under, such as ``models/simgan.yaml``."""
    found = [path for folder in recipe_folders() for path in sorted(folder.glob("*.yaml"))]
    return {f"{path.parent.name}/{path.name}": path for path in found}


def find_recipe(name: str) -> Path:
    """Return the file of a recipe: a path, a packaged recipe's name, or the end of one, such as ``simgan``.

    Raises:
        InputError: If there is neither a file of that path nor a packaged recipe of that name.
    """
    if Path(name).is_file():
        return Path(name)
    if (Path(name) / RUN_SETTINGS).is_file():
        raise InputError(f"{name}: the folder of a run; give its settings: {Path(name) / RUN_SETTINGS}")
    packaged = list_recipes()
    key = Path(name).as_posix()
    for candidate in (key, f"models/{key}.yaml", f"datasets/{key}.yaml"):
        if candidate in packaged:
            return packaged[candidate]
    raise InputError(f"{name}: no such file, and no packaged recipe of that name; there are: {', '.join(packaged)}")


def recipe_summary(path: Path) -> str:
    """Return the first comment line of a recipe, which says what it is for."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""
