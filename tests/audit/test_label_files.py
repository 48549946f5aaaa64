from pathlib import Path

import pytest

from refine.audit import label_files_identical
from refine.errors import InputError
from tests.apply.judges import judged, repair
from tests.apply.trees import dataset, noise, run, save


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    source = dataset(tmp_path / "in", count=6)
    (source / "part0" / "empty.png").write_bytes(b"")
    (source / "link.txt").symlink_to("part0/image_000.txt")
    (source / "out.txt").symlink_to("/etc/passwd")
    run(source, tmp_path / "out")
    return source, tmp_path / "out"


def test_a_refined_dataset_has_the_same_labels(folders: tuple[Path, Path]) -> None:
    assert label_files_identical(*folders) == []


def test_every_difference_is_named(folders: tuple[Path, Path]) -> None:
    source, refined = folders
    (refined / "part0" / "image_000.txt").write_text("another label")
    (refined / "part1" / "image_001.txt").unlink()
    (refined / "part1" / "image_003.png").unlink()
    save(refined / "part0" / "image_002.png", noise(5, 5))
    save(refined / "part0" / "image_004.png", noise(16, 16, 1))
    (refined / "part0" / "new.txt").write_text("x")
    (refined / "link.txt").unlink()
    assert label_files_identical(source, refined) == [
        "link.txt: its link is missing or leads elsewhere",
        "part0/image_000.txt: other bytes",
        "part0/image_002.png: was 12x20 RGB, is 5x5 RGB".replace("12x20", "20x12"),
        "part0/image_004.png: was 16x16 RGB, is 16x16 L",
        "part0/new.txt: not in the synthetic dataset",
        "part1/image_001.txt: missing",
        "part1/image_003.png: missing",
    ]


def test_what_is_left_out_must_not_be_there_and_an_original_must_be_the_same(tmp_path: Path) -> None:
    source, out, original = dataset(tmp_path / "in", count=4), tmp_path / "out", tmp_path / "original"
    wrong = judged(source, {"part0/image_000.png": "fail"})
    run(source, out, repair=repair(wrong, "leave-out"))
    run(source, original, repair=repair(wrong))
    assert label_files_identical(source, out) == label_files_identical(source, original) == []
    for folder in (out, original):
        save(folder / "part0" / "image_000.png", noise(16, 16, seed=9))
    assert label_files_identical(source, out) == ["part0/image_000.png: left out, but there is a file"]
    assert label_files_identical(source, original) == ["part0/image_000.png: other bytes"]


def test_a_manifest_that_was_tampered_with_does_not_hide_a_changed_label(folders: tuple[Path, Path]) -> None:
    source, refined = folders
    manifest = refined / "refine-manifest.jsonl"
    kept = [line for line in manifest.read_text().splitlines(keepends=True) if "image_000.txt" not in line]
    manifest.write_text("".join(kept))
    (refined / "part0" / "image_000.txt").write_text("another label")
    assert label_files_identical(source, refined) == ["part0/image_000.txt: other bytes"]


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no refine-manifest"):
        label_files_identical(tmp_path, tmp_path)
