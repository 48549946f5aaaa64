import math
from pathlib import Path

import pytest
import torch

from refine.data.layouts import SynthesEyes
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels.gaze import gaze_vector
from tests.conftest import SHARED, needs_shared
from tests.data.layouts.contract import LayoutContract, moved, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.synthes_eyes import write_synthes_eyes


class TestContract(LayoutContract):
    layout, write = SynthesEyes, staticmethod(write_synthes_eyes)
    why = r"3 names like f01_122_-0\.0000_-0\.0000\.png hold two angles; \.pkl files are carried and never opened"
    faults = (
        (removed("f01/f01_36_0.1963_-0.7854.png"), r"f01_36_0\.1963_-0\.7854\.pkl: a label without an image; "),
        (
            lambda root: [moved(f"f01/f01_36_0.1963_-0.7854{end}", f"f01/eye{end}")(root) for end in (".png", ".pkl")],
            r"/f01/eye\.png: an image without a label; ",
        ),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_synthes_eyes(tmp_path)


def test_the_example_is_read_exactly(root: Path) -> None:
    layout = SynthesEyes(root)
    zero, right, low = layout.records()
    assert zero.key == "f01/f01_122_-0.0000_-0.0000.png"
    assert layout.label_space.names == ("pitch", "yaw")
    assert layout.label_space.mirror == (1, -1)
    assert layout.label(right).tolist() == pytest.approx([0.1963, -0.7854])
    assert layout.label(low).tolist() == pytest.approx([-0.3927, 0.1963])
    assert [math.copysign(1, value) for value in layout.label(zero).tolist()] == [1, 1]  # no negative zero


def test_the_eye_looks_where_the_pictures_show_it(root: Path) -> None:
    layout = SynthesEyes(root)
    zero, right, low = (layout.annotation(record).gaze for record in layout.records())
    assert right is not None
    assert low is not None
    assert there(zero).tolist() == [0, 0, -1]
    assert right[0] > 0 > right[1]  # to the image's right and up, its second number negative and its first positive
    assert low[0] < 0 < low[1]
    targets = layout.label(layout.records()[1])
    torch.testing.assert_close(gaze_vector(targets), right)


def test_pickles_are_carried_and_never_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise AssertionError(f"opened {self}")

    for way in ("open", "read_bytes"):
        monkeypatch.setattr(Path, way, refuse)
    layout = SynthesEyes(root)
    assert [record.label_files for record in layout.records()] == [
        (record.image.with_suffix(".pkl"),) for record in layout.records()
    ]
    assert layout.label(layout.records()[0]).shape == (2,)


@pytest.mark.parametrize("name", ["eye_1_2", "f01_36", "car_0001_0.5_0.5x", "f01_36_0.1963"])
def test_other_names_are_something_else(root: Path, name: str) -> None:
    for number, image in enumerate(sorted(root.rglob("*.png"))):
        image.rename(image.with_name(f"{name}{number}.png" if number else f"{name}.png"))
    assert choose_layout(root).layout is not SynthesEyes


@pytest.mark.parametrize("angles", ["1.5800_0.0000", "0.0000_-5.6250"])
def test_angles_that_cannot_be_are_named(root: Path, angles: str) -> None:
    (root / "f01/f01_36_0.1963_-0.7854.png").rename(root / f"f01/f01_36_{angles}.png")
    (root / "f01/f01_36_0.1963_-0.7854.pkl").unlink()
    layout = SynthesEyes(root)
    message = f"f01_36_{angles}.png: an angle in the name is outside of -1.5708 to 1.5708 radians"
    assert len(layout.faults) == 1
    assert message in layout.faults[0]
    with pytest.raises(InputError, match=message):
        layout.annotation(layout.records()[1])


@needs_shared
def test_the_real_renders_are_recognized_and_whole() -> None:
    layout = choose_layout(SHARED / "data/gaze/synthetic").layout(SHARED / "data/gaze/synthetic")
    layout.require_whole()
    assert isinstance(layout, SynthesEyes)
    assert len(layout.records()) == 52
    assert layout.size(layout.records()[0]) == (80, 120)
