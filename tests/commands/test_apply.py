from pathlib import Path

import pytest
from PIL import Image

from refine import apply_checkpoint
from refine.cli import main
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods import SimGAN
from tests.apply.trees import dataset


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_bundle(SimGAN(channels=3, features=4, blocks=1).eval(), tmp_path / "model")
    return tmp_path / "model"


def applied(model: Path, source: Path, output: Path) -> int:
    return main(["apply", "--checkpoint", str(model), "--input", str(source), "--output", str(output)])


def test_a_device_and_folders_are_refused_before_an_audit_is_loaded(model: Path, tmp_path: Path) -> None:
    source, nowhere = dataset(tmp_path / "in", 1), tmp_path / "no audit"
    with pytest.raises(InputError, match="tpu"):
        apply_checkpoint(model, source, tmp_path / "out", device="tpu", audit=nowhere)
    with pytest.raises(InputError, match="none: "):
        apply_checkpoint(model, tmp_path / "none", tmp_path / "out", device="cpu", audit=nowhere)
    with pytest.raises(InputError, match="no audit: no audit"):
        apply_checkpoint(model, source, tmp_path / "out", device="cpu", audit=nowhere)


def test_an_image_becomes_an_image(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, output = tmp_path / "photo.png", tmp_path / "refined.png"
    Image.new("RGB", (21, 17), (200, 100, 50)).save(photo, dpi=(72, 72))
    before = {path.name for path in tmp_path.iterdir()}
    assert applied(model, photo, output) == 0
    assert f"1 image refined: {output}" in capsys.readouterr().out
    with Image.open(output) as refined, Image.open(photo) as original:
        assert (refined.size, refined.mode, refined.info["dpi"]) == ((21, 17), "RGB", original.info["dpi"])
        assert refined.tobytes() != original.tobytes()
    assert {path.name for path in tmp_path.iterdir()} == before | {"refined.png"}


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("photo.png", "out.jpg", "out.jpg: expected a file name that ends in .png"),
        ("photo.png", "photo.png", "photo.png: is there already"),
        ("photo.png", "none/out.png", "none: no such folder"),
        ("palette.png", "out.png", "refine: {folder}/palette.png: palette image: convert it to RGB first"),
        ("broken.png", "out.png", "refine: {folder}/broken.png: "),
        ("notes.txt", "out.txt", "notes.txt: expected"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    name: str, output: str, message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (21, 17)).save(tmp_path / "photo.png")
    Image.new("RGB", (21, 17)).convert("P").save(tmp_path / "palette.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "photo.png").read_bytes()[:40])
    (tmp_path / "notes.txt").write_text("no image")
    before = {path.name for path in tmp_path.iterdir()}
    assert applied(model, tmp_path / name, tmp_path / output) == 2
    said = capsys.readouterr().err
    assert message.format(folder=tmp_path) in said
    assert said.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == before
