"""Values that break readers: numbers, texts and plain structures, as damaged and as hostile files have them."""

from random import Random
from typing import Any

NUMBERS = (
    *("0", "-1", "1", "2", "-0.0", "0.5", "255", "256", "1e308", "-1e308", "1e999", "nan", "NaN", "inf", "-inf"),
    *("2147483648", "4294967296", "9223372036854775808", "1000000000", "-9999999999", "0x10", "1_000", "", "1,5"),
    *("9" * 400, "9" * 5000, "٣", "1e-400", "true", "null", "--1", "+5", " 7 ", "1.0.0"),
)
"""As text."""

STRINGS = (
    *(
        "",
        " ",
        ".",
        "..",
        "../../x",
        "../canary/kept.txt",
        "/etc/passwd",
        "/dev/zero",
        "..\\..\\x",
        "C:\\x",
        "a/b/../c",
    ),
    *("\0", "a\0b", "\n", "a\nb", "\r", "\t", "\x1b[31m", "é" * 3, "🙂", "\u202e", "\ufeff", "%s%n", "{0}", "~", "*"),
    *("x" * 300, "y" * 20000, "null", "nan", "-", "'", '"', "<", "&", "]]>", "#", "=cmd()", "\ud800"),
)
"""The last is half a pair and has no encoding."""

YAML = (
    *("!!timestamp 2020-99-99", "!!int x", "!!float x", "!!bool maybe", "!!binary '@@'", "2020-99-99", "9" * 5000),
    *(
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!local x",
        "!!set {a, b}",
        "!!omap [a: 1]",
    ),
    *("&a [*a]", "*nothing", "{<<: {a: 1}, b: 2}", "{<<: 5}", "? [a]\n: b", "{[a]: b}", "{{a: 1}: 2}", "1:2:3:4", "0x"),
    *(
        "[" * 3000,
        "{a: " * 3000,
        "- " * 3000,
        "'",
        '"\\x0',
        "%YAML 9.9\n---\n",
        "---\n---\n",
        "\0",
        "\t- a",
        "|\n a\n b",
    ),
    *(
        ".inf",
        "-.inf",
        ".nan",
        "~",
        "1e999",
        "0b2",
        "0o9",
        "1_0",
        "@a",
        "`a",
        "a: b: c",
        "=",
        "<<",
        "2001-01-01",
        "12e03",
    ),
)


def bomb(rng: Random, levels: int = 9, width: int = 9) -> str:
    """YAML whose aliases, or merged keys, stand for ``width ** levels`` values."""
    lines = ["a0: &a0 [x]"] if rng.random() < 0.5 else ["a0: &a0 {x: 1}"]
    merge = lines[0].endswith("}")
    for level in range(1, levels + 1):
        below = ", ".join([f"*a{level - 1}"] * width)
        lines.append(
            f"a{level}: &a{level} {{<<: [{below}], k{level}: 1}}" if merge else f"a{level}: &a{level} [{below}]"
        )
    return "\n".join(lines) + "\n"


def plain(rng: Random) -> Any:
    """A plain value of a type or size that nobody expects."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([None, True, False, 0, 1, -1, 2, 3, 7])
    if kind == 1:
        return rng.choice([10**5, 10**9, -(10**9), 2**31, 2**63, 2**64, 10**30, 20000, 10**400])
    if kind == 2:
        return rng.choice([float("nan"), float("inf"), -float("inf"), 1e308, -0.0, 0.5, 1e-320, 3.7])
    if kind == 3:
        return rng.choice(STRINGS[:-1])
    if kind == 4:
        return [plain(rng) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice(["a", "id", "", "x", "name", "0"]): plain(rng) for _ in range(rng.randrange(3))}
    if kind == 6:
        return [rng.choice([0, "a", None, [1]])] * rng.choice([100, 20000])
    nested: Any = rng.choice([[], {}, 1])
    for _ in range(rng.choice([3, 40, 400])):
        nested = [nested] if rng.random() < 0.9 else {"a": nested}
    return nested


def brief(value: Any) -> str:
    """A few characters of a value; the type's name where a text of it may be endless or impossible."""
    return str(value)[:40] if value is None or isinstance(value, str | int | float) else type(value).__name__


Place = tuple[Any, Any]
"""A dictionary or list, and a key or index of it."""


def places(value: Any) -> list[Place]:
    """Every place in a structure of dictionaries and lists, which may hold themselves."""
    found: list[Place] = []
    waiting, seen = [value], set()
    while waiting:
        holder = waiting.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        inside = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, below in list(inside):
            found.append((holder, key))
            if isinstance(below, dict | list):
                waiting.append(below)
    return found


def change_structure(value: Any, rng: Random, other: Any = plain) -> tuple[str, Any]:
    """Change one place of a structure, in place where that can be.

    Args:
        value: Dictionaries, lists and anything else.
        rng: Draws the place and the change.
        other: Draws a value to put there.

    Returns:
        What was done, and the structure.
    """
    found = places(value) if isinstance(value, dict | list) else []
    if not found or rng.random() < 0.03:
        return "the whole is replaced", other(rng)
    holder, key = rng.choice(found)
    kind = rng.choice(["replace"] * 5 + ["remove", "rename", "add", "swap", "repeat", "wrap"])
    if kind == "replace":
        holder[key] = other(rng)
    elif kind == "remove":
        del holder[key]
    elif kind == "rename" and isinstance(holder, dict):
        holder[rng.choice([*map(str, holder), *STRINGS[:-1]])] = holder.pop(key)
    elif kind == "add" and isinstance(holder, dict):
        holder[rng.choice(STRINGS[:-1])] = other(rng)
    elif kind == "swap":
        second, there = rng.choice(found)
        if there in (second if isinstance(second, dict) else range(len(second))):
            holder[key], second[there] = second[there], holder[key]
    elif kind == "repeat" and isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice([1, 1, 2000]))
    else:
        holder[key] = rng.choice([[holder[key]], {"a": holder[key]}, [holder[key]] * 2, brief(holder[key])])
    return f"{kind} {str(key)[:40]!r}", value
