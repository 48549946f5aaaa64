from pathlib import Path

from refine.apply.manifest import Entry
from refine.apply.own_labels import all_left_out, label_owners, leave_out, shared_with_left_out
from tests.apply.trees import dataset
from tests.data.layouts.examples.class_folders import write_class_folders
from tests.data.layouts.examples.image_folder import write_image_folder
from tests.data.layouts.examples.image_masks import write_mask_folders
from tests.data.layouts.examples.table import write_table


def test_owners_follow_from_the_layout(tmp_path: Path) -> None:
    assert label_owners(write_mask_folders(tmp_path / "masks"), None) == {
        "masks/a.png": frozenset({"images/a.jpg"}),
        "masks/deep/b.png": frozenset({"images/deep/b.jpg"}),
    }
    assert label_owners(write_table(tmp_path / "table"), "table") == {
        "gaze.csv": frozenset({"eyes/one.png", "eyes/two, with comma.png", "three.png"})
    }


def test_folders_that_are_the_labels_are_not_nobody_knows(tmp_path: Path) -> None:
    assert label_owners(write_class_folders(tmp_path / "folders"), "class-folders") == {}
    assert label_owners(dataset(tmp_path / "guessed"), None) is None
    assert label_owners(write_image_folder(tmp_path / "images"), "images") is None
    (tmp_path / "empty").mkdir()
    assert label_owners(tmp_path / "empty", None) is None


def line(key: str, kind: str, status: str) -> Entry:
    return {"key": key, "kind": kind, "status": status}


def test_only_what_is_left_out_counts_as_such() -> None:
    entries = {
        key: line(key, "image", status) for key, status in (("a", "left-out"), ("b", "done"), ("c", "failed"))
    } | {key: line(key, "carried", "done") for key in ("of a", "of b", "of a and b")}
    assert all_left_out({"a"}, entries)
    assert not all_left_out({"a", "b"}, entries)
    assert not all_left_out({"a", "c"}, entries)
    assert not all_left_out({"gone"}, entries)
    owners = {"of a and b": frozenset("ab"), "of b": frozenset("b"), "of a, elsewhere": frozenset("a")}
    entries["of a alone"] = line("of a alone", "carried", "left-out")
    assert shared_with_left_out({**owners, "of a alone": frozenset("a")}, entries) == ["of a and b"]


def test_a_label_that_cannot_be_read_is_listed_as_failed(tmp_path: Path) -> None:
    found = leave_out(tmp_path / "gone.txt", tmp_path / "out.txt", "gone.txt")
    assert (found.entry["status"], found.entry["reason"], found.temporary) == ("failed", "cannot be read", None)
