import os
import pickle
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from refine.data.layouts import Video
from refine.data.layouts.video import (
    OPEN_FILES,
    VideoIndex,
    VideoReader,
    VideoReaders,
    index_video,
    open_video,
    require_av,
    short,
)
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout, open_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, gone, moved, removed, wrote
from tests.data.layouts.edits import layout_images, there
from tests.data.layouts.examples.video import make_clip, number_of, write_video


def sound(root: Path) -> None:
    with av.open(str(root / "night.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))


class TestContract(LayoutContract):
    layout, write = Video, staticmethod(write_video)
    keys = ("clips/day.mp4/000000", "clips/day.mp4/000001", "night.avi/000000", "night.avi/000001")
    faults = (
        (wrote("night.avi", ""), r"night\.avi: cannot be read as a video \(.+\); replace or remove it"),
        (wrote("clips/list.mp4", "#EXTM3U\nhttp://example.org/a.ts\n"), r"list\.mp4: cannot be read as a video"),
        (moved("clips/day.mp4", "clips/day.avi"), r"day\.avi: cannot be read as a video \(.+\); replace or remove it"),
        (sound, r"night\.mkv: .*it has no video stream"),
    )
    refused = ((lambda root: (gone("clips")(root), removed("night.avi")(root)), "no video file"),)


def plain(path: Path) -> list[Tensor]:
    """All frames as FFmpeg decodes them from the beginning on."""
    with av.open(str(path)) as container:
        return [
            torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1) for frame in container.decode(video=0)
        ]


def test_the_frames_are_the_images(tmp_path: Path) -> None:
    layout = Video(write_video(tmp_path))
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
    assert choose_layout(tmp_path).layout.name == "images"


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


def test_every_start_and_stop_choose_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 12)
    layout = Video(path, every=4, start=1, stop=10)
    assert [int(record.member) for record in layout.records()] == [1, 5, 9]
    assert [number_of(layout.image(record, 3)) for record in layout.records()] == [1, 5, 9]
    make_clip(tmp_path / "short.mp4", 2)
    (fault,) = Video(tmp_path, start=4).faults
    assert "short.mp4: 2 frames, none of them" in fault
    (tmp_path / "video.yaml").write_text("layout: video\nevery: 6\n")
    assert len(open_layout(str(tmp_path / "video.yaml"), path).records()) == 2
    for wrong in ({"every": 0}, {"start": -1}):
        with pytest.raises(InputError, match="expected 1 or more"):
            Video(path, **wrong)


def test_workers_that_are_forked_read_the_same_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 12)
    layout, expected = Video(path), plain(path)
    layout.image(layout.records()[3], 3)  # the parent has the file open, at a place
    for number, image in enumerate(layout_images(layout)):
        assert image.equal(expected[number])
    assert layout.image(layout.records()[4], 3).equal(expected[4])


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


def test_frames_that_cannot_be_decoded_are_named_and_the_others_stand(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 12, "ffv1", "bgr0", {"g": "1"})
    layout, expected = Video(path), plain(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])  # after it was indexed
    with pytest.raises(InputError, match=r"a\.mkv: frame 11 cannot be decoded"):
        layout.image(layout.records()[11], 3)
    assert layout.image(layout.records()[2], 3).equal(expected[2])


def test_frames_are_counted_with_their_times_and_keyframes(tmp_path: Path) -> None:
    found = index_video(make_clip(tmp_path / "a.mp4", frames=8, options={"g": "3", "bf": "2"}))
    assert (found.height, found.width, found.gray, found.frames) == (48, 64, False, 8)
    assert (np.diff(there(found.times)) > 0).all()
    assert found.keys.tolist() == [0, 3, 6]


def test_a_variable_rate_shows_in_the_times(tmp_path: Path) -> None:
    times = there(index_video(make_clip(tmp_path / "a.mkv", frames=5, steps=(1, 3))).times)
    steps = np.diff(times)
    assert (steps / steps[0]).tolist() == [1, 3, 1, 3]


def test_avi_has_no_times_of_frames_that_need_others(tmp_path: Path) -> None:
    found = index_video(make_clip(tmp_path / "a.avi", frames=6, options={"g": "3", "bf": "2"}))
    assert (found.frames, found.times, found.keys.tolist()) == (6, None, [])
    assert index_video(make_clip(tmp_path / "b.avi", 3, "mjpeg", "yuvj420p", {})).keys.tolist() == [0, 1, 2]


