"""`docs/layouts.md` against the code: what a user reads there is what the constructors take."""

import inspect
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml

from refine.data.label_table import table_names
from refine.data.layouts import LAYOUTS, Layout
from refine.data.mapping import load_mapping, mapping_names
from refine.data.open_layout import _checked

PAGE = Path(__file__).resolve().parents[1] / "docs/layouts.md"
OTHERS = {"Your own", "Mappings", "--layout auto"}
layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: str(layout.name))


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def options(layout: type[Layout]) -> dict[str, inspect.Parameter]:
    taken = dict(inspect.signature(layout).parameters)
    taken.pop("root")
    return taken


def examples(section: str) -> list[Any]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]


def test_every_layout_has_a_section_and_nothing_else_has() -> None:
    assert set(sections()) == {layout.name for layout in LAYOUTS} | OTHERS
    first = PAGE.read_text().partition("\n## ")[0]
    assert set(re.findall(r"\[([\w-]+)\]\(#\1\)", first)) == {layout.name for layout in LAYOUTS}


@layouts
def test_every_option_is_told_with_its_default_and_choices_and_no_other(layout: type[Layout]) -> None:
    section, taken, hints = sections()[layout.name], options(layout), get_type_hints(layout.__init__)
    told = dict(re.findall(r"^- `(\w+)` \((.*?)\):", section, re.MULTILINE))
    assert list(told) == list(taken)
    for name, parameter in taken.items():
        value = parameter.default
        shown = "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
        assert told[name].endswith(f"default {shown}")
        if get_origin(hints[name]) is Literal:
            assert set(re.findall(r"`([^`]+)`", told[name])) == set(map(str, get_args(hints[name])))
    assert ("No options" in section) == (not taken)


@layouts
def test_its_example_is_taken_as_it_stands(layout: type[Layout]) -> None:
    found = examples(sections()[layout.name])
    assert len(found) == bool(options(layout))
    for example in found:
        assert example.pop("layout") == layout.name
        mapping = example.pop("mapping", None)
        assert mapping is None or load_mapping(mapping)
        assert example
        _checked(layout, PAGE, example)


def test_every_mapping_and_table_that_ships_is_named(tmp_path: Path) -> None:
    section = sections()["Mappings"]
    named = re.findall(r"`([\w-]+-to-[\w-]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    assert sorted(named) == mapping_names()
    tables = section.partition("### Tables")[2].partition("each with its source")[0]
    assert sorted(set(re.findall(r"`([\w.-]+)`", tables))) == table_names()
    own, _ = examples(section)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    assert load_mapping(str(tmp_path / "own.yaml")).names == ("road", "thing")


def test_auto_is_told_in_the_order_that_it_has() -> None:
    first, second = re.findall(r"^[12]\. .*?: (.*?)\.[ \n]", sections()["--layout auto"], re.DOTALL | re.MULTILINE)
    specific = sorted(layout.name for layout in LAYOUTS if layout.specific)
    assert re.split(r",\s+", first) == specific
    assert re.split(r",\s+", second) == [layout.name for layout in LAYOUTS if not layout.specific]


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/layouts.md)" in (PAGE.parents[1] / "README.md").read_text()
