"""What BlenderProc's `write_hdf5` writes: a container a frame, one dataset a kind of picture or map."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 24, 32
OBJECTS = [
    {"idx": 0, "category_id": 0, "name": "World"},
    {"idx": 1, "category_id": 3, "name": "Suzanne"},
    {"idx": 2, "category_id": 7, "name": "Cube"},
    {"idx": 3, "category_id": 7, "name": "Cube.001"},
]
"""Two objects of one category, with the suffix that Blender gives copies."""


def write_blenderproc(root: Path, frames: int = 2, stereo: str = "") -> Path:
    """Containers named by their frame.

    Args:
        root: Where they go.
        frames: How many.
        stereo: ``stacked``: both eyes in one dataset, ``separate``: ``stereo_separate_keys``.
    """
    root.mkdir(parents=True, exist_ok=True)
    for frame in range(frames):
        write_container(root / f"{frame}.hdf5", contents(frame, stereo))
    return root


def contents(frame: int, stereo: str = "") -> dict[str, NDArray[Any]]:
    """What one container holds, by dataset."""
    left = _views(frame, 0)
    if not stereo:
        return left | _texts()
    both = left, _views(frame, 4)
    pairs = {name: [view[name] for view in both] for name in left}
    found: dict[str, NDArray[Any]] = {}
    for name, (first, second) in pairs.items():
        if name.endswith("_segmaps"):  # the renderer of maps names the eyes itself
            found |= {f"{name}_L": first, f"{name}_R": second}
        elif stereo == "separate":
            found |= {f"{name}_0": first, f"{name}_1": second}
        else:
            found[name] = np.stack([first, second])
    return found | _texts()


def _views(frame: int, shift: int) -> dict[str, NDArray[Any]]:
    """One eye's picture and maps; objects of the second lie ``shift`` pixels further left."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    instances = np.zeros((HEIGHT, WIDTH), np.uint8)
    instances[4:12, 10 - shift : 16 - shift] = 1
    instances[14:20, 8 + frame - shift : 14 + frame - shift] = 2
    instances[2:6, 22 - shift : 28 - shift] = 3
    categories = np.array([row["category_id"] for row in OBJECTS])
    colors = np.stack([across * 6 + 10, down * 8 + 5, 40 * instances + frame], axis=2).astype(np.uint8)
    return {
        "colors": colors,
        "depth": np.where(instances > 0, 1.5 + 0.5 * instances, 1e10).astype(np.float32),
        "normals": np.full((HEIGHT, WIDTH, 3), 0.5, np.float32),
        "instance_segmaps": instances,
        "category_id_segmaps": categories[instances].astype(np.float64),  # so the renderer makes them
    }


def _texts() -> dict[str, NDArray[Any]]:
    camera = {"cam_K": [[30.0, 0.0, 16.0], [0.0, 30.0, 12.0], [0.0, 0.0, 1.0]], "location": [0.0, 0.0, 1.0]}
    return {
        "instance_attribute_maps": np.array(np.bytes_(json.dumps(OBJECTS))),
        "campose": np.array(np.bytes_(json.dumps([camera]))),
        "blender_proc_version": np.array(np.bytes_("2.7.1")),
    }


def write_container(path: Path, datasets: dict[str, NDArray[Any]]) -> Path:
    """As the writer does it: texts plain, everything else with gzip."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            packed = {} if values.dtype.char == "S" else {"compression": "gzip"}
            file.create_dataset(name, data=values, **packed)
    return path
