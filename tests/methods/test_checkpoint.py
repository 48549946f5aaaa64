import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from refine.cli import main
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method, load_translator, model_sha256
from refine.methods.cyclegan import CycleGAN
from refine.methods.simgan import SimGAN
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint of a SimGAN after one step."""
    method = small(channels=1)
    method.working_size = (16, 16)
    run_steps(method, [batch()]).save_checkpoint(tmp_path / "good.ckpt")
    return tmp_path / "good.ckpt"


def changed(path: Path, **entries: Any) -> Path:
    """A copy whose ``refine`` entry says something else."""
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["refine"].update(entries)
    other = path.with_name("changed.ckpt")
    torch.save(checkpoint, other)
    return other


def test_a_checkpoint_gives_the_method_that_it_was_saved_from(saved: Path) -> None:
    method = load_translator(saved)
    assert isinstance(method, SimGAN)
    assert method.features == 8
    assert method.working_size == (16, 16)
    assert not method.training
    weights = torch.load(saved, weights_only=True)["state_dict"]
    assert torch.equal(method.refiner.head.weight, weights["refiner.head.weight"])


def test_a_bundle_gives_the_same_images_and_holds_what_refining_needs_alone(saved: Path, tmp_path: Path) -> None:
    method = load_translator(saved)
    write_bundle(method, tmp_path / "bundle")
    again = load_translator(tmp_path / "bundle")
    images = batch()["synthetic"].image
    assert torch.equal(again.refine(images), method.refine(images))
    assert again.working_size == (16, 16)
    description = yaml.safe_load((tmp_path / "bundle" / "model.yaml").read_text())
    assert description["class_path"] == "refine.methods.simgan.SimGAN"
    assert (tmp_path / "bundle" / "model.safetensors").stat().st_size < saved.stat().st_size / 2


def test_the_same_bundle_has_the_same_identity_and_another_weight_another(saved: Path, tmp_path: Path) -> None:
    method = load_translator(saved)
    write_bundle(method, tmp_path / "one")
    write_bundle(method, tmp_path / "two")
    with torch.no_grad():
        next(method.parameters()).add_(0.1)
    write_bundle(method, tmp_path / "three")
    assert model_sha256(tmp_path / "one") == model_sha256(tmp_path / "two") != model_sha256(tmp_path / "three")


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (open, (self.path, "w"))


def commands(checkpoint: Path, folder: Path) -> list[list[str]]:
    """Every command that takes a checkpoint from a stranger."""
    data = ["--data.synthetic", str(folder / "in"), "--data.real", str(folder / "photos"), "--data.batch-size", "2"]
    quiet = ["--trainer.default-root-dir", str(folder / "runs"), "--trainer.accelerator", "cpu", "--steps", "1"]
    return [
        ["apply", "--checkpoint", str(checkpoint), "--input", str(folder / "in"), "--output", str(folder / "out")],
        ["fit", "-c", "models/simgan.yaml", *data, *quiet, "--ckpt-path", str(checkpoint)],
        ["export", "--checkpoint", str(checkpoint), "--output", str(folder / "out")],
    ]


def assert_refused(checkpoint: Path, folder: Path, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands(checkpoint, folder):
        capsys.readouterr()
        assert main(command) == 2, command
        error = capsys.readouterr().err.strip()
        assert message in error
        assert len(error.splitlines()) == 1
        assert not (folder / "out").exists()
        assert not (folder / "runs").exists()


@pytest.fixture
def folder(tmp_path: Path, write_images: Any) -> Path:
    """A place to run commands in, with a small dataset."""
    for name in ("in", "photos"):
        write_images(tmp_path / name, size=(16, 16))
    return tmp_path


def test_a_class_outside_refine_is_refused_and_nothing_runs(
    saved: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "strange_module.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\nclass Method: pass\n")
    monkeypatch.syspath_prepend(folder)
    for name in ("strange_module.Method", "os.system", "refineevil.Method", "subprocess.Popen", ""):
        assert_refused(changed(saved, class_path=name), folder, "not part of refine", capsys)
    assert not (folder / "ran").exists()


def test_what_is_no_method_is_refused_even_inside_refine(
    saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (
        "refine.cli.main",
        "refine.methods.base.Method",
        "refine.errors.InputError",
        "refine.methods.base.torch",
    ):
        assert_refused(changed(saved, class_path=name), folder, "no method of refine", capsys)


def test_pickles_are_refused_and_run_nothing(saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = Evil(str(folder / "ran"))
    checkpoint = torch.load(saved, weights_only=True)
    torch.save({**checkpoint, "evil": evil}, folder / "zip.ckpt")
    assert_refused(folder / "zip.ckpt", folder, "could run code; refused", capsys)
    (folder / "plain.ckpt").write_bytes(pickle.dumps(evil))
    assert_refused(folder / "plain.ckpt", folder, "not a checkpoint", capsys)
    legacy = io.BytesIO()
    torch.save({**checkpoint, "evil": evil}, legacy, _use_new_zipfile_serialization=False)
    (folder / "legacy.ckpt").write_bytes(legacy.getvalue())
    assert_refused(folder / "legacy.ckpt", folder, "not a checkpoint", capsys)
    assert not (folder / "ran").exists()


def test_hyperparameters_of_a_stranger_name_no_class(
    saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = torch.load(saved, weights_only=True)
    checkpoint["hyper_parameters"] = {"_class_path": "os.system", "_instantiator": "os.system", "command": "true"}
    torch.save(checkpoint, folder / "hyper.ckpt")
    fit = next(command for command in commands(folder / "hyper.ckpt", folder) if command[0] == "fit")
    model = ["--model.features", "8", "--model.blocks", "1", "--data.channels", "3"]
    assert main([*fit, *model]) == 2  # os.system was never asked; the gray weights do not fit
    assert "trained with channels=1 (now 3)" in capsys.readouterr().err
    assert isinstance(load_method(folder / "hyper.ckpt"), SimGAN)


def test_a_bundle_that_names_another_class_is_refused(
    saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = folder / "bundle"
    write_bundle(load_translator(saved), bundle)
    text = (bundle / "model.yaml").read_text()
    (bundle / "model.yaml").write_text(text.replace("refine.methods.simgan.SimGAN", "os.system"))
    with pytest.raises(InputError, match="not part of refine"):
        load_translator(bundle)
    (bundle / "model.yaml").write_text("!!python/object/apply:os.system ['touch ran']\n")
    with pytest.raises(InputError, match="a damaged bundle"):
        load_translator(bundle)


def test_a_trusted_module_may_be_named(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from refine.methods.simgan import SimGAN\nclass Mine(SimGAN): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = changed(saved, class_path="mine.Mine")
    with pytest.raises(InputError, match="--trust mine"):
        load_translator(named)
    assert type(load_translator(named, trust=("mine",))).__name__ == "Mine"


def test_damage_is_named(saved: Path, tmp_path: Path) -> None:
    cases = {
        "truncated": saved.read_bytes()[:-4000],
        "text": b"weights",
        "empty": b"",
    }
    for name, content in cases.items():
        (tmp_path / f"{name}.ckpt").write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}\.ckpt"):
            load_method(tmp_path / f"{name}.ckpt")
    with zipfile.ZipFile(tmp_path / "zip.ckpt", "w") as archive:
        archive.writestr("readme", "no checkpoint")
    with pytest.raises(InputError, match=r"zip\.ckpt"):
        load_method(tmp_path / "zip.ckpt")
    with pytest.raises(InputError, match="no such checkpoint"):
        load_method(tmp_path / "absent.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(InputError, match="not one of `refine`"):
        load_method(tmp_path / "foreign.ckpt")


def test_weights_that_do_not_fit_are_named(saved: Path) -> None:
    arguments = torch.load(saved, weights_only=True)["refine"]["init_args"]
    with pytest.raises(InputError, match=r"weight 'refiner\.stem\.weight' is .*, expected"):
        load_method(changed(saved, init_args={**arguments, "features": 5}))
    with pytest.raises(InputError, match="do not fit SimGAN"):
        load_method(changed(saved, init_args={**arguments, "unknown": 5}))
    with pytest.raises(InputError, match="format 99"):
        load_method(changed(saved, format=99))


def test_another_methods_checkpoint_is_not_resumed(
    saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = next(command for command in commands(saved, folder) if command[0] == "fit")
    other = ["models/cyclegan.yaml" if word == "models/simgan.yaml" else word for word in fit]
    assert main([*other, "--model.discriminator-layers", "1"]) == 2
    assert "SimGAN, not CycleGAN" in capsys.readouterr().err


def test_an_exported_generator_leaves_discriminators_out(tmp_path: Path) -> None:
    method = CycleGAN(features=4, blocks=1, discriminator_features=4, discriminator_layers=1)
    write_bundle(method, tmp_path / "bundle")
    images = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_translator(tmp_path / "bundle").refine(images), method.eval().refine(images))
    with pytest.raises(InputError, match="exists already"):
        write_bundle(method, tmp_path / "bundle")


def test_a_runs_folder_is_told_which_checkpoints_it_holds(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.raises(InputError, match=r"the folder of a run; give one of its checkpoints: .*last\.ckpt$"):
        load_method(tmp_path)
