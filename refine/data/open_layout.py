"""From a name, `auto` or a file of options to a dataset that is open."""

from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser

from refine.data.formats.yaml_file import read_yaml
from refine.data.layouts import LAYOUTS, Layout
from refine.data.listing import Listing
from refine.data.mapping import Mapped, load_mapping
from refine.errors import InputError

LayoutOption = str | dict[str, Any]
"""``auto``, a layout's name, a YAML file of options, or the options themselves (see `open_layout`)."""


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


def choose(root: Path) -> Choice:
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
        Listing(root).require_images()
        raise InputError(f"{root}: no layout fits; say which it is ({', '.join(names())})")
    return found[0]


def names() -> list[str]:
    """Of all layouts, sorted."""
    return sorted(layout.name for layout in LAYOUTS)


def layout_class(name: str) -> type[Layout]:
    """The layout of this name.

    Raises:
        InputError: If there is none.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise InputError(f"layout {name!r}: expected auto, one of {', '.join(names())}, or options in a YAML file")


def open_layout(
    layout: LayoutOption, root: Path, classes: tuple[str, ...] | None = None, mapping: str | None = None
) -> Layout:
    """The dataset at ``root``.

    Args:
        layout: ``auto``, a layout's name, or options: ``layout`` and its constructor's arguments by name, and
            ``mapping`` if there is one, as a dictionary or in a YAML file.
        root: Its folder; of some layouts, a file.
        classes: Of layouts that know their classes from elsewhere: their names in order (see the layouts).
        mapping: Of another dataset's classes: a name or a YAML file (see `load_mapping`).

    Raises:
        InputError: If it cannot be read so, or arguments do not fit the layout. Faults of single files raise nothing.
    """
    options = _options(layout)
    mapping, name = mapping or options.pop("mapping", None), str(options.pop("layout", "auto"))
    options.pop("mapping", None)
    found, why = choose(root) if name == "auto" else Choice(layout_class(name), "as asked")
    if classes is not None:
        options["classes"] = classes
    opened = found(root, **_checked(found, root, options))  # type: ignore[call-arg]  # held against its signature
    opened.why = why
    return opened if mapping is None else Mapped(opened, load_mapping(mapping))


def _options(layout: LayoutOption) -> dict[str, Any]:
    """Name and arguments as one dictionary; a mapping's file is looked for beside the file that names it."""
    if isinstance(layout, dict):
        return dict(layout)
    if not layout.endswith((".yaml", ".yml")):
        return {"layout": layout}
    options = read_yaml(Path(layout))
    beside = Path(layout).parent / str(options.get("mapping", ""))
    return {**options, "mapping": str(beside)} if "mapping" in options and beside.is_file() else options


def told(layout: Layout) -> str:
    """Which layout it is and why, in a line."""
    return f"{layout.root}: layout {layout.name} ({layout.why})"


def _checked(layout: type[Layout], root: Path, options: dict[str, Any]) -> dict[str, Any]:
    if not options:
        return {}
    parser = ArgumentParser(exit_on_error=False)
    taken = [name for name in parser.add_class_arguments(layout, skip={"root"}) if name in options]
    unknown = sorted(options.keys() - set(taken))
    if unknown:
        raise InputError(f"{root}: the layout {layout.name} takes no {', '.join(unknown)}")
    try:
        return {name: parser.parse_object(options).as_dict()[name] for name in taken}
    except Exception as error:  # jsonargparse raises several kinds, all about the user's values
        raise InputError(f"{root}: the layout {layout.name} cannot take these options ({error})") from error
