"""Options of `refine benchmark`, which may stand in a recipe, a YAML file of them."""

import argparse
import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from refine import options as flags
from refine.errors import InputError
from refine.files import shown
from refine.options import add_flags, flag_name, flag_of, positive, read_options
from refine.yaml_text import read_yaml

PERHAPS_PATHS = frozenset({"layout", "real_layout", "mapping", "real_mapping", "groups"})
"""Relative to the recipe, if such a file is there; names otherwise."""

Row = tuple[str, list[Path]]
"""A row's name with its folders."""


def named(text: str) -> Row:
    """Return the row of NAME=DIR or NAME=DIR1,DIR2; of one folder without a name, the name is the folder's. A slash
    before the = makes all of it a folder, a backslash before a comma makes the comma a part of a folder's name.

    Raises:
        ArgumentTypeError: If several folders have no name, or one is empty.
    """
    name, equals, rest = text.partition("=")
    has_name = bool(equals) and "/" not in name
    folders = [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", rest if has_name else text)]
    if not has_name and len(folders) > 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is several folders without a name; give NAME=DIR1,DIR2 (a comma in a folder's name is \\,)"
        )
    if "" in folders:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty folder; give NAME=DIR1,DIR2")
    return (name if has_name else Path(folders[0]).resolve().name), [Path(folder) for folder in folders]


def whole(text: str) -> int:
    """Return a whole number from 0 on."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def numbers(text: str) -> tuple[int, ...]:
    """Return whole numbers from 1 on that have commas between them."""
    return tuple(positive(part.strip()) for part in text.split(","))


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
    """Train on X, test on real: synthetic, baselines, refined, mixed, target-supervised.

    Trains the same task model on each kind of data and tests it on labeled real images: accuracy of classes, mIoU of
    masks, average precision of objects, degrees of gaze. Needs --synthetic, --refined, --real and --output, here or in
    a recipe. A second run with the same settings goes on where the first one stopped.
    """

    recipe: flags.File | None = None
    """A YAML file with these flags by name, such as `real-train: DIR` and `refined: {NAME: DIR, OTHER: [DIR1, DIR2]}`;
    its paths are relative to it, and flags win."""
    synthetic: flags.Folder
    """Labeled images before."""
    refined: Annotated[tuple[Row, ...], flags.Flag("[NAME=]DIR[,DIR…]", named, "again")]
    """Labeled images after; may be given several times, each a row. NAME=DIR1,DIR2,… is one row of several seeds of a
    translator: its interval and p-value cover the draw of a translator, too (a comma in a folder's name is \\,).
    Another tool's output as well: images without labels have those of the synthetic images of their names."""
    real: flags.Folder
    """Labeled real images: the test."""
    real_train: flags.Folder | None = None
    """Labeled real images to train on; without it, cross-validation."""
    real_few: Annotated[tuple[int, ...], flags.Flag("K,…", numbers)] = ()
    """Also rows of K labeled real images alone, of the synthetic and each refined dataset together with them, and of
    each of these fine-tuned on them."""
    mix: Annotated[tuple[int, ...], flags.Flag("P,…", numbers)] = ()
    """Also rows of the last refined dataset and the synthetic one in which P % of the draws are refined, such as
    25,50,75."""
    joined: bool = False
    """Also rows of all folders of a refined dataset together, and of these and the synthetic images."""
    unlabeled: flags.Folder | None = None
    """Real images that translators were adapted to; labels there are not looked at. Color statistics are taken from
    them, each training set has a second row that also learns from them (self-training), folders of a row that agree on
    them are joined in two more, and the result says whether test images are among them: transductive, or inductive.
    Also which row is most consistent on them: of classes of images a choice without any real label."""
    baselines: Annotated[str, flags.Flag("A,B,…")] = "color_transfer"
    """Rows without a refined dataset: color_transfer (default), histogram_matching, fda, randomization; or all, or
    none."""
    groups: Annotated[str, flags.Flag("SPEC")] | None = None
    """Test images that belong together, for intervals and p-values: a CSV file with the columns key and group, or a
    regular expression on the key, such as '^[^_]+'."""
    layout: flags.LayoutName = "auto"
    real_layout: flags.RealLayoutName = "auto"
    mapping: flags.ClassMapping | None = None
    real_mapping: flags.ClassMapping | None = None
    """The same of the real images' classes."""
    classes: flags.Classes | None = None
    scored: Annotated[tuple[str, ...], flags.Flag("A,B,…", flags.names)] = ()
    """Classes whose mean intersection over union is the metric, for masks (default: all that the test shows)."""
    seeds: flags.Positive = 3
    """Number of trainings of each row, with other initial weights, sampling and augmentation; rows of one folder have
    no fewer than another row has folders."""
    steps: flags.Positive = 150
    """Steps of each training."""
    batch_size: flags.Positive | None = None
    """Images a step (default: 32, of masks and objects 8)."""
    network: Annotated[str, flags.Flag("NAME")] | None = None
    """Network of the task model: small-cnn, lenet, dtn, unet, lraspp, deeplabv3, small-regressor, small-detector,
    resnet18 or resnet50 (default: the small one of the kind of label)."""
    width: flags.Positive = 16
    """Width of the small networks."""
    learning_rate: Annotated[float, flags.Flag("RATE")] = 3e-3
    """Highest learning rate of the schedule."""
    size: flags.Size | None = None
    """Common size of all images (default: the real ones')."""
    horizontal_flip: bool = False
    """Mirroring keeps every label true."""
    shift: Annotated[int, flags.Flag("N", whole)] | None = None
    """Random shifts in training, in pixels (default: 2; none of targets other than pitch and yaw)."""
    strong: bool = False
    """Train every row on strongly changed images: light, contrast, color, blur, noise, and, where an image has one
    class, scale, place and angle (up to 20 degrees: a class has to survive that)."""
    jobs: flags.Positive = 1
    """Trainings at a time, which share threads and GPUs."""
    device: flags.Device = "auto"
    trust: flags.Trusted = ()
    output: flags.Folder
    """For benchmark.json, .md, .tex and .png, and each training's result."""

    def rows(self) -> dict[str, Path | list[Path]]:
        """Return the folders of the refined rows, by name.

        Raises:
            InputError: If two rows have one name.
        """
        found: dict[str, list[Path]] = {}
        for name, folders in self.refined:
            if name in found:
                raise InputError(
                    f"--refined {folders[0]}: {found[name][0]} is already called {name!r}; give NAME=DIR, or, where "
                    f"they are seeds of one translator, {name}=DIR1,DIR2"
                )
            found[name] = folders
        return {name: folders[0] if len(folders) == 1 else folders for name, folders in found.items()}


def benchmark_options(given: Mapping[str, Any]) -> BenchmarkOptions:
    """Return what the flags of a parsed command line say, then its recipe, then the defaults.

    Raises:
        InputError: If the recipe is wrong, or an option without a default stands nowhere.
    """
    found = {**(read_recipe(given["recipe"]) if "recipe" in given else {}), **given}
    for field in fields(BenchmarkOptions):
        if field.default is MISSING and field.name not in found:
            raise InputError(f"{flag_name(field.name)} is missing; give it, or name it in a recipe (--recipe FILE)")
    return read_options(BenchmarkOptions, found)


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the options that a recipe names, checked as the flags of a command line are.

    Args:
        path: The YAML file. Its keys are the flags' names, with ``-`` or ``_``.

    Raises:
        InputError: If the file cannot be read, or a key or its value does not fit the flags.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    add_flags(parser, BenchmarkOptions, required=False)
    own = {"recipe", "trust"}  # a file trusts no module
    known = {flag_name(field.name)[2:]: field.type for field in fields(BenchmarkOptions) if field.name not in own}
    found: dict[str, Any] = {}
    for key, value in read_yaml(path).items():
        name = str(key).replace("_", "-")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}? It" if near else "it"
            raise InputError(f"{path}: unknown key {shown(str(key))}; {hint} takes {', '.join(known)}")
        if value is None:
            continue
        try:
            found |= vars(parser.parse_args(_words(name, value, known[name], path)))
        except argparse.ArgumentError as error:
            raise InputError(f"{path}: {name}: {error.message}") from error
    return found


def _words(name: str, value: Any, annotation: Any, path: Path) -> list[str]:
    """One key as its flag stands on a command line."""
    kind, flag = flag_of(annotation)
    if (kind is bool) != isinstance(value, bool):
        raise InputError(f"{path}: {name} is {value!r}; expected {'true or false' if kind is bool else 'text'}")
    if kind is bool:
        return [f"--{name}"] if value else []
    if name == "refined":
        return [f"--refined={word}" for word in _refined(value, path)]
    if isinstance(value, list):
        if not all(isinstance(part, str | int) for part in value):
            raise InputError(f"{path}: {name}: expected a list of names, found {shown(repr(value))}")
        value = flag.between.join(map(str, value))
    if not isinstance(value, str | int | float):
        raise InputError(f"{path}: {name}: expected text or a number, found {type(value).__name__}")
    beside = path.parent / str(value)
    is_path = kind is Path or (name.replace("-", "_") in PERHAPS_PATHS and beside.is_file())
    return [f"--{name}={beside if is_path else value}"]


def _refined(value: Any, path: Path) -> list[str]:
    """``NAME=DIR`` of a folder, of a list of folders, or of folders, or lists of them, by name."""

    def folder(name: object) -> str:
        """As `--refined` takes it: lists have commas for nothing else."""
        if not isinstance(name, str | int | float):
            raise InputError(f"{path}: refined: expected folders, found {shown(repr(name))}")
        return str(path.parent / str(name)).replace(",", "\\,")

    if isinstance(value, dict):
        for name in map(str, value):
            if "/" in name or "=" in name or not name:
                raise InputError(f"{path}: refined: {shown(name)!r} is no name of a row; leave / and = out")
        rows = {name: given if isinstance(given, list) else [given] for name, given in value.items()}
        return [f"{name}={','.join(map(folder, given))}" for name, given in rows.items()]
    words = []
    for word in value if isinstance(value, list) else [value]:
        if not isinstance(word, str):
            raise InputError(f"{path}: refined: expected folders, found {shown(repr(word))}")
        name, equals, place = word.partition("=")
        words.append(f"{name}={folder(place)}" if equals and "/" not in name else folder(word))
    return words
