"""A finished audit judges again, and `refine apply --audit` repairs with it."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.apply import verify
from refine.audit.auditor import Auditor, read_audit, read_certificates
from refine.audit.result import LINES, SUMMARY
from refine.cli import main
from refine.data.images import read_image
from refine.errors import InputError
from refine.files import MANIFEST
from refine.methods.checkpoint import model_sha256
from tests.audit.shapes import SPOILED, Finished, apply_to, certificates


def images(finished: Finished, key: str) -> tuple[Tensor, Tensor]:
    return read_image(finished.synthetic / key, 1), read_image(finished.refined / key, 1)


def test_a_stored_image_gets_its_verdict_again(finished: Finished) -> None:
    auditor = Auditor.load(finished.output)
    for key in [*sorted(SPOILED)[:3], "bar/05.png", "disk/03.png", "ring/40.png"]:
        again, stored = auditor(key, *images(finished, key)), auditor.verdicts[key]
        assert again["scores"] == pytest.approx(stored["scores"], abs=1e-4)
        assert (again["verdict"], again["reasons"], again["key"]) == (stored["verdict"], stored["reasons"], key)


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


def test_it_knows_whose_output_it_saw(finished: Finished) -> None:
    assert Auditor.load(finished.output).model == model_sha256(finished.checkpoint)


def test_an_image_that_was_not_audited_is_refused(finished: Finished) -> None:
    auditor = Auditor.load(finished.output)
    with pytest.raises(InputError, match=r"none\.png: is no image of this audit"):
        auditor("none.png", *images(finished, "bar/03.png"))


def test_a_damaged_line_is_named(own: Finished) -> None:
    path = own.output / LINES
    lines = path.read_text().splitlines(keepends=True)
    for damaged in ("{", "[]\n", '{"key": 3, "verdict": "pass", "scores": {}}\n', lines[6].replace('"verdict"', '"v"')):
        path.write_text("".join([*lines[:6], damaged.rstrip("\n") + "\n", *lines[7:]]))
        with pytest.raises(InputError, match=r"audit\.jsonl: line 7: (not JSON|damaged).*audit again"):
            read_certificates(own.output)
    path.write_text("".join(lines))
    assert read_certificates(own.output) == certificates(own.output)


def test_a_damaged_summary_is_refused(own: Finished) -> None:
    for text, said in (
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "are missing"),
        ('{"judges": {}}', "are missing"),
    ):
        (own.output / SUMMARY).write_text(text)
        with pytest.raises(InputError, match=said):
            read_audit(own.output)
    for name, read in ((SUMMARY, read_audit), (LINES, read_certificates)):
        (own.output / name).unlink()
        with pytest.raises(InputError, match="name a folder that `refine audit` wrote"):
            read(own.output)


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


def test_another_models_output_is_not_repaired(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.ckpt"
    content = torch.load(finished.checkpoint, weights_only=True)
    torch.save({**content, "more": 1}, other)
    flags = ["--output", str(tmp_path / "out"), "--audit", str(finished.output)]
    assert main([*apply_to(finished.synthetic, other), *flags]) == 2
    assert "judges what another model than this --checkpoint made" in capsys.readouterr().err


def test_what_asks_for_a_review_and_is_not_measured_again_stays_in_doubt(finished: Finished) -> None:
    auditor, key = Auditor.load(finished.output), "bar/05.png"
    pictures = images(finished, key)
    assert auditor(key, *pictures)["verdict"] == "pass"
    auditor.audit["judges"]["structure: moved"] = {
        "competent": True,
        "measured": 1.0,
        "bar": 0.8,
        "threshold": 0.5,
        "why": "",
    }
    auditor.verdicts[key]["scores"]["structure: moved"] = 2.0
    doubted = auditor(key, *pictures)
    assert (doubted["verdict"], doubted["reasons"]) == ("review", ["Unusual at full strength: structure: moved."])
    auditor.verdicts[key]["scores"]["structure: moved"] = 0.4
    assert auditor(key, *pictures)["verdict"] == "pass"


def test_an_audit_of_the_whole_change_says_nothing_of_a_part_of_it(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--output", str(tmp_path / "out"), "--audit", str(finished.output), "--strength", "0.5"]
    assert main([*apply_to(finished.synthetic, finished.checkpoint), *flags]) == 2
    assert "strength" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
