from hashlib import sha256
from pathlib import Path

import pytest

from refine import progress
from refine.apply import verify
from refine.apply.files import MANIFEST
from refine.errors import InputError
from tests.apply.judges import judged, repair
from tests.apply.trees import dataset, noise, run, save


@pytest.fixture
def refined(tmp_path: Path) -> Path:
    source = dataset(tmp_path / "in", count=6)
    (source / "part0" / "empty.png").write_bytes(b"")
    (source / "link.png").symlink_to("part0/image_000.png")
    run(source, tmp_path / "out")
    return tmp_path / "out"


def test_a_whole_dataset_has_no_problem_though_an_image_failed(refined: Path) -> None:
    assert verify(refined) == []


def test_a_long_verification_says_how_far_it_is(
    refined: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FIRST", 0.0)
    verify(refined)
    assert capsys.readouterr().err.startswith("verifying out: 1 of ")


def test_each_kind_of_damage_is_named(refined: Path) -> None:
    (refined / "part0" / "image_000.png").unlink()
    image = refined / "part0" / "image_002.png"
    image.write_bytes(image.read_bytes() + b"x")
    (refined / "part1" / "image_001.txt").write_text("another label")
    (refined / "link.png").unlink()
    (refined / "link.png").symlink_to("part0/image_002.png")
    (refined / "part1" / "new\nfile").write_text("x")
    (refined / "part1" / ".refine-tmp-1-1").write_text("x")
    (refined / "empty" / "elsewhere").symlink_to("/etc")
    assert verify(refined) == [
        "extra: empty/elsewhere",
        "changed: link.png",
        "missing: part0/image_000.png",
        "changed: part0/image_002.png",
        "extra: part1/.refine-tmp-1-1",
        "changed: part1/image_001.txt",
        r"extra: 'part1/new\nfile'",
    ]


def test_a_file_replaced_by_a_link_to_the_same_bytes_is_changed(refined: Path) -> None:
    path = refined / "part0" / "image_000.txt"
    path.rename(refined.parent / "moved.txt")
    path.symlink_to(refined.parent / "moved.txt")
    assert verify(refined) == ["changed: part0/image_000.txt"]


def test_an_original_must_be_the_input_s_file_whatever_else_the_manifest_says(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", count=2)
    run(source, tmp_path / "out", repair=repair(judged(source, {"part0/image_000.png": "fail"})))
    assert verify(tmp_path / "out") == []
    image, manifest = tmp_path / "out" / "part0" / "image_000.png", tmp_path / "out" / MANIFEST
    old, new = image.read_bytes(), save(image, noise(16, 16, seed=9)).read_bytes()
    output = f'"output_sha256": "{sha256(old).hexdigest()}"'
    assert manifest.read_text().count(output) == 1
    manifest.write_text(manifest.read_text().replace(output, f'"output_sha256": "{sha256(new).hexdigest()}"'))
    assert verify(tmp_path / "out") == ["changed: part0/image_000.png"]


def test_a_torn_and_a_damaged_line_are_named(refined: Path) -> None:
    text = (refined / MANIFEST).read_bytes()
    (refined / MANIFEST).write_bytes(b"damaged\n" + text[:-5])
    problems = verify(refined)
    assert f"{MANIFEST}, line 1: damaged" in problems
    assert f"{MANIFEST}: the last line is torn" in problems


def test_an_interrupted_run_is_named(refined: Path) -> None:
    (refined / ".refine-tmp-unfinished").touch()
    assert "unfinished" in verify(refined)[0]


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no refine-manifest"):
        verify(tmp_path)
