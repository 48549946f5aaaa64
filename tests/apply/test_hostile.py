"""Hostile files among good ones: handled, or listed by name with a reason, and never in the way of the others."""

import json
import os
import signal
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.apply.verification import verify
from refine.files import MANIFEST
from tests.apply.test_kill import start
from tests.apply.trees import dataset, noise, one_thread, run, save, tree

REFINED = {
    "sixteen.png", "rgba.png", "rotated.jpg", "one.png", "wide.png", "with space.png", "é.png", "two\nlines.png",
    os.fsdecode(b"latin\xe9.png"), "jpeg inside.png", "gray-alpha.png",
}  # fmt: skip  # a line for each would hide what belongs together
REASONS = {
    "truncated.png": "truncated",
    "truncated.jpg": "truncated",
    "zero.png": "empty file",
    "text.png": "not that of",
    "palette.png": "palette",
    "cmyk.jpg": "CMYK",
    "deep-color.png": "16 bits",
    "bit.png": "1-bit",
    "animated.png": "frames",
    "bomb.png": "exceeds limit",
    "outside.png": "out of the dataset",
    "outside": "out of the dataset",
    "dangling.png": "nothing",
}


def add_hostile_files(root: Path) -> None:
    """Write all of them into an existing folder. ``folder.png`` is a folder and stays one."""
    whole = save(root / "truncated.png", noise(32, 32)).read_bytes()
    (root / "truncated.png").write_bytes(whole[: len(whole) // 2])
    whole = save(root / "truncated.jpg", noise(32, 32)).read_bytes()
    (root / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "zero.png").touch()
    (root / "text.png").write_text("this is no image")
    save(root / "sixteen.png", np.arange(1024, dtype=np.uint16).reshape(32, 32) * 64)
    Image.fromarray(noise(16, 16)).convert("P").save(root / "palette.png")
    save(root / "rgba.png", noise(16, 16, 4))
    save(root / "gray-alpha.png", noise(16, 16, 2))
    Image.fromarray(noise(16, 16)).convert("CMYK").save(root / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    save(root / "rotated.jpg", noise(12, 24), exif=exif)
    save(root / "one.png", noise(1, 1))
    save(root / "wide.png", noise(2, 20000))
    for name in ("with space.png", "é.png", "two\nlines.png", os.fsdecode(b"latin\xe9.png")):
        save(root / name, noise(16, 16))
    (root / "deep-color.png").write_bytes(_png(16, 2, 4, 3, bytes(3 * 25)))
    (root / "bomb.png").write_bytes(_png(8, 2, 60000, 60000, b""))
    Image.fromarray(noise(16, 16)).convert("1").save(root / "bit.png")
    frames = [Image.fromarray(noise(4, 4, seed=seed)) for seed in range(3)]
    frames[0].save(root / "animated.png", save_all=True, append_images=frames[1:])
    save(root / "jpeg inside.jpg", noise(16, 16)).rename(root / "jpeg inside.png")
    (root / "outside.png").symlink_to("/etc/passwd")
    (root / "outside").symlink_to("/etc")
    (root / "dangling.png").symlink_to("nowhere.png")
    (root / "folder.png").mkdir()


def _png(depth: int, color_type: int, width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("hostile")
    source = dataset(root / "in")
    (source / "odd").mkdir()
    add_hostile_files(source / "odd")
    with one_thread():
        summary = run(source, root / "out", batch_size=4)
    assert summary.exit_code == 3
    assert summary.done == 12 + len(REFINED)
    return source, root / "out"


def test_each_that_cannot_be_refined_is_listed_once_with_its_reason_and_not_written(folders: tuple[Path, Path]) -> None:
    entries = [json.loads(line) for line in (folders[1] / MANIFEST).open()]
    failures = {entry["key"]: entry for entry in entries if entry["status"] == "failed"}
    assert set(failures) == {f"odd/{name}" for name in REASONS}
    for name, reason in REASONS.items():
        assert reason in failures[f"odd/{name}"]["reason"]
        assert str(folders[0]) not in failures[f"odd/{name}"]["reason"]
        assert not (folders[1] / "odd" / name).is_symlink()
        assert not (folders[1] / "odd" / name).exists()
    assert len(entries) == len({entry["key"] for entry in entries})


def test_all_others_keep_size_mode_and_format(folders: tuple[Path, Path]) -> None:
    source, output = folders
    for name in REFINED:
        with Image.open(source / "odd" / name) as before, Image.open(output / "odd" / name) as after:
            assert (before.size, before.mode, before.format) == (after.size, after.mode, after.format)
            old, new = np.asarray(before), np.asarray(after)
            assert (old != new).any()
            if before.mode in {"RGBA", "LA"}:
                np.testing.assert_array_equal(old[..., -1], new[..., -1])
    with Image.open(output / "odd" / "rotated.jpg") as rotated:
        assert rotated.getexif()[0x0112] == 6
    with Image.open(output / "odd" / "sixteen.png") as deep:
        assert len(np.unique(np.asarray(deep))) > 600


def test_the_result_is_whole_and_a_second_run_changes_nothing(folders: tuple[Path, Path]) -> None:
    source, output = folders
    assert verify(output) == []
    before = tree(output)
    assert run(source, output, batch_size=4).done == 0
    assert tree(output) == before


def test_a_torn_manifest_line_is_mended(folders: tuple[Path, Path]) -> None:
    source, output = folders
    before = tree(output)
    (output / MANIFEST).write_bytes((output / MANIFEST).read_bytes()[:-30])
    run(source, output, batch_size=4)
    assert tree(output) == before


@pytest.mark.slow
def test_two_thousand_images_with_hostile_ones_among_them_survive_a_kill(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    for index in range(2000):
        save(source / f"part{index % 2}" / f"{index:04d}.png", noise(16, 16, seed=index))
    for folder in ("part0", "part1"):
        add_hostile_files(source / folder)
    Image.fromarray(noise(16, 16)).convert("P").save(source / "part1" / "0005_palette.png")
    save(source / "part1" / "0007_gray.png", noise(16, 16, 1))
    with one_thread():
        whole = run(source, tmp_path / "whole", batch_size=4)
    assert (whole.exit_code, whole.done) == (3, 2001 + 2 * len(REFINED))
    assert len(whole.failures) == 1 + 2 * len(REASONS)

    child = start(source, output, ("replace", 700))
    child.join()
    assert child.exitcode == -signal.SIGKILL
    torn = (output / MANIFEST).read_bytes()
    assert torn.count(b"\n") > 300
    (output / MANIFEST).write_bytes(torn[:-30])
    with one_thread():
        summary = run(source, output, batch_size=4)
    assert 300 < summary.kept < 2000
    assert tree(output) == tree(tmp_path / "whole")
    assert verify(output) == []
