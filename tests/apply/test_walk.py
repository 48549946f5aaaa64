import os
from pathlib import Path

from refine.apply.walk import Link, walk


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "in", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "a" / "file").write_text("x")
    (root / "folder").symlink_to("a")
    (root / "up").symlink_to(".")
    (root / "out").symlink_to(outside)
    (root / "circle").symlink_to("circle")
    (root / "nothing").symlink_to("not there")
    (root / "chain").symlink_to(root / "first")
    (root / "first").symlink_to(f"../{root.name}/a/file")
    tree = walk(root)
    assert tree.files == ["a/file"]
    assert tree.folders == ["a"]
    assert tree.links == [
        Link("chain", "a/file", "a/file"),
        Link("first", "a/file", "a/file"),
        Link("folder", "a", "a"),
        Link("up", ".", "."),
    ]
    assert {entry["key"] for entry in tree.failures} == {"out", "circle", "nothing"}


def test_what_is_no_file_is_listed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [entry["key"] for entry in walk(tmp_path).failures] == ["pipe"]
