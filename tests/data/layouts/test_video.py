import builtins
import pickle
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from refine.data.layouts import Video
from refine.data.listing import Listing
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from tests.data.layouts.examples.video import make_clip, number_of, write_video


def plain(path: Path) -> list[Tensor]:
    """All frames as FFmpeg decodes them from the beginning on."""
    with av.open(str(path)) as container:
        return [
            torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1) for frame in container.decode(video=0)
        ]


def test_the_frames_are_the_images(tmp_path: Path) -> None:
    layout = open_layout("auto", write_video(tmp_path))
    assert isinstance(layout, Video)
    assert layout.faults == []
    keys = [record.key for record in layout.records()]
    assert keys == ["clips/day.mp4/000000", "clips/day.mp4/000001", "night.avi/000000", "night.avi/000001"]
    assert [number_of(layout.image(record, 3)) for record in layout.records()] == [0, 1, 0, 1]
    second = layout.records()[1]
    assert (second.member, second.image, second.label_files) == ("000001", tmp_path / "clips" / "day.mp4", ())
    assert (layout.size(second), layout.in_color(second), layout.label_space.kind) == ((48, 64), True, "none")


def test_a_single_file_is_a_dataset_and_a_video_beside_images_is_none(tmp_path: Path) -> None:
    write_video(tmp_path)
    assert len(open_layout("auto", tmp_path / "night.avi").records()) == 2
    (tmp_path / "0.hdf5").write_bytes(b"a container, by its name")
    assert Video.recognize(Listing(tmp_path)) is None
    (tmp_path / "a.png").write_bytes(b"an image, by its name")
    assert choose(tmp_path).layout.name == "images"


CLIPS: list[tuple[str, str, str, dict[str, str], Sequence[int]]] = [
    ("closed.mp4", "libx264", "yuv420p", {"g": "6", "bf": "2"}, (1,)),
    ("open.mov", "libx264", "yuv420p", {"g": "6", "bf": "3", "x264-params": "open-gop=1"}, (1,)),
    ("varying.mkv", "libx264", "yuv420p", {"g": "5", "bf": "3"}, (1, 3, 2)),
    ("no times.avi", "libx264", "yuv420p", {"g": "6", "bf": "2"}, (1,)),
    ("packed.avi", "mpeg4", "yuv420p", {"g": "6", "bf": "2"}, (1,)),
    ("hidden frames.webm", "libvpx", "yuv420p", {"g": "8", "auto-alt-ref": "1", "lag-in-frames": "12"}, (1,)),
    ("still.avi", "mjpeg", "yuvj420p", {}, (1,)),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "options", "steps"), CLIPS, ids=[clip[0] for clip in CLIPS])
def test_any_frame_in_any_order_is_exactly_the_one_that_plain_decoding_gives(
    tmp_path: Path, name: str, codec: str, pixels: str, options: dict[str, str], steps: tuple[int, ...]
) -> None:
    path = make_clip(tmp_path / name, 20, codec, pixels, options, steps)
    expected, layout = plain(path), Video(path)
    records = layout.records()
    assert len(records) == len(expected) == 20
    order = [*range(20), *random.Random(0).sample(range(20), 20), 7, 7]
    for number in order:
        assert layout.image(records[number], 3).equal(expected[number]), number


def test_rising_order_seeks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from refine.data.formats.video_reader import Reader

    layout = Video(make_clip(tmp_path / "a.mp4", 20, options={"g": "20"}))
    sought: list[int] = []
    real = Reader._restart

    def counted(self: Reader, key: int = 0) -> None:
        sought.append(key)
        real(self, key)

    monkeypatch.setattr(Reader, "_restart", counted)
    for record in layout.records():
        layout.image(record, 3)
    assert len(sought) == 1  # when it is opened, though there are several keyframes


def test_every_start_and_stop_choose_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 12)
    layout = Video(path, every=4, start=1, stop=10)
    assert [int(record.member) for record in layout.records()] == [1, 5, 9]
    assert [number_of(layout.image(record, 3)) for record in layout.records()] == [1, 5, 9]
    (tmp_path / "video.yaml").write_text("layout: video\nevery: 6\n")
    assert len(open_layout(str(tmp_path / "video.yaml"), path).records()) == 2
    for wrong in ({"every": 0}, {"start": -1}):
        with pytest.raises(InputError, match="expected 1 or more"):
            Video(path, **wrong)


class Frames(Dataset[Tensor]):
    def __init__(self, layout: Video) -> None:
        self.layout = layout

    def __getitem__(self, index: int) -> Tensor:
        return self.layout.image(self.layout.records()[index], 3)


def test_workers_that_are_forked_or_get_a_pickle_read_the_same_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 12)
    layout, expected = Video(path), plain(path)
    layout.image(layout.records()[3], 3)  # the parent has the file open, at a place
    loader = DataLoader(
        Frames(layout), batch_size=None, sampler=range(12), num_workers=2, multiprocessing_context="fork"
    )
    for number, image in enumerate(loader):
        assert image.equal(expected[number])
    assert layout.image(layout.records()[4], 3).equal(expected[4])
    assert pickle.loads(pickle.dumps(layout)).image(layout.records()[5], 3).equal(expected[5])


def test_gray_frames(tmp_path: Path) -> None:
    gray = Video(make_clip(tmp_path / "gray.mkv", 2, "ffv1", "gray", {}))
    record = gray.records()[1]
    assert (gray.in_color(record), gray.image(record, 1).shape, gray.image(record, 3).shape) == (
        False,
        (1, 48, 64),
        (3, 48, 64),
    )
    color = Video(make_clip(tmp_path / "color.mp4", 2))
    with pytest.raises(InputError, match="expected gray"):
        color.image(color.records()[0], 1)


def test_a_broken_file_and_an_empty_range_are_faults(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", 12)
    make_clip(tmp_path / "short.mp4", 2)
    (tmp_path / "broken.mov").write_bytes((tmp_path / "a.mp4").read_bytes()[:300])
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\na.mp4\n")
    layout = Video(tmp_path, start=4)
    assert len(layout.records()) == 8
    assert len(layout.faults) == 3
    for name in ("broken.mov: cannot be read", "playlist.mp4: cannot be read", "short.mp4: 2 frames, none of them"):
        assert any(name in fault for fault in layout.faults), name


def test_frames_that_cannot_be_decoded_are_named_and_the_others_stand(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 12, "ffv1", "bgr0", {"g": "1"})
    layout, expected = Video(path), plain(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])  # after it was indexed
    with pytest.raises(InputError, match=r"a\.mkv: frame 11 cannot be decoded"):
        layout.image(layout.records()[11], 3)
    assert layout.image(layout.records()[2], 3).equal(expected[2])


def test_no_video_and_no_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video file"):
        Video(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read as a video"):
        Video(tmp_path)


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install 'sim2real-refine\[video\]'"):
        Video(tmp_path)
