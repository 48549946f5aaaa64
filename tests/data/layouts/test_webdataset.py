import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.layouts import WebDataset
from refine.data.layouts.webdataset import is_image_member, parse_class, sample_of
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout, open_layout, recognized
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract
from tests.data.layouts.examples.webdataset import add, make_shard, picture, sample, write_webdataset


class TestContract(LayoutContract):
    layout, write = WebDataset, staticmethod(write_webdataset)
    why = r"train-000000\.tar holds 000000\.png; carried, not read: seg\.png, txt"
    keys = tuple(f"train-{at // 2:06d}.tar/{at:06d}.{'jpg' if at % 2 else 'png'}" for at in range(4))


def test_the_example_is_read_exactly(tmp_path: Path) -> None:
    layout = WebDataset(write_webdataset(tmp_path))
    assert layout.label_space.kind == "class"
    assert layout.label_space.names == ("0", "1", "2")
    assert [int(layout.label(record)) for record in layout.records()] == [0, 1, 2, 0]
    third = layout.records()[2]
    expected = np.asarray(Image.open(io.BytesIO(sample(2)["000002.png"])))
    assert np.array_equal(layout.image(third, 3).permute(1, 2, 0).numpy(), expected)
    assert (layout.size(third), layout.in_color(third)) == ((24, 32), True)
    assert third.member == "000002.png"
    assert third.image == tmp_path / "train-000001.tar"
    assert third.label_files == (tmp_path / "train-000001.tar",)


def test_it_is_not_taken_for_another_layout_nor_a_backup_beside_images_for_it(tmp_path: Path) -> None:
    write_webdataset(tmp_path)
    assert [choice.layout for choice in recognized(tmp_path)] == [WebDataset]
    assert len(open_layout("auto", tmp_path / "train-000001.tar").records()) == 2
    (tmp_path / "0.hdf5").write_bytes(b"a container, by its name")
    assert WebDataset.recognize(Listing(tmp_path)) is None
    Image.new("RGB", (8, 8)).save(tmp_path / "loose.png")
    assert choose_layout(tmp_path).layout.name == "images"


def test_a_tar_without_images_is_no_shard(tmp_path: Path) -> None:
    make_shard(tmp_path / "code.tar", {"main.py": b"print()", "LICENSE": b"free"})
    with pytest.raises(InputError, match="no image"):
        choose_layout(tmp_path)
    with pytest.raises(InputError, match="no sample has an image"):
        WebDataset(tmp_path)


def test_names_of_classes_are_given_or_found(tmp_path: Path) -> None:
    write_webdataset(tmp_path / "numbers")
    named = WebDataset(tmp_path / "numbers", classes=("cat", "dog", "cow"))
    assert (named.label_space.names, int(named.label(named.records()[2]))) == (("cat", "dog", "cow"), 2)
    words = {
        f"{index}.{kind}": content
        for index, word in enumerate(("dog", "cat", "dog"))
        for kind, content in {"png": picture(index), "json": f'{{"label": "{word}", "box": [1, 2]}}'.encode()}.items()
    }
    make_shard(tmp_path / "words" / "a.tar", words)
    layout = WebDataset(tmp_path / "words")
    assert layout.label_space.names == ("cat", "dog")
    assert [int(layout.label(record)) for record in layout.records()] == [1, 0, 1]
    given = WebDataset(tmp_path / "words", classes=("dog", "cow", "cat"))
    assert [int(given.label(record)) for record in given.records()] == [0, 2, 0]


def test_labels_without_a_class_are_carried_and_not_read(tmp_path: Path) -> None:
    make_shard(
        tmp_path / "a.tar", {"0.png": picture(0), "0.json": b'{"boxes": []}', "1.png": picture(1), "1.txt": b"x"}
    )
    layout = WebDataset(tmp_path)
    assert (layout.label_space.kind, layout.faults) == ("none", [])
    assert layout.annotation(layout.records()[0]).class_id is None
    assert [len(record.label_files) for record in layout.records()] == [1, 1]


def test_folders_in_a_tar_dots_in_them_and_capital_extensions(tmp_path: Path) -> None:
    members = {
        "./v1.0/a.JPG": picture(0, "JPEG"),
        "./v1.0/a.CLS": b"1\n",
        "./v1.0/._a.jpg": b"a ghost of a Mac",
        "./v1.0/readme": b"",
        "__index__/b.png": b"metadata",
    }
    layout = WebDataset(make_shard(tmp_path / "a.tar", members, tarfile.PAX_FORMAT))
    assert [record.key for record in layout.records()] == ["a.tar/v1.0/a.JPG"]
    assert layout.records()[0].member == "./v1.0/a.JPG"
    assert int(layout.label(layout.records()[0])) == 1
    assert layout.image(layout.records()[0], 3).shape == (3, 24, 32)


