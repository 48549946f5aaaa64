"""MPIIGaze as its authors give it (a MATLAB file for each day) and as others repackage it (HDF5)."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

LEFT = np.array([[0.0, 0.0, -1.0], [-0.6, 0.0, -0.8]])
RIGHT = np.array([[0.0, -0.6, -0.8], [0.1, 0.2, -0.9747]])
"""In the normalized camera's axes: x right, y down, z away from the camera."""


def images(count: int, seed: int) -> NDArray[np.uint8]:
    """``(N, 36, 60)``, each different and neither dark nor flat."""
    return np.random.default_rng(seed).integers(60, 200, (count, 36, 60), dtype=np.uint8)


def save_day(path: Path, left: dict[str, Any], right: dict[str, Any], count: int) -> None:
    """A file with MPIIGaze's structure: ``data.left.image`` and so on, and the names of the original frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = np.empty((count, 1), dtype=object)
    names[:, 0] = [f"{number + 1:04d}.jpg" for number in range(count)]
    content = {"data": {"right": right, "left": left}, "filenames": names}
    scipy.io.savemat(path, content, do_compression=True)


def write_mpii_gaze(root: Path) -> Path:
    """One day of one person: two frames, so four eyes."""
    left = {"gaze": LEFT, "image": images(2, 0), "pose": np.zeros((2, 3))}
    right = {"gaze": RIGHT, "image": images(2, 1), "pose": np.zeros((2, 3))}
    save_day(root / "Data/Normalized/p00/day01.mat", left, right, 2)
    return root


def write_mpii_gaze_hdf5(root: Path) -> Path:
    """``MPIIGaze.h5`` of two people: pitch and yaw in radians, poses as two angles."""
    import h5py

    root.mkdir(parents=True, exist_ok=True)
    with h5py.File(root / "MPIIGaze.h5", "w") as file:
        for number, person in enumerate(("p00", "p01")):
            file[f"{person}/image"] = images(2, number)
            file[f"{person}/pose"] = np.zeros((2, 2), np.float32)
            file[f"{person}/gaze"] = np.array([[0.1, -0.2], [-0.3, 0.4 + number]], np.float32)
    return root
