"""Judges on disk: a finished audit judges again, and `refine apply --audit` repairs with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from refine.apply.verification import verify
from refine.audit.judges import EnsembleMember, JudgeEnsemble
from refine.audit.pairs import Pairs
from refine.audit.result import JUDGES, JudgeRecord
from refine.audit.run import Auditor
from refine.audit.training import INDEX_FILE, LABELS_FILE, load_judges, require_free, store_judges
from refine.cli import main
from refine.data.images import read_image
from refine.errors import InputError
from refine.files import MANIFEST
from refine.labels import KINDS, KindName
from refine.methods.checkpoint import model_sha256
from refine.methods.task import Task
from tests.audit.scenes import draws
from tests.audit.shapes import SPOILED, Finished, apply_to, certificates


def pairs(kind: KindName = "class") -> Pairs:
    images = torch.randint(0, 256, (4, 3, 16, 12), generator=draws(), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 1, 0])
    if kind == "mask":
        labels = torch.randint(0, 2, (4, 16, 12), generator=draws(), dtype=torch.uint8)
    return Pairs(KINDS[kind], ("a", "b"), ("one.png", "ä/two.png", "three.png", "four.png"), images, images, labels)


FOLDS = torch.tensor([0, 1, 0, 1])


def family(kind: KindName = "class", name: str = "content") -> JudgeEnsemble:
    tasks = (Task(classes=["a", "b"], channels=3, width=4, seed=seed, kind=kind).eval() for seed in (0, 1))
    return JudgeEnsemble(name, tuple(EnsembleMember("small-0", fold, task) for fold, task in enumerate(tasks)))


@pytest.mark.parametrize("kind", ["class", "mask"])
def test_what_was_stored_comes_back(tmp_path: Path, kind: KindName) -> None:
    whole, judges = pairs(kind), family(kind)
    store_judges(tmp_path, whole, FOLDS, (judges, family(kind, "real")))
    found = load_judges(tmp_path)
    assert (found.size, found.channels) == ((16, 12), 3)
    assert found.places == {key: place for place, key in enumerate(whole.keys)}
    assert torch.equal(found.labels, whole.labels)
    assert torch.equal(found.folds, FOLDS)
    assert [(one.name, one.kind, one.names) for one in found.ensembles] == [
        (name, KINDS[kind], ("a", "b")) for name in ("content", "real")
    ]
    images = whole.synthetic / 127.5 - 1
    for before, after in zip(judges.outputs(images, FOLDS), found.ensembles[0].outputs(images, FOLDS), strict=True):
        assert torch.equal(before, after)


def test_what_an_interrupted_audit_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f".{JUDGES}.tmp").mkdir()
    store_judges(tmp_path, pairs(), FOLDS, (family(), family(name="real")))
    require_free(tmp_path)
    store_judges(tmp_path, pairs(), FOLDS, ())
    assert load_judges(tmp_path).ensembles == ()
    store_judges(tmp_path, pairs(), FOLDS, (family(),))
    assert {path.name for path in (tmp_path / JUDGES).iterdir()} == {INDEX_FILE, LABELS_FILE, "content-0", "content-1"}
    assert [path.name for path in tmp_path.iterdir()] == [JUDGES]


def test_a_place_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    require_free(tmp_path)
    (tmp_path / JUDGES).mkdir()
    with pytest.raises(InputError, match="holds something else than an audit's judges; choose another --output"):
        require_free(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        store_judges(tmp_path / "file", pairs(), FOLDS, ())


def change(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda about: about.update(values)


def lead_out(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda about: about["families"][0]["members"][0].update(bundle=name)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lead_out("../judges/content-0"), "leads out of the folder"),
        (lead_out("/etc"), "leads out of the folder"),
        (lead_out(".."), "leads out of the folder"),
        (lead_out(""), "leads out of the folder"),
        (lead_out("content-9"), "content-9"),
        (change(keys=["one.png"]), "1 keys, labels of (4,) and folds of (4,)"),
        (change(keys=None), "got `null` - at `$.keys`"),
        (change(families=[3]), "at `$.families["),
        (change(families={"a": 3}), "at `$.families`"),
        (change(size=[16]), "at `$.size`"),
        (change(channels="many"), "at `$.channels`"),
        (lambda about: about.pop("kind"), "missing required field `kind`"),
    ],
)
def test_a_damaged_index_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], object], said: str) -> None:
    store_judges(tmp_path, pairs(), FOLDS, (family(),))
    index = tmp_path / JUDGES / INDEX_FILE
    about = json.loads(index.read_text())
    damage(about)
    index.write_text(json.dumps(about))
    with pytest.raises(InputError, match="audit again") as raised:
        load_judges(tmp_path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    store_judges(tmp_path, pairs(), FOLDS, (family(),))
    whole = (tmp_path / JUDGES / LABELS_FILE).read_bytes()
    torn = whole[:70] + bytes(8) + whole[78:]
    damages = [
        (INDEX_FILE, b"{"),
        (INDEX_FILE, b"[]"),
        *((LABELS_FILE, content) for content in (b"PK\x03\x04 no zip", b"", torn)),
    ]
    for name, content in damages:
        store_judges(tmp_path, pairs(), FOLDS, (family(),))
        (tmp_path / JUDGES / name).write_bytes(content)
        with pytest.raises(InputError, match=r"cannot be read|judges\.json: (not JSON|Expected `object`)"):
            load_judges(tmp_path)
    store_judges(tmp_path, pairs(), FOLDS, (family(),))
    (tmp_path / JUDGES / "content-1" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="content-1"):
        load_judges(tmp_path)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    store_judges(tmp_path, pairs(), FOLDS, (family(),))
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / JUDGES / LABELS_FILE, labels=objects, folds=objects)
    with pytest.raises(InputError, match="cannot be read"):
        load_judges(tmp_path)


def images(finished: Finished, key: str) -> tuple[Tensor, Tensor]:
    return read_image(finished.synthetic / key, 1), read_image(finished.refined / key, 1)


def test_a_stored_image_gets_its_verdict_again(finished: Finished) -> None:
    auditor = Auditor.load(finished.output)
    for key in [*sorted(SPOILED)[:3], "bar/05.png", "disk/03.png", "ring/40.png"]:
        again, stored = auditor(key, *images(finished, key)), auditor.verdicts[key]
        assert again["scores"] == pytest.approx(stored["scores"], abs=1e-4)
        assert (again["verdict"], again["reasons"], again["key"]) == (stored["verdict"], stored["reasons"], key)
    assert auditor.model == model_sha256(finished.checkpoint)
    with pytest.raises(InputError, match=r"none\.png: is not an image of this audit"):
        auditor("none.png", *images(finished, "bar/03.png"))


def test_less_of_the_change_is_judged_anew(finished: Finished) -> None:
    auditor, key = Auditor.load(finished.output), "bar/03.png"
    synthetic, refined = images(finished, key)
    scores = []
    for strength in (1.0, 0.5, 0.0):
        mixed = (synthetic + strength * (refined.float() - synthetic)).round().to(torch.uint8)
        scores.append(auditor(key, synthetic, mixed)["scores"]["content: class_doubt"])
    assert scores[0] > scores[1] > scores[2]
    assert auditor(key, synthetic, synthetic)["verdict"] == "pass"


def test_color_and_size_do_not_matter_to_judges_of_small_gray_images(finished: Finished) -> None:
    auditor, key = Auditor.load(finished.output), "disk/05.png"
    synthetic, refined = images(finished, key)
    plain = auditor(key, synthetic, refined)["scores"]
    colored = auditor(key, *(image.expand(3, -1, -1) for image in (synthetic, refined)))["scores"]
    large = [image.repeat_interleave(2, 1).repeat_interleave(2, 2) for image in (synthetic, refined)]
    assert colored == pytest.approx(plain, abs=1e-3)
    assert auditor(key, *large)["scores"] == pytest.approx(plain, abs=0.05)


def repaired(finished: Finished, output: Path, *flags: str) -> dict[str, dict[str, object]]:
    command = [*apply_to(finished.synthetic, finished.checkpoint), "--output", str(output)]
    assert main([*command, "--audit", str(finished.output), *flags]) == 0
    return {entry["key"]: entry for entry in map(json.loads, (output / MANIFEST).open())}


def test_the_real_audit_repairs_what_it_failed(finished: Finished, tmp_path: Path) -> None:
    output = tmp_path / "repaired"
    entries = repaired(finished, output)
    auditor, found = Auditor.load(finished.output), []
    for key, line in certificates(finished.output).items():
        entry = entries[key]["audit"]
        assert isinstance(entry, dict)
        if line["verdict"] != "fail":
            assert entry == {"verdict": line["verdict"], "strength": 1.0, "after": line["verdict"]}
            assert (output / key).read_bytes() == (finished.refined / key).read_bytes()
            continue
        found.append(entry["strength"])
        assert entry["verdict"] == "fail"
        assert entry["after"] == ("pass" if entry["strength"] else None)
        written = auditor(key, read_image(finished.synthetic / key, 1), read_image(output / key, 1))
        assert written["verdict"] == "pass"
    assert len(found) >= len(SPOILED)
    assert 0 < max(found) < 1
    assert verify(output) == []


def test_the_real_audit_leaves_out_what_it_failed(finished: Finished, tmp_path: Path) -> None:
    output = tmp_path / "repaired"
    entries = repaired(finished, output, "--if-wrong", "leave-out")
    written = {path.relative_to(output).as_posix() for path in output.rglob("*.png")}
    assert written == {key for key, entry in entries.items() if entry["status"] != "left-out"}
    assert verify(output) == []


def test_what_only_a_person_saw_no_judge_lets_pass(own: Finished, tmp_path: Path) -> None:
    key, decisions = "disk/05.png", tmp_path / "decisions.csv"
    assert certificates(own.output)[key]["verdict"] == "pass"
    decisions.write_text(f"key,verdict\n{key},fail\nbar/03.png,pass\n")
    main(["audit", "--output", str(own.output), "--decisions", str(decisions)])
    entries = repaired(own, tmp_path / "repaired")
    assert entries[key]["audit"] == {"verdict": "fail", "strength": 0.0, "after": None}
    assert entries["bar/03.png"]["audit"] == {"verdict": "pass", "strength": 1.0, "after": "pass"}


def test_what_asks_for_a_review_and_is_not_measured_again_stays_in_doubt(finished: Finished) -> None:
    auditor, key = Auditor.load(finished.output), "bar/05.png"
    pictures = images(finished, key)
    assert auditor(key, *pictures)["verdict"] == "pass"
    moved: JudgeRecord = {"competent": True, "measured": 1.0, "bar": 0.8, "threshold": 0.5, "why": ""}
    auditor.audit["judges"]["structure: moved"] = moved
    auditor.verdicts[key]["scores"]["structure: moved"] = 2.0
    doubted = auditor(key, *pictures)
    assert (doubted["verdict"], doubted["reasons"]) == ("review", ["Unusual at full strength: structure: moved."])
    auditor.verdicts[key]["scores"]["structure: moved"] = 0.4
    assert auditor(key, *pictures)["verdict"] == "pass"


def test_another_models_output_and_a_part_of_the_change_are_not_repaired(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.ckpt"
    torch.save({**torch.load(finished.checkpoint, weights_only=True), "more": 1}, other)
    flags = ["--output", str(tmp_path / "out"), "--audit", str(finished.output)]
    assert main([*apply_to(finished.synthetic, other), *flags]) == 2
    assert "judges what another model than this --checkpoint made" in capsys.readouterr().err
    assert main([*apply_to(finished.synthetic, finished.checkpoint), *flags, "--strength", "0.5"]) == 2
    assert "strength" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
