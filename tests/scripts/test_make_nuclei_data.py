import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_nuclei_data.py"


def main(*args: object) -> int:
    code: int = runpy.run_path(str(SCRIPT))["main"]([str(arg) for arg in args])
    return code


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Six pictures with 16-bit masks; the last mask has more numbers than 8 bits hold."""
    for number in range(6):
        masks = np.full((4, 4), 300 if number == 5 else number, np.uint16)
        for part, pixels in (("images", np.full((4, 4), number, np.uint8)), ("masks", masks)):
            (tmp_path / "source" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "source" / part / f"{number}.png")
    return tmp_path / "source"


def test_no_picture_is_on_both_sides_and_pixels_stay_as_they_are(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "nuclei"
    assert main(source, "--output", output, "--adapt", 2, "--test", 4) == 0
    real, test = ({path.name for path in (output / name).iterdir()} for name in ("real", "test/images"))
    assert (len(real), len(test)) == (2, 4)
    assert not real & test
    assert {path.name for path in (output / "test" / "masks").iterdir()} == test
    for path in (output / "test").glob("*/*.png"):
        with Image.open(path) as image, Image.open(source / path.relative_to(output / "test")) as before:
            assert np.array_equal(np.array(image), np.array(before))


def test_more_pictures_than_there_are_and_a_filled_folder_are_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(source, "--output", tmp_path / "nuclei", "--adapt", 3, "--test", 4) == 2
    assert "6 pictures; 3 and 4 are asked" in capsys.readouterr().err
    assert not (tmp_path / "nuclei").exists()
    (tmp_path / "nuclei" / "real").mkdir(parents=True)
    assert main(source, "--output", tmp_path / "nuclei", "--adapt", 1, "--test", 1) == 2
    assert "real: is there already; remove it" in capsys.readouterr().err
