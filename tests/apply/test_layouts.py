"""Every layout through the public command: its labels are carried byte for byte and read the same afterwards."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from refine.cli import main
from refine.data.open_layout import open_layout
from refine.files import RUN
from tests.apply.tiny import MODULE, save_tiny
from tests.apply.trees import lines
from tests.data.layouts.examples.carla import write_carla, write_carla_named
from tests.inspect.test_command import writers

Write = Callable[[Path], Path]

UNWRITABLE = {
    "write_video": "extract its frames first",
    "write_mpii_gaze": "save its images as PNG files first",
    "write_mpii_gaze_hdf5": "save its images as PNG files first",
}
"""Their images lie in files that cannot be written: one line says what to do instead."""
NO_FOLDER = {"write_image_list"}


def applied(root: Path, *flags: str) -> int:
    """The command from ``root / "in"`` to ``root / "out"``."""
    folders = ["--input", str(root / "in"), "--output", str(root / "out")]
    return main(["apply", "--checkpoint", str(save_tiny(root / "tiny.ckpt")), "--trust", MODULE, *folders, *flags])


def digests(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith("refine-")]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    "write",
    [each for each in writers() if each.__name__ not in UNWRITABLE.keys() | NO_FOLDER],
    ids=lambda each: each.__name__,
)
def test_every_label_of_every_layout_is_carried_and_every_image_refined(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in")
    layout = open_layout("auto", source)
    check = [] if layout.label_space.kind == "none" else ["--check-labels"]
    code = applied(tmp_path, *check)
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    before, after = digests(source), digests(tmp_path / "out")
    assert before.keys() == after.keys()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {record.image.relative_to(source).as_posix() for record in layout.records()}
    if check:
        assert f"{len(layout.records())} read before and after and equal" in shown.out
    assert main(["verify", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("write", [each for each in writers() if each.__name__ in UNWRITABLE])
def test_what_cannot_be_written_back_is_refused_in_one_line_with_the_cure(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in")
    assert applied(tmp_path) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"refine: {source}")
    assert UNWRITABLE[write.__name__] in line
    assert not (tmp_path / "out").exists()


def test_the_record_names_the_layout_and_the_summary_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_carla_named(tmp_path / "in")
    assert applied(tmp_path) == 0
    assert "layout carla (" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / RUN).read_text())["flags"]["layout"] == "carla"


@pytest.mark.parametrize("layout", ["auto", "carla"])
def test_a_label_that_is_a_link_to_a_picture_is_not_carried_since_it_would_change(layout: str, tmp_path: Path) -> None:
    label = write_carla(tmp_path / "in") / "instance_segmentation/00001000.png"
    label.unlink()
    label.symlink_to("../rgb/00001000.png")
    assert applied(tmp_path, "--layout", layout) == 3
    assert not (tmp_path / "out/instance_segmentation/00001000.png").is_symlink()
    failures = {key: line["kind"] for key, line in lines(tmp_path / "out").items() if line["status"] == "failed"}
    assert failures == {"instance_segmentation/00001000.png": "link"}
