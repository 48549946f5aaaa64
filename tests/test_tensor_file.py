"""Files of `torch.save` of every age that are taken."""

import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from refine.tensor_file import read_torch_file
from tests.hostile_files import numbers, tuples_as_key, two_directories

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


class Made:
    """Is pickled as a call."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def of_python_2(weights: dict[str, Tensor]) -> Made:
    """A state dict as torch 0.1 wrote it: pairs in a list, and parameters."""
    pairs = [[name, Made(nn.Parameter, (value,), (True, False, OrderedDict()))] for name, value in weights.items()]
    return Made(OrderedDict, (pairs,), {"_metadata": Made(OrderedDict, ([],))})


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("content", [WEIGHTS, of_python_2(WEIGHTS)], ids=["dict", "python 2"])
def test_weights_of_every_age_are_taken(archive: bool, content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth", _use_new_zipfile_serialization=archive)
    found = read_torch_file(tmp_path / "weights.pth", "file of weights")
    assert list(found) == list(WEIGHTS)
    assert all(torch.equal(found[name], value) for name, value in WEIGHTS.items())


def test_an_archive_without_a_large_end_is_taken(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(tmp_path / "b.pth", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert list(read_torch_file(tmp_path / "b.pth", "file of weights")) == list(WEIGHTS)


def test_sizes_of_64_bits_are_read_from_the_extra_fields(tmp_path: Path) -> None:
    """Such as those of members of more than 4 GiB."""
    torch.save(WEIGHTS, tmp_path / "a.pth")
    data = bytearray((tmp_path / "a.pth").read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    size, named = int.from_bytes(data[entry + 20 : entry + 24], "little"), data[entry + 28]
    extra = b"\x09\x00\x00\x00" + b"\x01\x00\x10\x00" + size.to_bytes(8, "little") * 2
    data[entry + 20 : entry + 28] = b"\xff" * 8
    data[entry + 30] = len(extra)
    data[entry + 46 + named : entry + 46 + named] = extra
    length = int.from_bytes(data[-58:-50], "little") + len(extra)
    numbers(data, 40 - 98, length)
    numbers(data, 8 - 42, len(data) - 98)
    (tmp_path / "a.pth").write_bytes(data)
    assert list(read_torch_file(tmp_path / "a.pth", "file of weights")) == list(WEIGHTS)


def test_the_file_of_two_directories_is_one_for_each_reader(tmp_path: Path) -> None:
    hostile = tuples_as_key(60)
    path = two_directories(hostile)(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("archive/data.pkl") == b"\x80\x02}."
    assert torch.PyTorchFileReader(str(path)).get_record("data.pkl").startswith(hostile)
