"""From a name, `auto` or a file of options to a dataset that is open."""

import difflib
import inspect
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentParser

from refine.data.label_guard import label_in
from refine.data.layouts import LAYOUTS, ClassFolders, ClassTable, ImageFolder, Layout, Table
from refine.data.listing import Listing
from refine.data.mapping import Mapped, load_mapping
from refine.errors import InputError
from refine.files import shown
from refine.labels import KINDS
from refine.trust import import_trusted
from refine.yaml_text import read_yaml

LayoutOption = str | dict[str, Any]
"""``auto``, a layout's name, a YAML file of options, or the options themselves (see `open_layout`)."""


EVERY_IMAGE: tuple[type[Layout], ...] = (ImageFolder, ClassFolders, ClassTable, Table)
"""Layouts that take every image file below the root for a picture."""


AS_ASKED = "as asked"
"""Why a layout is taken that somebody named."""


class Choice(NamedTuple):
    """A layout that a dataset seems to have."""

    layout: type[Layout]
    why: str


def recognized(root: Path) -> list[Choice]:
    """Every layout that fits, by the files alone, in the order in which `auto` prefers them.

    Raises:
        InputError: If there is nothing at ``root``.
    """
    files = Listing(root, file=True)
    found = [Choice(layout, why) for layout in LAYOUTS if (why := layout.recognize(files))]
    return sorted(found, key=lambda choice: not choice.layout.specific)


def choose_layout(root: Path) -> Choice:
    """The layout that `auto` takes: the specific one that fits, or else the first of the others.

    Raises:
        InputError: If no layout fits, or two specific ones do.
    """
    found = recognized(root)
    specific = [choice for choice in found if choice.layout.specific]
    if len(specific) > 1:
        both = " and ".join(f"{choice.layout.name} ({choice.why})" for choice in specific)
        raise InputError(f"{root}: fits the layouts {both}; say which it is (layout={specific[0].layout.name}, …)")
    if not found:
        files = Listing(root, file=True)
        files.require_regular()
        Listing(root).require_images()
        raise InputError(f"{root}: no layout fits; say which it is ({', '.join(layout_names())})")
    return found[0]


def layout_names() -> list[str]:
    """Names of all layouts, sorted."""
    return sorted(layout.name for layout in LAYOUTS)


def open_layout(
    layout: LayoutOption,
    root: Path,
    classes: tuple[str, ...] | None = None,
    mapping: str | None = None,
    guard: bool = True,
) -> Layout:
    """The dataset at ``root``.

    Args:
        layout: ``auto``, a layout's name, or options: ``layout`` and its constructor's arguments by name, and
            ``mapping`` if there is one, as a dictionary or in a YAML file. A layout of the user's own has
            ``class_path`` instead, and its arguments in ``init_args``; its module has to be trusted (see `trusting`).
        root: Its folder; of some layouts, a file.
        classes: Of layouts that know their classes from elsewhere: their names in order (see the layouts).
        mapping: Of another dataset's classes: a name or a YAML file (see `load_mapping`).
        guard: Whether `auto` refuses a tree that no known format gave away, where some image files seem to be the
            labels of others: they would pass for pictures.

    Raises:
        InputError: If it cannot be read so, or arguments do not fit the layout. Faults of single files raise nothing.
    """
    options = _options(layout)
    mapping = mapping or options.get("mapping")
    options.pop("mapping", None)
    where = Path(layout) if isinstance(layout, str) and layout.endswith((".yaml", ".yml")) else root
    auto = "class_path" not in options and options.get("layout", "auto") == "auto"
    if "class_path" in options:
        (found, why), options = Choice(_users_layout(options, where), AS_ASKED), dict(options.get("init_args") or {})
    else:
        name, by_name = str(options.pop("layout", "auto")), {layout.name: layout for layout in LAYOUTS}
        if not auto and name not in by_name:
            known = ", ".join(layout_names())
            raise InputError(f"layout {name!r}: expected auto, one of {known}, or options in a YAML file")
        found, why = choose_layout(root) if auto else Choice(by_name[name], AS_ASKED)
    if auto and guard and found in EVERY_IMAGE and (pair := label_in(Listing(root))):
        raise InputError(
            f"{root}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and would pass for "
            "a picture. Say how they lie: `layout: image-masks` and two patterns in a YAML file (docs/layouts.md), or "
            "layout=images if every image file is a picture"
        )
    if classes is not None:
        options["classes"] = classes
    opened = found(root, **_checked(found, where, options))  # held against its signature
    opened.why = why
    if auto and found in EVERY_IMAGE:  # what would have given another layout away may be among them
        opened.faults += [
            f"{root / key}: cannot be read ({reason}); replace or remove it"
            for key, reason in Listing(root).unsuitable()
        ]
    return opened if mapping is None else Mapped(opened, load_mapping(mapping))


