"""Which relative paths a glob names: ``*`` stays in a folder, ``**`` stands for any number of them."""

from fnmatch import fnmatchcase

from refine.errors import InputError


def pattern(glob: str) -> list[str]:
    """A glob cut at its slashes, for `matches`.

    Raises:
        InputError: If it is empty, absolute or leaves the tree.
    """
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    if glob.startswith("/") or ".." in parts or not parts:
        raise InputError(f"--images {glob!r}: expected a pattern relative to the input, such as 'rgb/**/*.png'")
    return [part for at, part in enumerate(parts) if part != "**" or parts[at - 1 : at] != ["**"]]


def matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path, cut at its slashes, matches: ``**`` stands for any number of folders, none included."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])