def test_a_table_that_says_that_it_is_huge_is_no_lack_of_memory(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.mp4", frames=1)
    content = file.read_bytes()
    count = content.index(b"stts") + 8
    file.write_bytes(content[:count] + b"\x7f\xff\xff\xff" + content[count + 4 :])
    with pytest.raises(InputError, match="it says that a part of it is larger than 2 GiB"):
        index_video(file)


def test_one_thread_decodes(tmp_path: Path) -> None:
    with open_video(make_clip(tmp_path / "a.mp4", frames=1)) as container:
        assert container.streams.video[0].codec_context.thread_count == 1


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (require_av, lambda: index_video(tmp_path / "a.mp4"), lambda: Video(tmp_path)):
        with pytest.raises(InputError, match=r"^video files need PyAV: pip install 'sim2real-refine\[video\]'$"):
            use()


def test_a_reason_is_one_line_and_never_empty() -> None:
    assert short(OSError(2, "No such\n file")) == "No such file"
    assert short(ValueError("a  b")) == "a b"
    assert short(StopIteration()) == "StopIteration"


def test_levels_are_gray_or_rgb_and_writable(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1)
    for channels in (1, 3):
        levels = VideoReaders().levels(path, index_video(path), 0, channels)
        assert levels.shape == (channels, 48, 64)
        assert levels.is_contiguous()
        levels += 1


def test_rising_frames_are_decoded_without_seeking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4")
    reader = VideoReader(path, index_video(path))
    sought: list[int] = []
    restart = VideoReader._restart

    def counted(self: VideoReader, key: int = 0) -> None:
        sought.append(key)
        restart(self, key)

    monkeypatch.setattr(VideoReader, "_restart", counted)
    assert reader.index.keys.tolist() == [0, 6, 9]
    for number in (0, 1, 4, 5, 6, 8, 9, 10, 8, 2, 11):
        reader.frame(number)
    assert sought == [0, 6, 0, 9]


def test_a_frame_that_is_not_there_is_named_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", frames=3)
    index, readers = index_video(path), VideoReaders()
    with pytest.raises(InputError, match=r"a\.avi: frame 3 cannot be decoded \(StopIteration\); leave it out"):
        readers.levels(path, index, 3, 3)
    assert number_of(readers.levels(path, index, 1, 3)) == 1


def test_a_time_that_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=3)
    index = index_video(path)
    for number in (1, 2):  # between two frames, and beyond the last
        times = there(index.times).copy()
        times[number] += 1
        with pytest.raises(InputError, match="it is not there, though the file's index has it"):
            VideoReaders().levels(path, index._replace(times=times), number, 3)


@pytest.mark.parametrize("number", [7, 3])
def test_where_seeking_goes_too_far_earlier_keyframes_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = make_clip(tmp_path / "a.mp4")
    restart, too_far = VideoReader._restart, [9]
    monkeypatch.setattr(VideoReader, "_restart", lambda self, key=0: restart(self, too_far.pop() if too_far else key))
    assert number_of(VideoReaders().levels(path, index_video(path), number, 3)) == number


@pytest.mark.parametrize("timed", [True, False])
def test_a_file_that_went_away_is_named(tmp_path: Path, timed: bool) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    index = index_video(path)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.mp4: frame 1 cannot be decoded \(No such file or directory\)"):
        VideoReaders().levels(path, index if timed else index._replace(times=None), 1, 3)


def test_a_size_that_changed_is_named(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1)
    index: VideoIndex = index_video(path)._replace(height=50)
    with pytest.raises(InputError, match=r"frame 0 is 48x64, but the first is 50x64 \(height x width\); cut the file"):
        VideoReaders().levels(path, index, 0, 3)


def test_only_the_last_few_files_stay_open(tmp_path: Path) -> None:
    readers = VideoReaders()
    paths = [make_clip(tmp_path / f"{number}.mp4", frames=2) for number in range(OPEN_FILES + 1)]
    indices = {path: index_video(path) for path in paths}
    readers.levels(paths[0], indices[paths[0]], 0, 3)
    first = readers._open[paths[0]]
    for path in paths[1:]:
        readers.levels(path, indices[path], 0, 3)
    assert list(readers._open) == paths[1:]
    assert first._container is None


def test_another_process_opens_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    readers, index = VideoReaders(), index_video(path)
    readers.levels(path, index, 0, 3)
    mine = readers._open[path]
    assert not pickle.loads(pickle.dumps(readers))._open
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        readers.levels(path, index, 0, 3)
    assert readers._open[path] is not mine
    assert mine._container is not None
