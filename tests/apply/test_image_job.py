from pathlib import Path

import numpy as np
import pytest

from refine.apply.codec import Picture, decode
from refine.apply.image_job import ImageJob
from refine.apply.plan import PlannedImage
from refine.apply.repair import Decision
from tests.apply.judges import WrittenJudge, repair
from tests.apply.trees import noise, save


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    (tmp_path / "out").mkdir()
    return decode(save(tmp_path / "in" / "a.png", noise(8, 8)).read_bytes())


def image(picture: Picture) -> PlannedImage:
    return PlannedImage("a.png", picture.seen)


def test_without_an_audit_all_of_the_change_is_written_and_no_line_speaks_of_one(
    tmp_path: Path, picture: Picture
) -> None:
    job = ImageJob(tmp_path / "in", tmp_path / "out", None)
    decision = job.decide(image(picture), picture, 255 - picture.color)
    finished = job.write(image(picture), picture, decision)
    assert finished.temporary is not None
    assert np.array_equal(decode(finished.temporary.read_bytes()).color, 255 - picture.color)
    assert "audit" not in finished.entry


def test_what_the_network_gave_nothing_for_is_listed_and_not_judged(tmp_path: Path, picture: Picture) -> None:
    judge = WrittenJudge({"a.png": "fail"})
    job = ImageJob(tmp_path / "in", tmp_path / "out", repair(judge))
    finished = job.write(image(picture), picture, job.decide(image(picture), picture, None))
    assert (finished.entry["status"], finished.entry["reason"]) == ("failed", "the network gave NaN or infinity for it")
    assert judge.asked == []


def test_what_cannot_be_encoded_is_listed_before_it_is_judged(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no such mode")

    judge = WrittenJudge({"a.png": "fail"})
    job = ImageJob(tmp_path / "in", tmp_path / "out", repair(judge))
    monkeypatch.setattr("refine.apply.repair.encode", fails)
    finished = job.write(image(picture), picture, job.decide(image(picture), picture, 255 - picture.color))
    assert finished.entry["reason"] == "cannot be written back the same (no such mode)"
    assert (judge.asked, finished.temporary) == ([], None)


def test_an_original_whose_file_went_away_is_listed(tmp_path: Path, picture: Picture) -> None:
    job = ImageJob(tmp_path / "in", tmp_path / "out", repair(WrittenJudge({"a.png": "fail"})))
    (tmp_path / "in" / "a.png").unlink()
    finished = job.write(image(picture), picture, Decision(None, {"verdict": "fail", "strength": 0.0, "after": None}))
    assert finished.entry["status"] == "failed"
