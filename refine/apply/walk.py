"""A tree on disk as it is: files, folders and links, without following any link."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from refine.apply.files import OURS, TEMPORARY, why
from refine.apply.manifest import Entry, failed


class Link(NamedTuple):
    """A symbolic link that stays inside the tree."""

    key: str
    target: str
    """Key of the file or folder where it ends at last, which is no link."""
    text: str
    """``target`` as seen from the link's own folder."""


class Tree(NamedTuple):
    """What a folder holds; everything sorted by key."""

    files: list[str]
    folders: list[str]
    links: list[Link]
    failures: list[Entry]


def walk(root: Path) -> Tree:
    """List a tree. What this tool itself keeps beside a dataset (manifest, unfinished files) is left out.

    Args:
        root: An existing folder without links in its path.
    """
    tree = Tree([], [], [], [])
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            tree.failures.append(failed(folder, "carried", f"the folder cannot be read ({why(error)})"))
            continue
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if key in OURS or entry.name.startswith(TEMPORARY):
                continue
            if entry.is_symlink():
                _add_link(tree, root, key)
            elif entry.is_dir(follow_symlinks=False):
                tree.folders.append(key)
                waiting.append(key)
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                tree.files.append(key)
            else:
                tree.failures.append(failed(key, "carried", "neither a file nor a folder nor a link"))
    for part in (tree.files, tree.folders, tree.links):
        part.sort()
    return tree


def _add_link(tree: Tree, root: Path, key: str) -> None:
    try:
        end = (root / key).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        tree.failures.append(failed(key, "link", "a link to nothing"))
        return
    if not end.is_relative_to(root):
        tree.failures.append(failed(key, "link", "a link that leads out of the dataset; it was not followed"))
        return
    text = os.path.relpath(end, (root / key).parent)
    tree.links.append(Link(key, end.relative_to(root).as_posix(), text))