def test_which_member_is_the_image_must_be_clear(tmp_path: Path) -> None:
    two = {"0.jpg": picture(0, "JPEG"), "0.png": picture(1)}
    make_shard(tmp_path / "two" / "a.tar", two)
    with pytest.raises(InputError, match="0 has jpg and png, and one of them is the image"):
        WebDataset(tmp_path / "two")
    (record,) = WebDataset(tmp_path / "two", image="jpg").records()
    assert (record.member, len(record.label_files)) == ("0.jpg", 1)
    make_shard(tmp_path / "double" / "a.tar", {"0.rgb.png": picture(0), "0.seg.png": picture(1)})
    with pytest.raises(InputError, match=r"0 has no image, but rgb\.png, seg\.png.*image: rgb\.png"):
        WebDataset(tmp_path / "double")
    assert [record.member for record in WebDataset(tmp_path / "double", image=".RGB.png").records()] == ["0.rgb.png"]


def test_a_missing_label_and_a_missing_image_are_faults(tmp_path: Path) -> None:
    members = {**sample(0), "000001.png": picture(1), "000002.cls": b"1"}
    layout = WebDataset(make_shard(tmp_path / "a.tar", members))
    assert len(layout.records()) == 2
    assert any("000002 has no image, but cls" in fault for fault in layout.faults)
    assert any("000001.png: an image without a label" in fault for fault in layout.faults)
    assert layout.annotation(layout.records()[1]).class_id is None


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (b"7", r"class 7 in 1.cls is none of the 2 .* `layout: webdataset`, `classes: \[car, truck\]`"),
        (b"fox", "class 'fox' in 1.cls"),
        (b"-1", "class -1"),
        (b"", "empty"),
        (b"\xff", "cannot be read"),
        (b"9" * 5000, "cannot be read"),
        (b"99999999", "expected 0 to"),
    ],
)
def test_an_unknown_class_and_a_damaged_label_are_told(tmp_path: Path, label: bytes, message: str) -> None:
    members = {"0.png": picture(0), "0.cls": b"1", "1.png": picture(1), "1.cls": label}
    layout = WebDataset(make_shard(tmp_path / "a.tar", members), classes=("cat", "dog"))
    assert int(layout.label(layout.records()[0])) == 1
    with pytest.raises(InputError, match=message):
        layout.annotation(layout.records()[1])


def test_a_damaged_label_does_not_hide_the_classes_of_the_others(tmp_path: Path) -> None:
    members = {"0.png": picture(0), "0.json": b"{", "1.png": picture(1), "1.json": b'{"class": 1}'}
    layout = WebDataset(make_shard(tmp_path / "a.tar", members))
    assert layout.label_space.names == ("0", "1")
    with pytest.raises(InputError, match=r"a\.tar/0\.png: its label 0\.json cannot be read"):
        layout.annotation(layout.records()[0])


def test_an_image_that_is_none_is_told_by_its_name(tmp_path: Path) -> None:
    layout = WebDataset(make_shard(tmp_path / "a.tar", {"0.png": b"no image", "1.png": picture(1)[:-30]}))
    with pytest.raises(InputError, match=r"a\.tar/0\.png: cannot be read as an image \(its content"):
        layout.size(layout.records()[0])
    with pytest.raises(InputError, match=r"a\.tar/1\.png: cannot be read"):
        layout.image(layout.records()[1], 3)


@pytest.mark.parametrize("label", [b"", b"-1", b"\xff"])
def test_labels_that_are_all_damaged_are_told_as_well(tmp_path: Path, label: bytes) -> None:
    layout = WebDataset(make_shard(tmp_path / "a.tar", {"0.png": picture(0), "0.cls": label}))
    with pytest.raises(InputError, match=r"its label 0\.cls cannot be read"):
        layout.annotation(layout.records()[0])


