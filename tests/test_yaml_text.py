import time
import tracemalloc
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.yaml_text import MOST_BYTES, parse_yaml, read_yaml

GOOD = """
# a table
names: {0: car, 1: 'on', 2: no, 3: 2020-99-99}
size: [28, 0x1c, 1_000, -4, 1.5, .inf, 1e3]
nothing: ~
text: |
  two
  lines
"""


def test_values_are_those_of_yaml_but_for_dates_which_stay_text() -> None:
    assert parse_yaml(GOOD) == {
        "names": {0: "car", 1: "on", 2: False, 3: "2020-99-99"},
        "size": [28, 28, 1000, -4, 1.5, float("inf"), "1e3"],
        "nothing": None,
        "text": "two\nlines\n",
    }
    assert parse_yaml('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
    assert parse_yaml("") is None


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))

REFUSED = {
    "alias": ("a: &a [x]\nb: *a\n", "it has an alias"),
    "bomb": (BOMB, "it has an alias"),
    "itself": ("a: &a [*a]\n", "it has an alias"),
    "anchor": ("a: &a x\n", "an anchor"),
    "merge": ("a: {<<: {b: 1}}\n", "a merge key"),
    "merge bomb": ("a: &a {x: 1}\nb: {<<: [*a, *a]}\n", "it has an alias"),
    "timestamp": ("a: !!timestamp 2020-99-99\n", "it has a tag"),
    "int": ("a: !!int nonsense\n", "it has a tag"),
    "float": ("a: !!float nonsense\n", "it has a tag"),
    "bool": ("a: !!bool nonsense\n", "it has a tag"),
    "binary": ("a: !!binary '*'\n", "it has a tag"),
    "not specific": ("a: ! x\n", "it has a tag"),
    "python": ("!!python/object/apply:os.system [true]\n", "it has a tag"),
    "digits": (f"a: {'7' * 5000}\n", "a number of more than"),
    "binary digits": (f"a: 0b{'1' * 5000}\n", "a number of more than"),
    "base 60": (f"a: 1{':59' * 5000}\n", "a number of more than"),
    "empty base": ("a: 0b_\n", "invalid literal"),
    "deep flow": (f"a: {'[' * 50_000}\n", "nested more than"),
    "deep maps": ("{a: " * 50_000, "nested more than"),
    "deep block": ("- " * 50_000, "nested more than"),
    "deep indents": ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), "nested more than"),
    "wide": (f"a: [{'1,' * 110_000}]\n", "more than 100000 values"),
    "large": ("a" * (MOST_BYTES + 1), "more than 1 MiB"),
    "documents": ("a: 1\n---\nb: 1\n", "more than one document"),
    "list as key": ("? [a]\n: b\n", "unhashable"),
    "not printable": ("a: \x00", "control characters|special characters|unacceptable"),
    "not YAML": ("a: [", "did not find|expected"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_refused_at_once(name: str) -> None:
    text, message = REFUSED[name]
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ValueError, match=message) as refused:
        parse_yaml(text)
    elapsed, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(refused.value)
    assert elapsed < 5  # most of it is the tracing
    assert peak < 100 << 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x]\nb: *a\n", r"cannot be read as YAML \(it has an alias"),
        ("a: &a {x: 1}\nb: {<<: [*a, *a]}\n", r"cannot be read as YAML \(it has an alias"),
        ("a: " + "1" * MOST_BYTES, r"cannot be read as YAML \(more than 1 MiB\)"),
        ("- car", "expected a YAML mapping, found list"),
    ],
)
def test_a_file_that_is_no_plain_mapping_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("names: [car, 2]\n")
    assert read_yaml(path) == {"names": ["car", 2]}
    path.write_text(text)
    with pytest.raises(InputError, match=rf"a\.yaml: {message}"):
        read_yaml(path)
