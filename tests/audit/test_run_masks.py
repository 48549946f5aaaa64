"""`refine audit` of masks, from beginning to end."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from refine.audit.auditor import Auditor
from refine.cli import main
from refine.data.images import read_image
from tests.apply.trees import one_thread
from tests.audit.shapes import audit_of, certificates, save, summary

IMAGES, SIDE = 44, 24
WRONG = frozenset(f"images/{number:02d}.png" for number in range(0, IMAGES, 10))
COLORS = {
    "synthetic": [[90, 120, 220], [60, 160, 60], [220, 60, 40]],
    "refined": [[120, 135, 190], [85, 140, 85], [190, 90, 75]],
}


def mask(number: int) -> NDArray[np.uint8]:
    """Sky, ground, and a box somewhere."""
    rng = np.random.default_rng(number)
    found = np.zeros((SIDE, SIDE), np.uint8)
    found[int(rng.integers(8, 16)) :] = 1
    side = int(rng.integers(7, 11))
    top, left = (int(rng.integers(1, SIDE - side - 1)) for _ in range(2))
    found[top : top + side, left : left + side] = 2
    return found


def write_masks(root: Path, name: str) -> Path:
    """The wrong ones show another scene after refinement, under the mask that they had."""
    folder = root / name
    for number in range(IMAGES):
        key = f"images/{number:02d}.png"
        shown = mask(number + 500) if name == "refined" and key in WRONG else mask(number)
        noise = 5 * np.random.default_rng(number).standard_normal((SIDE, SIDE, 3))
        save(folder / key, (np.array(COLORS[name])[shown] + noise).clip(0, 255).astype(np.uint8))
        save(folder / "masks" / f"{number:02d}.png", mask(number))
    (folder / "classes.txt").write_text("sky\nground\nbox\n")
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("masks")
    folders = (write_masks(root, "synthetic"), write_masks(root, "refined"))
    flags = ["--steps", "35", "--batch-size", "8", "--folds", "2", "--networks", "unet"]
    with one_thread():
        assert main(audit_of(*folders, root / "audit", *flags)) == 1
    return root / "audit"


@pytest.mark.slow
def test_images_under_another_mask_fail(output: Path) -> None:
    lines = certificates(output)
    assert {lines[key]["verdict"] for key in WRONG} == {"fail"}
    passed = [key for key in lines.keys() - WRONG if lines[key]["verdict"] == "pass"]
    assert len(passed) >= 0.7 * (IMAGES - len(WRONG))  # 24 images set the limits


@pytest.mark.slow
def test_harm_is_found_size_by_size_and_bounds_the_wrong_ones(output: Path) -> None:
    audit = summary(output)
    assert audit["kind"] == "mask"
    moved = {power["size"]: power["rate"] for power in audit["power"] if power["harm"] == "moved"}
    assert moved[1] < moved[8]
    assert moved[8] > 0.9
    upper = audit["bound_under_planted_corruption"]["upper"]
    assert upper is not None
    assert len(WRONG) / IMAGES < upper < 1
    structure = [record for name, record in audit["judges"].items() if name.startswith("structure")]
    assert all("fail_threshold" not in record for record in structure)
    assert structure


@pytest.mark.slow
def test_a_stored_image_gets_its_verdict_again(output: Path) -> None:
    auditor = Auditor.load(output)
    for key in ("images/00.png", "images/01.png"):
        before, after = (read_image(output.parent / name / key, 3) for name in COLORS)
        assert auditor(key, before, after)["scores"] == pytest.approx(auditor.verdicts[key]["scores"], abs=1e-4)
        assert auditor(key, before, after)["verdict"] == auditor.verdicts[key]["verdict"]
