from pathlib import Path

import numpy as np
import pytest
import torch

from refine.audit.pairs import Pairs, open_pairs, read_pairs
from refine.errors import InputError
from refine.labels import KINDS
from tests.audit.shapes import save
from tests.conftest import WriteImages


def pairs(synthetic: Path, refined: Path, size: tuple[int, int] | None = None) -> Pairs:
    return read_pairs(open_pairs(synthetic, refined), size)


@pytest.fixture
def folders(tmp_path: Path, write_images: WriteImages) -> tuple[Path, Path]:
    return write_images(tmp_path / "in", size=(16, 24)), write_images(tmp_path / "out", size=(16, 24), level=50)


def test_images_stand_beside_what_was_made_of_them(folders: tuple[Path, Path]) -> None:
    found = pairs(*folders)
    assert (found.kind.name, found.names, found.size) == ("class", ("a", "b"), (16, 24))
    assert found.keys == tuple(f"{name}/{name}-{number:03d}.png" for name in "ab" for number in range(6))
    assert found.labels.tolist() == [0] * 6 + [1] * 6
    assert found.synthetic.dtype == found.refined.dtype == torch.uint8
    change = found.refined.float().mean((1, 2, 3)) - found.synthetic.float().mean((1, 2, 3))
    assert bool((change > 20).all())


def test_only_what_stands_in_both_is_audited(folders: tuple[Path, Path]) -> None:
    (folders[1] / "a" / "a-000.png").unlink()
    (folders[0] / "b" / "b-005.png").unlink()
    found = pairs(*folders)
    assert len(found.keys) == 10
    assert found.keys[0] == "a/a-001.png"
    assert found.labels.tolist() == [0] * 5 + [1] * 5


def test_a_class_may_be_missing_after_refinement(folders: tuple[Path, Path]) -> None:
    for file in (folders[1] / "b").iterdir():
        file.unlink()
    (folders[1] / "b").rmdir()
    found = pairs(*folders)
    assert found.names == ("a", "b")
    assert found.labels.tolist() == [0] * 6


def test_large_images_are_judged_small(tmp_path: Path, write_images: WriteImages) -> None:
    longest = KINDS["class"].judges.longest_side
    synthetic = write_images(tmp_path / "in", size=(2 * longest, longest), count=1)
    refined = write_images(tmp_path / "out", size=(2 * longest, longest), count=1)
    assert pairs(synthetic, refined).size == (longest, longest // 2)
    assert pairs(synthetic, refined, (10, 20)).refined.shape[-2:] == (10, 20)


def test_images_are_gray_only_where_both_sides_are(tmp_path: Path, write_images: WriteImages) -> None:
    gray, color = write_images(tmp_path / "in", mode="L"), write_images(tmp_path / "out")
    assert pairs(gray, gray).synthetic.shape[1] == 1
    assert pairs(gray, color).synthetic.shape[1] == pairs(gray, color).refined.shape[1] == 3


@pytest.mark.parametrize("size", [(4, 24), (24, 7)])
def test_images_that_are_too_small_are_refused(folders: tuple[Path, Path], size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"images of {size[0]}x{size[1]} are too small to judge; give --size HxW"):
        pairs(*folders, size)


def test_nothing_in_common_is_refused(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    for name in "ab":
        save(tmp_path / "other" / name / "x.png", np.zeros((16, 24), np.uint8))
    with pytest.raises(InputError, match=r"holds no image of .* under the same name"):
        open_pairs(folders[0], tmp_path / "other")


def test_synthetic_images_need_labels(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    save(tmp_path / "plain" / "x.png", np.zeros((16, 24), np.uint8))
    with pytest.raises(InputError):
        open_pairs(tmp_path / "plain", folders[1])
