from hashlib import sha256
from pathlib import Path

import pytest

from refine import terminal
from refine.apply.manifest import AuditOutcome, ManifestEntry, Verdict, failed
from refine.apply.verification import MOST_SHOWN, summarize, verify
from refine.errors import InputError
from refine.files import MANIFEST
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
    monkeypatch.setattr(terminal, "FIRST", 0.0)
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
    label = refined / "part0" / "image_000.txt"
    label.rename(refined.parent / "moved.txt")
    label.symlink_to(refined.parent / "moved.txt")  # the same bytes, and not the same file
    assert verify(refined) == [
        "extra: empty/elsewhere",
        "changed: link.png",
        "missing: part0/image_000.png",
        "changed: part0/image_000.txt",
        "changed: part0/image_002.png",
        "extra: part1/.refine-tmp-1-1",
        "changed: part1/image_001.txt",
        r"extra: 'part1/new\nfile'",
    ]


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


def test_a_torn_and_a_damaged_line_and_an_interrupted_run_are_named(refined: Path) -> None:
    text = (refined / MANIFEST).read_bytes()
    (refined / MANIFEST).write_bytes(b"damaged\n" + text[:-5])
    (refined / ".refine-tmp-unfinished").touch()
    problems = verify(refined)
    assert f"{MANIFEST}, line 1: damaged" in problems
    assert f"{MANIFEST}: the last line is torn" in problems
    assert problems[-1].startswith("unfinished")


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no refine-manifest"):
        verify(tmp_path)


def done(key: str, kind: str, **more: int) -> ManifestEntry:
    entry: ManifestEntry = {"key": key, "kind": kind, "status": "done"}
    return {**entry, **more}  # type: ignore[typeddict-item]  # numbers of a container's line


def test_images_of_this_run_and_of_before_are_told_apart() -> None:
    entries = [done("a.png", "image"), done("b.png", "image"), done("a.txt", "carried"), done("c", "link")]
    found = summarize(entries, kept={"a.png"})
    assert (found.done, found.kept, found.carried, found.failed, found.exit_code) == (1, 1, 2, 0, 0)
    assert found.text() == "refined 1 image (1 more stood from before), carried 2 files"


def test_images_in_containers_count_as_images() -> None:
    found = summarize([done("0.tar", "container", images=5), done("1.tar", "container", images=4)], kept={"1.tar"})
    assert (found.done, found.kept, found.carried) == (5, 4, 0)


def test_failures_are_listed_in_order_up_to_a_number_and_the_layout_stands_first() -> None:
    entries = [failed(f"{number:03d}.png", "image", "damaged") for number in reversed(range(MOST_SHOWN + 2))]
    found = summarize(entries, set())._replace(note="in: layout carla (why)")
    assert found.exit_code == 3
    lines = found.text().splitlines()
    assert lines[0] == "in: layout carla (why)"
    assert lines[2] == f"{MOST_SHOWN + 2} not written:"
    assert lines[3] == "  000.png: damaged"
    assert lines[-1] == "  … and 2 more, all in refine-manifest.jsonl"


def audited(key: str, verdict: Verdict, strength: float, after: Verdict | None, status: str = "done") -> ManifestEntry:
    audit: AuditOutcome = {"verdict": verdict, "strength": strength, "after": after}
    return {"key": key, "kind": "image", "status": status, "audit": audit}


def test_what_was_done_about_an_audit_is_counted_and_told() -> None:
    entries: list[ManifestEntry] = [
        audited("a.png", "pass", 1.0, "pass"),
        audited("b.png", "fail", 0.75, "pass"),
        audited("c.png", "fail", 0.25, "pass"),
        audited("d.png", "review", 0.25, "pass"),
        audited("e.png", "fail", 0.0, None),
        audited("f.png", "fail", 0.0, None, "left-out"),
        audited("g.png", "inconclusive", 1.0, "inconclusive"),
        {"key": "f.txt", "kind": "carried", "status": "left-out"},
    ]
    found = summarize(entries, kept={"a.png", "e.png", "f.png"})
    assert (found.done, found.kept, found.carried, found.exit_code) == (4, 1, 0, 0)
    assert found.text().splitlines()[1:] == [
        "after the audit: 3 images at less strength (0.75: 1, 0.25: 2), 1 image kept as in the input, "
        "1 image left out with 1 label file",
        "refined in full though the audit does not say pass (inconclusive: 1)",
    ]


def test_files_that_still_name_what_is_left_out_are_told_up_to_a_number() -> None:
    found = summarize([], set())._replace(shared=["a", "b", "c", "d", "e"])
    assert found.text().endswith("left out stand in it: a, b, c and 2 more")
