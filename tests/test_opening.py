"""Nothing of a dataset is opened but by the one function that refuses devices, pipes and what has no end."""

import ast
from pathlib import Path

import pytest

import refine

OWN_WAY = {
    "refine/files.py": "the opening function itself",
    "refine/data/images.py": "Image.open of what open_file opened",
    "refine/data/label_guard.py": "Image.open of what open_file opened",
    "refine/data/layouts/eye_files.py": "HDF5 opens by name, after require_file; loadmat of what open_file opened",
    "refine/data/layouts/hdf5.py": "HDF5 opens by name, after require_file",
    "refine/data/layouts/tar.py": "tarfile.open of what open_file opened",
    "refine/data/layouts/video.py": "FFmpeg opens by name, after require_file",
    "refine/apply/codec.py": "Image.open of bytes in memory",
    "refine/apply/hdf5.py": "HDF5 opens the copy that was written a moment ago",
    "refine/audit/perturbations.py": "Image.open of bytes in memory",
    "refine/archives.py": "members of the archive that open_file opened",
}
"""Files that may call a library's opening function, and why that is no way round `open_file`. A new layout is none."""

MODELS = {"refine/interop", "refine/methods", "refine/metrics/features", "refine/networks", "refine/recipes.py"}
"""Checkpoints, weights and our own recipes are no files of a dataset."""


def opens(call: ast.Call) -> bool:
    """Whether a call reads a file by its path, or hands one to a library that may."""
    if isinstance(call.func, ast.Name):
        return call.func.id in {"open", "loadmat", "whosmat"}
    if not isinstance(call.func, ast.Attribute):
        return False
    whose = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    name = call.func.attr
    if name == "open" and whose not in {"Image", "tarfile", "os"}:
        modes = [each.value for each in call.args if isinstance(each, ast.Constant)]
        return not any(isinstance(mode, str) and set(mode) & set("wax+") for mode in modes)
    reading = {"read_text", "read_bytes", "File", "fromfile", "genfromtxt", "loadtxt", "iterparse"}
    return name in reading or (
        name in {"open", "load", "parse"} and whose in {"Image", "tarfile", "io", "np", "ElementTree"}
    )


def test_nothing_reads_a_dataset_but_through_the_one_opening_function() -> None:
    root = Path(refine.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        key = f"refine/{path.relative_to(root).as_posix()}"
        if key in OWN_WAY or any(key.startswith(models) for models in MODELS):
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        found |= {f"{key}, line {call.lineno}: {ast.unparse(call)}" for call in calls if opens(call)}
    assert not found, "use open_file, read_file or read_lines of refine.files"


@pytest.mark.parametrize(
    "source",
    ["path.open()", "path.open('rb')", "open(path)", "path.read_text()", "Image.open(path)", "h5py.File(path)"],
)
def test_a_way_round_it_is_found(source: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert opens(call)


@pytest.mark.parametrize("source", ["path.open('wb')", "os.open(path, 0)", "open_file(path)"])
def test_writing_and_other_calls_are_none(source: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert not opens(call)
