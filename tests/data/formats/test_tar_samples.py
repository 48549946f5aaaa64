import pytest

from refine.data.formats.tar_samples import is_image_member, parse_class, sample_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("000001.jpg", ("000001", "jpg")),
        ("000001.seg.PNG", ("000001", "seg.png")),
        ("./a/v1.0/b.jpg", ("a/v1.0/b", "jpg")),
        ("a.b/c", None),
        ("a/.hidden.png", None),
        ("._000001.jpg", None),
        ("__index__/a.png", None),
        ("__meta__", None),
        ("__a.png", ("__a", "png")),
        ("____.png", ("____", "png")),
    ],
)
def test_the_first_dot_of_the_own_name_parts_sample_and_extension(name: str, expected: object) -> None:
    assert sample_of(name) == expected


def test_the_last_extension_says_whether_it_is_an_image() -> None:
    assert is_image_member("a.rgb.png")
    assert is_image_member("a.JPEG")
    assert not is_image_member("a.png.json")
    assert not is_image_member("png")


@pytest.mark.parametrize(
    ("label", "extension", "expected"),
    [
        (b" 12\n", "cls", 12),
        (b"dog", "cls", "dog"),
        (b'{"label": "3"}', "json", 3),
        (b'{"class": "cat", "label": 4}', "json", "cat"),
        (b'{"class": [1], "label": 4}', "json", 4),
        (b'{"class": true}', "json", None),
        (b"[1, 2]", "json", None),
    ],
)
def test_classes_are_numbers_or_names(label: bytes, extension: str, expected: object) -> None:
    assert parse_class(label, extension) == expected


@pytest.mark.parametrize(
    "label", [b"[" * 100_000, b"\xff", b"{", b'{"class": -1}', b'{"class": 1e400, "label": 70000}']
)
def test_what_is_no_class_is_refused(label: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_class(label, "json")
