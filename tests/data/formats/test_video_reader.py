import os
import pickle
from pathlib import Path

import pytest

from refine.data.formats.video import VideoIndex, index_video
from refine.data.formats.video_reader import OPEN, Reader, Readers
from refine.errors import InputError
from tests.data.layouts.examples.video import make_clip, number_of


@pytest.mark.parametrize("name", ["a.mp4", "without_times.avi"])
def test_frames_are_exact_forward_backward_and_again(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name)
    index, readers = index_video(path), Readers()
    order = [0, 1, 5, 5, 11, 2, 7, 6, 0]
    assert [number_of(readers.levels(path, index, number, 3)) for number in order] == order


def test_levels_are_gray_or_rgb_and_writable(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1)
    for channels in (1, 3):
        levels = Readers().levels(path, index_video(path), 0, channels)
        assert levels.shape == (channels, 48, 64)
        assert levels.is_contiguous()
        levels += 1


def test_rising_frames_are_decoded_without_seeking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4")
    reader = Reader(path, index_video(path))
    sought: list[int] = []
    restart = Reader._restart

    def counted(self: Reader, key: int = 0) -> None:
        sought.append(key)
        restart(self, key)

    monkeypatch.setattr(Reader, "_restart", counted)
    assert reader.index.keys.tolist() == [0, 6, 9]
    for number in (0, 1, 4, 5, 6, 8, 9, 10, 8, 2, 11):
        reader.frame(number)
    assert sought == [0, 6, 0, 9]


def test_a_frame_that_is_not_there_is_named_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", frames=3)
    index, readers = index_video(path), Readers()
    with pytest.raises(InputError, match=r"a\.avi: frame 3 cannot be decoded \(StopIteration\); leave it out"):
        readers.levels(path, index, 3, 3)
    assert number_of(readers.levels(path, index, 1, 3)) == 1


def test_a_time_that_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=3)
    index = index_video(path)
    assert index.times is not None
    for number in (1, 2):  # between two frames, and beyond the last
        times = index.times.copy()
        times[number] += 1
        with pytest.raises(InputError, match="it is not there, though the file's index has it"):
            Readers().levels(path, index._replace(times=times), number, 3)


@pytest.mark.parametrize("number", [7, 3])
def test_where_seeking_goes_too_far_earlier_keyframes_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = make_clip(tmp_path / "a.mp4")
    restart, too_far = Reader._restart, [9]
    monkeypatch.setattr(Reader, "_restart", lambda self, key=0: restart(self, too_far.pop() if too_far else key))
    assert number_of(Readers().levels(path, index_video(path), number, 3)) == number


@pytest.mark.parametrize("timed", [True, False])
def test_a_file_that_went_away_is_named(tmp_path: Path, timed: bool) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    index = index_video(path)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.mp4: frame 1 cannot be decoded \(No such file or directory\)"):
        Readers().levels(path, index if timed else index._replace(times=None), 1, 3)


def test_a_size_that_changed_is_named(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1)
    index: VideoIndex = index_video(path)._replace(height=50)
    with pytest.raises(InputError, match=r"frame 0 is 48x64, but the first is 50x64 \(height x width\); cut the file"):
        Readers().levels(path, index, 0, 3)


def test_only_the_last_few_files_stay_open(tmp_path: Path) -> None:
    readers = Readers()
    paths = [make_clip(tmp_path / f"{number}.mp4", frames=2) for number in range(OPEN + 1)]
    indices = {path: index_video(path) for path in paths}
    readers.levels(paths[0], indices[paths[0]], 0, 3)
    first = readers._open[paths[0]]
    for path in paths[1:]:
        readers.levels(path, indices[path], 0, 3)
    assert list(readers._open) == paths[1:]
    assert first._container is None


def test_another_process_opens_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    readers, index = Readers(), index_video(path)
    readers.levels(path, index, 0, 3)
    mine = readers._open[path]
    assert not pickle.loads(pickle.dumps(readers))._open
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        readers.levels(path, index, 0, 3)
    assert readers._open[path] is not mine
    assert mine._container is not None