def hostile(path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        add(tar, "good.png", picture(0))
        for name, kind, target in (
            ("link.png", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.png", tarfile.LNKTYPE, "good.png"),
            ("device.png", tarfile.CHRTYPE, ""),
            ("pipe.png", tarfile.FIFOTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
        add(tar, "../out.png", picture(1))
        add(tar, "/etc/absolute.png", picture(1))
        add(tar, "good.png", picture(2))
        add(tar, "other.png", picture(2))
        add(tar, "good.txt", b"too late")
    return path


def test_links_devices_and_names_that_lead_out_are_faults_and_no_records(tmp_path: Path) -> None:
    layout = WebDataset(hostile(tmp_path / "a.tar"))
    assert [record.member for record in layout.records()] == ["good.png", "other.png"]
    for name in ("link.png", "hard.png", "device.png", "pipe.png", "../out.png", "/etc/absolute.png"):
        assert any(f"{name!r} is not read" in fault for fault in layout.faults), name
    assert any("good.png stands twice" in fault for fault in layout.faults)
    assert any("good.txt lies apart" in fault for fault in layout.faults)
    assert len(layout.faults) == 8


def test_a_damaged_shard_is_a_fault_and_what_lies_before_the_damage_is_read(tmp_path: Path) -> None:
    write_webdataset(tmp_path, samples=6)
    path = tmp_path / "train-000001.tar"
    content = bytearray(path.read_bytes())
    whole = WebDataset(tmp_path).records()
    third = content.index(b"000004.cls")
    content[third : third + 200] = b"\x55" * 200
    path.write_bytes(content)
    layout = WebDataset(tmp_path)
    assert len(layout.records()) == len(whole) - 2
    assert any("train-000001.tar: damaged from byte" in fault for fault in layout.faults)
    path.write_bytes(content[:700])
    assert any("train-000001.tar: no whole, uncompressed tar" in fault for fault in WebDataset(tmp_path).faults)


def test_compressed_shards_are_refused_with_the_cure(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        add(tar, "0.png", picture(0))
    with pytest.raises(InputError, match=r"unpacked to \.tar"):
        WebDataset(tmp_path)
    (tmp_path / "a.tar.gz").rename(tmp_path / "a.tar")
    with pytest.raises(InputError, match="uncompressed"):
        WebDataset(tmp_path)


def test_a_negative_size_ends_the_index(tmp_path: Path) -> None:
    path = make_shard(tmp_path / "a.tar", {"0.png": picture(0), "1.png": picture(1)})
    content = bytearray(path.read_bytes())
    start = content.index(b"1.png")
    content[start + 124 : start + 136] = b"\xff" * 12
    header = bytearray(content[start : start + 512])
    header[148:156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    path.write_bytes(content)
    layout = WebDataset(path)
    assert len(layout.records()) == 1
    assert len(layout.faults) == 1


def test_what_is_carried_and_not_read_is_told(tmp_path: Path) -> None:
    make_shard(tmp_path / "b" / "a.tar", {"0.cls": b"1", "0.jpg": picture(0, "JPEG"), "0.json": b"{}"})
    assert choose_layout(tmp_path / "b").why == "a.tar holds 0.jpg"


@pytest.mark.parametrize("names", [("images/{}.png", "masks/{}.png"), ("{}_img.png", "{}_mask.png")])
def test_images_that_are_named_as_labels_of_others_are_a_fault(tmp_path: Path, names: tuple[str, str]) -> None:
    members = {name.format(f"{number:04d}"): picture(number) for number in range(3) for name in names}
    layout = WebDataset(make_shard(tmp_path / "a.tar", members))
    (fault,) = layout.faults
    image, mask = (name.format("0000") for name in names)
    assert fault.startswith(f"{tmp_path}/a.tar/{mask}: seems to be the label of a.tar/{image}, and would pass for a")
    assert fault.endswith("say so in a YAML file for --layout: `layout: webdataset`, `image: png`")
    with pytest.raises(InputError, match="seems to be the label of"):
        layout.require_whole()
    records = {str(record.member): record for record in layout.records()}
    for read in (lambda record: layout.image(record, 3), layout.size, layout.in_color):
        with pytest.raises(InputError, match=rf"{mask}: seems to be a label, and would pass for .*`image: png`"):
            read(records[mask])
        read(records[image])
    told = WebDataset(tmp_path, image="png")
    assert told.faults == []
    assert [told.size(record) for record in told.records()] == [(24, 32)] * 6


def test_images_with_classes_of_their_own_are_no_labels_of_others(tmp_path: Path) -> None:
    members = {
        f"{folder}/{number}.{kind}": content
        for folder in ("face", "mask")
        for number in range(3)
        for kind, content in {"png": picture(number), "cls": str(number % 2).encode()}.items()
    }
    assert WebDataset(make_shard(tmp_path / "a.tar", members)).faults == []


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
