"""UnityEyes: renders of one eye, each with a JSON file of its landmarks and its line of sight.

Source: Wood et al., Learning an appearance-based gaze estimator from one million synthesised images, ETRA 2016;
https://www.cl.cam.ac.uk/research/rainbow/projects/unityeyes/tutorial.html and the ``visualize.py`` that comes with it.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.tv_tensors import KeyPoints

from refine.data.layouts.base import CURE, Layout
from refine.data.listing import Listing, stem
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import open_file
from refine.json_files import read_typed
from refine.labels import Annotation
from refine.labels.gaze import GAZE_SPACE, pitch_yaw

LANDMARKS = {"interior_margin_2d": 16, "caruncle_2d": 7, "iris_2d": 32}
"""The outlines in a file, each of as many points: the lids' inner rim from the inner corner on (number 8 is the outer
corner), the caruncle, the iris."""

KEYPOINTS = tuple(
    f"{name.removesuffix('_2d')}_{number}" for name, count in LANDMARKS.items() for number in range(count)
)

PEEK = 1 << 20
"""Bytes of a JSON file that `recognize` is willing to read; they have about 7000."""


class UnityEyes(Layout):
    """``1.jpg`` with ``1.json``, and so on, as UnityEyes writes them into ``imgs``; at any depth.

    The label is pitch and yaw in radians. The file's ``look_vec`` is in Unity's camera space, left-handed: x right, y
    up, z away from the camera; here y points down. Its landmarks count y from the bottom of the image, here from the
    top. They change no places when an image is mirrored: every render shows a left eye, and mirrored the inner corner
    is still the inner one. (The points of the iris then run the other way round.) ``head_pose`` and what describes
    the lighting stays in the file.

    Raises:
        InputError: If there is no image. Faults are images without a JSON file, JSON files without an image, and two
            images that share one.
    """

    name = "unity-eyes"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.label_space = GAZE_SPACE._replace(keypoints=KEYPOINTS)
        files = Listing(root)
        images: dict[str, str] = {}
        for key in files.require_images():
            label = f"{stem(key)}.json"
            if label in images:
                self.faults.append(f"{root / key}: shares {root / label} with {root / images[label]}; remove one image")
            elif label not in files.known:
                self.faults.append(f"{root / key}: an image without a label; add {root / label}, or remove the image")
            images.setdefault(label, key)
            labeled = label in files.known and images[label] == key
            self._records.append(Record(key, root / key, (root / label,) if labeled else ()))
        self.faults += [
            f"{root / key}: a label without an image; add {Path(key).stem}.jpg beside it, or remove it"
            for key in files.by_suffix.get(".json", ())
            if key not in images and Path(key).stem.isdecimal()
        ]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A numbered image with a JSON file of its name that has ``look_vec`` and ``interior_margin_2d``."""
        for key in files.images:
            label = f"{stem(key)}.json"
            if Path(key).stem.isdecimal() and label in files.known:
                try:
                    with open_file(files.root / label) as file:
                        content = file.read(PEEK)
                except OSError:
                    return None
                fits = b'"look_vec"' in content and b'"interior_margin_2d"' in content
                return f"{label} beside {key} has look_vec and interior_margin_2d" if fits else None
        return None

    def annotation(self, record: Record) -> Annotation:
        """``targets``, ``gaze`` and ``keypoints``.

        Raises:
            InputError: If the file is damaged or lacks one of them, the line of sight points nowhere, or the iris is
                outside the image: then one of the two is not of the other's size.
        """
        if not record.label_files:
            return Annotation()
        path = record.label_files[0]
        content = read_typed(path, dict[str, Any], CURE)
        details = content.get("eye_details")
        x, y, z = _numbers(path, "eye_details.look_vec", details.get("look_vec") if isinstance(details, dict) else None)
        if not x and not y and not z:
            raise InputError(f"{path}: eye_details.look_vec is {x, y, z}, which points nowhere; render the image again")
        gaze = torch.nn.functional.normalize(torch.tensor([x, -y, z], dtype=torch.float64), dim=0)
        height, width = self.size(record)
        points = torch.cat([_points(path, name, content.get(name), height) for name in LANDMARKS])
        across, down = points[-LANDMARKS["iris_2d"] :].mean(dim=0).tolist()
        if not (0 <= across <= width and 0 <= down <= height):
            raise InputError(
                f"{path}: the iris lies at x {across:.0f}, y {down:.0f}, outside of {record.image}, which is "
                f"{height}x{width} (height x width); put the image back that was rendered with it"
            )
        return Annotation(
            targets=pitch_yaw(gaze).float(),
            gaze=gaze.float(),
            keypoints=KeyPoints(points, canvas_size=(height, width)),
        )


def _numbers(path: Path, name: str, text: object) -> tuple[float, float, float]:
    """The first three numbers of ``(x, y, z)`` or ``(x, y, z, w)``, which stand in the file as text."""
    try:
        numbers = [float(part) for part in str(text).strip().removeprefix("(").removesuffix(")").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {3, 4} or not all(map(math.isfinite, numbers)):
        raise InputError(f"{path}: {name} is {str(text)[:80]!r}; expected '(x, y, z)'")
    return numbers[0], numbers[1], numbers[2]


def _points(path: Path, name: str, texts: object, height: int) -> Tensor:
    """``(P, 2)`` float32 x and y, y from the top."""
    if not isinstance(texts, list) or len(texts) != LANDMARKS[name]:
        found = len(texts) if isinstance(texts, list) else "none"
        raise InputError(f"{path}: expected {LANDMARKS[name]} points in {name}, found {found}")
    points = [_numbers(path, f"{name}[{number}]", text) for number, text in enumerate(texts)]
    return torch.tensor([[x, height - y] for x, y, _ in points], dtype=torch.float64).float()
