import sys
from pathlib import Path

import av
import numpy as np
import pytest

from refine.data.formats.video import index_video, open_video, require_av, short
from refine.errors import InputError
from tests.data.layouts.examples.video import make_clip


def test_frames_are_counted_with_their_times_and_keyframes(tmp_path: Path) -> None:
    found = index_video(make_clip(tmp_path / "a.mp4", frames=8, options={"g": "3", "bf": "2"}))
    assert (found.height, found.width, found.gray, found.frames) == (48, 64, False, 8)
    assert found.times is not None
    assert (np.diff(found.times) > 0).all()
    assert found.keys.tolist() == [0, 3, 6]


def test_a_variable_rate_shows_in_the_times(tmp_path: Path) -> None:
    times = index_video(make_clip(tmp_path / "a.mkv", frames=5, steps=(1, 3))).times
    assert times is not None
    steps = np.diff(times)
    assert (steps / steps[0]).tolist() == [1, 3, 1, 3]


def test_avi_has_no_times_of_frames_that_need_others(tmp_path: Path) -> None:
    found = index_video(make_clip(tmp_path / "a.avi", frames=6, options={"g": "3", "bf": "2"}))
    assert (found.frames, found.times, found.keys.tolist()) == (6, None, [])
    assert index_video(make_clip(tmp_path / "b.avi", 3, "mjpeg", "yuvj420p", {})).keys.tolist() == [0, 1, 2]


def test_gray_is_told_by_the_pixels(tmp_path: Path) -> None:
    assert index_video(make_clip(tmp_path / "a.mkv", 1, "ffv1", "gray", {})).gray


def test_a_file_is_opened_as_its_suffix_says_whatever_it_holds(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    clip.rename(tmp_path / "b.avi")
    (tmp_path / "c.mp4").write_text("#EXTM3U\nhttp://example.org/a.ts\n")
    for name in ("b.avi", "c.mp4"):
        with pytest.raises(InputError, match=rf"{name}: cannot be read as a video \(.+\); replace or remove it"):
            index_video(tmp_path / name)


def test_a_table_that_says_that_it_is_huge_is_no_lack_of_memory(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.mp4", frames=1)
    content = file.read_bytes()
    count = content.index(b"stts") + 8
    file.write_bytes(content[:count] + b"\x7f\xff\xff\xff" + content[count + 4 :])
    with pytest.raises(InputError, match="it says that a part of it is larger than 2 GiB"):
        index_video(file)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(InputError, match="it has no video stream"):
        index_video(tmp_path / "a.mkv")


def test_one_thread_decodes(tmp_path: Path) -> None:
    with open_video(make_clip(tmp_path / "a.mp4", frames=1)) as container:
        assert container.streams.video[0].codec_context.thread_count == 1


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (require_av, lambda: index_video(tmp_path / "a.mp4")):
        with pytest.raises(InputError, match=r"^video files need PyAV: pip install 'sim2real-refine\[video\]'$"):
            use()


def test_a_reason_is_one_line_and_never_empty() -> None:
    assert short(OSError(2, "No such\n file")) == "No such file"
    assert short(ValueError("a  b")) == "a b"
    assert short(StopIteration()) == "StopIteration"
