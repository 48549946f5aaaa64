"""What UnityEyes writes into ``imgs``: a JPEG and a JSON file for each render, numbers and points as text."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48
LOOK = ((0.0, 0.0, -1.0), (0.6, 0.0, -0.8), (-0.1, -0.5, -0.8602))
"""In Unity's camera space: x right, y up, z away from the camera."""


def description(look: tuple[float, float, float]) -> dict[str, Any]:
    """The file of a render, with its fields in their order; the eye's center is the image's."""
    x, y = WIDTH / 2, HEIGHT / 2
    iris_x, iris_y = x + 12 * look[0], y + 12 * look[1]
    margin = [(x - 16 * math.cos(t), y + 7 * math.sin(t)) for t in np.arange(16) * math.pi / 8]
    caruncle = [(x - 17 - number / 4, y - 1.0) for number in range(7)]
    iris = [(iris_x + 5 * math.cos(t), iris_y + 5 * math.sin(t)) for t in np.arange(32) * math.pi / 16]

    def texts(points: list[tuple[float, float]]) -> list[str]:
        return [f"({a:.4f}, {b:.4f}, 9.6423)" for a, b in points]

    return {
        "interior_margin_2d": texts(margin),
        "caruncle_2d": texts(caruncle),
        "iris_2d": texts(iris),
        "eye_details": {
            "look_vec": f"({look[0]:.4f}, {look[1]:.4f}, {look[2]:.4f}, 0.0000)",
            "pupil_size": "0.02482151",
            "iris_size": "0.9349999",
            "iris_texture": "eyeball_brown",
        },
        "lighting_details": {
            "skybox_texture": "panorama8_20",
            "skybox_exposure": "0.94",
            "skybox_rotation": "61",
            "ambient_intensity": "1.07",
            "light_rotation": "(45.9, 229.2, 0.0)",
            "light_intensity": "1.23",
        },
        "eye_region_details": {
            "pca_shape_coeffs": ["-0.1", "0.3"],
            "primary_skin_texture": "f01_color",
        },
        "head_pose": "(3.1000, 186.2000, 0.0000)",
    }


def write_unity_eyes(root: Path) -> Path:
    """Three renders: into the camera, to the image's right, to its left and down."""
    folder = root / "imgs"
    folder.mkdir(parents=True, exist_ok=True)
    for number, look in enumerate(LOOK, start=1):
        down, across = np.mgrid[:HEIGHT, :WIDTH]
        iris = np.hypot(across - WIDTH / 2 - 12 * look[0], down - HEIGHT / 2 + 12 * look[1]) < 5
        pixels = np.where(iris, 40, 200)[..., None] * np.array([1.0, 0.9, 0.8])
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.jpg")
        (folder / f"{number}.json").write_text(json.dumps(description(look), indent=4))
    return root
