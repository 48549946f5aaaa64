from pathlib import Path

import numpy as np
import pytest
import torch

from refine.apply.codec import DecodedImage, Levels, decode
from refine.apply.network import NOT_FINITE, Network
from refine.apply.pipeline import Job
from refine.apply.plan import make_plan, select
from refine.apply.repair import Repair
from refine.apply.verification import ApplySummary
from refine.data.images import read_image
from refine.errors import InputError
from tests.apply.judges import WrittenJudge, repair
from tests.apply.tiny import tiny
from tests.apply.trees import dataset, lines, noise, options, run, save, tree


class Fixed(Network):
    """Gives the negative of each picture, or nothing."""

    finite = True

    def __call__(self, pictures: list[DecodedImage], size: int) -> list[Levels | None]:
        return [255 - picture.color if self.finite else None for picture in pictures]


def done(root: Path, repair: Repair | None = None, finite: bool = True) -> ApplySummary:
    """A run over one image."""
    save(root / "in" / "a.png", noise(8, 8))
    (root / "out").mkdir()
    network = Fixed(tiny(), torch.device("cpu"), options())
    network.finite = finite
    plan = make_plan(root / "in", select(root / "in", None, "auto"), 3, 1)
    return Job(root / "in", root / "out", plan, network, options(), repair).run()


def test_without_an_audit_all_of_the_change_is_written_and_no_line_speaks_of_one(tmp_path: Path) -> None:
    assert done(tmp_path).done == 1
    before, after = (read_image(tmp_path / side / "a.png", 3) for side in ("in", "out"))
    assert np.array_equal(after, 255 - before)
    assert "audit" not in lines(tmp_path / "out")["a.png"]


def test_what_the_network_gave_nothing_for_is_listed_and_not_judged(tmp_path: Path) -> None:
    judge = WrittenJudge({"a.png": "fail"})
    (failure,) = done(tmp_path, repair(judge), finite=False).failures
    assert (failure["status"], failure["reason"], judge.asked) == ("failed", NOT_FINITE, [])


def test_what_cannot_be_encoded_is_listed_before_it_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no such mode")

    judge = WrittenJudge({"a.png": "fail"})
    monkeypatch.setattr("refine.apply.codec.encode", fails)
    (failure,) = done(tmp_path, repair(judge)).failures
    assert failure["reason"] == "cannot be written back the same (no such mode)"
    assert judge.asked == []
    assert set(tree(tmp_path / "out")) == {"refine-manifest.jsonl"}


def test_an_original_whose_file_went_away_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = WrittenJudge({"a.png": "fail"})

    def decoded(content: bytes) -> DecodedImage:
        (tmp_path / "in" / "a.png").unlink()
        return decode(content)

    monkeypatch.setattr("refine.apply.network.decode", decoded)
    (failure,) = done(tmp_path, repair(judge)).failures
    assert failure["reason"] == "cannot be written back the same (No such file or directory)"


def test_nothing_is_written_through_a_linked_folder_of_the_output(tmp_path: Path) -> None:
    source, output, elsewhere = dataset(tmp_path / "in"), tmp_path / "out", tmp_path / "elsewhere"
    run(source, output)
    (output / "part1").rename(elsewhere)
    (output / "part1").symlink_to(elsewhere)
    (output / "empty").rmdir()
    (elsewhere / "image_001.png").write_bytes(b"mine")
    before = tree(elsewhere)
    with pytest.raises(InputError, match="part1: is a link; the output must hold its own folders"):
        run(source, output)
    assert tree(elsewhere) == before
    assert not (output / "empty").exists()


def test_a_link_of_the_dataset_that_became_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    (source / "all").symlink_to("part0")
    run(source, output)
    (source / "all").unlink()
    (source / "all").mkdir()
    run(source, output)
    assert (output / "all").is_dir()
    assert not (output / "all").is_symlink()
