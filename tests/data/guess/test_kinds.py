import pytest

from refine.data.glance import Glance
from refine.data.guess.kinds import Kind, is_label_of, kind_of


@pytest.mark.parametrize(
    ("key", "mode", "expected"),
    [
        ("a/0.png", "RGB", Kind("color", False)),
        ("a/0.png", "LA", Kind("gray", False)),
        ("a/0.png", "1", Kind("flat", False)),
        ("a/0.png", "I;16", Kind("deep", False)),
        ("masks/a/0.png", "L", Kind("gray", True)),
        ("a/0_gt.png", "P", Kind("flat", True)),
    ],
)
def test_the_kind_follows_from_mode_and_path(key: str, mode: str, expected: Kind) -> None:
    assert kind_of(key, Glance("PNG", mode, 1, 1, 8, 1, None)) == expected


def test_names_decide_before_pixels() -> None:
    assert is_label_of(Kind("color", True), Kind("color", False))
    assert not is_label_of(Kind("flat", False), Kind("color", True))
    assert is_label_of(Kind("gray", False), Kind("color", False))
    assert not is_label_of(Kind("gray", False), Kind("gray", False))