def open_labeled(
    root: Path,
    layout: str = "auto",
    mapping: str | None = None,
    classes: tuple[str, ...] | None = None,
    expected: tuple[str, ...] | None = None,
) -> Layout:
    """A dataset with the classes asked for, or with exactly those that the other datasets have.

    Args:
        root: The dataset.
        layout: As `open_layout` takes it; ``auto`` prefers classes to tables of numbers beside them.
        mapping: From its classes to others.
        classes: Names to keep, of class folders; None takes all that there are.
        expected: With ``classes`` None: what must be there.

    Raises:
        InputError: If a label is missing, its kind cannot be tested, or a class is missing, has no image, or is one
            too many.
    """
    opened = open_layout(_labeled_layout(root) if layout == "auto" else layout, root, classes, mapping)
    opened.require_whole()
    if not opened.label_space.is_labeled:
        raise InputError(f"{root}: layout {opened.name} has no labels, and they are needed here (--layout LAYOUT)")
    kind, names = KINDS[opened.label_space.kind], opened.label_space.names
    if classes is None and expected is not None and names != expected:
        wrong = f"has the {kind.noun} {', '.join(names)}, expected {', '.join(expected)}"
        raise InputError(f"{root}: {wrong}; {kind.cure}")
    if len(names) < kind.fewest_names == 2:
        raise InputError(f"{root}: two classes or more are needed, found {', '.join(names)}")
    return opened


def is_unlabeled(root: Path) -> bool:
    """Whether a folder of images shows no sign of a label."""
    return all(choice.layout is ImageFolder for choice in recognized(root))


def _labeled_layout(root: Path) -> str:
    """The specific layout that fits, or the first other one with classes; then a table of numbers; else class folders,
    to say what is missing.
    """
    fits = [choice.layout for choice in recognized(root) if choice.layout is not ImageFolder]
    found = [layout for layout in fits if layout is not Table]
    if found and found[0].specific:
        return "auto"
    return next(iter([*found, *fits]), ClassFolders).name


def _users_layout(options: dict[str, Any], where: Path) -> type[Layout]:
    """Return the class that ``class_path`` names, which may lie in any trusted module."""
    class_path, arguments = options["class_path"], options.get("init_args") or {}
    for name in map(str, options.keys() - {"class_path", "init_args"}):
        raise InputError(f"{where}: {shown(name)} beside class_path; expected init_args and mapping alone")
    if not isinstance(arguments, dict):
        raise InputError(f"{where}: init_args is {shown(repr(arguments))}; expected its arguments by name")
    found = import_trusted(class_path, where)
    if not (inspect.isclass(found) and issubclass(found, Layout) and not inspect.isabstract(found)):
        raise InputError(f"{where}: {class_path} is not a layout; expected a subclass of refine.data.layouts.Layout")
    if not isinstance(getattr(found, "name", None), str):
        raise InputError(f"{where}: {class_path} has no name; give the class one, such as name = 'mine'")
    return found


def _options(layout: LayoutOption) -> dict[str, Any]:
    """Name and arguments as one dictionary; a mapping's file is looked for beside the file that names it."""
    if isinstance(layout, dict):
        return dict(layout)
    if not layout.endswith((".yaml", ".yml")):
        return {"layout": layout}
    if not Path(layout).is_file():
        raise InputError(f"{layout}: no such file; expected a YAML file with `layout:` and its options")
    options = read_yaml(Path(layout))
    beside = Path(layout).parent / str(options.get("mapping", ""))
    return {**options, "mapping": str(beside)} if "mapping" in options and beside.is_file() else options


def told(layout: Layout) -> str:
    """Say in a line which layout it is and why."""
    return f"{layout.root}: layout {layout.name} ({layout.why})"


def _checked(layout: type[Layout], where: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The options as the constructor takes them; ``where`` is the file that they stand in, or the dataset."""
    if not options:
        return {}
    parser = ArgumentParser(exit_on_error=False)
    takes = parser.add_class_arguments(layout, skip={"root"}, fail_untyped=False)
    for name in map(str, options):
        if name not in takes:
            near = difflib.get_close_matches(name, [*takes, "layout", "mapping"], 1)
            hint = f"did you mean {near[0]}? It" if near else "it"
            known = ", ".join([*takes, "mapping"])
            raise InputError(f"{where}: the layout {layout.name} takes no {shown(name)}; {hint} takes {known}")
    hints, checked = get_type_hints(layout.__init__), {}  # of a user's class, some may be left out
    for name, value in options.items():
        try:
            if isinstance(value, int | float) and Path in (hints.get(name), *get_args(hints.get(name))):
                raise TypeError("a number")  # `fit` makes jsonargparse take one for the name of a file
            checked[name] = parser.parse_object({name: value}).as_dict()[name]
        except Exception as error:  # jsonargparse raises several kinds, all about the user's values, in many lines
            raise InputError(
                f"{where}: the layout {layout.name} cannot take these options: {name} is {shown(repr(value))}; "
                f"expected {_expected(hints.get(name, Any))}"
            ) from error
    return checked


def _expected(hint: Any) -> str:
    """A type in words."""
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(map(str, parts))
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(map(_expected, parts))
    words = {str: "text", int: "a whole number", bool: "true or false", Path: "a path", type(None): "null"}
    if get_origin(hint) is tuple:
        return f"a list of {_expected(parts[0])}"
    if get_origin(hint) is dict:
        return f"{_expected(parts[1])} by name"
    return words.get(hint, str(hint))
