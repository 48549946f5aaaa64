"""KITTI's object benchmark as its archives unpack."""

from pathlib import Path

import numpy as np

from tests.data.layouts.examples.coco import put_image

CAR = "Car 0.00 1 2.13 8.25 4.50 20.75 20.00 1.59 1.64 3.64 -11.46 2.22 18.60 1.58"
PERSON = "Person_sitting 0.10 0 0.15 0.00 3.08 6.76 23.00 1.87 0.64 0.65 -3.21 1.97 11.22 -0.13"
DONT_CARE = "DontCare -1 -1 -10 22.00 2.00 31.00 8.50 -1 -1 -1 -1000 -1000 -1000 -10"
_CALIBRATION = "P0: 7.215377e+02 0.0 6.095593e+02 0.0 0.0 7.215377e+02 1.728540e+02 0.0 0.0 0.0 1.0 0.0\n"


def write_kitti(root: Path) -> Path:
    """Two labeled images in ``training`` with calibration and laser points, one in ``testing`` without a label."""
    training = root / "training"
    for number, lines in enumerate(([CAR, PERSON, DONT_CARE], [CAR])):
        put_image(training / f"image_2/{number:06d}.png", number)
        for folder, suffix in (("label_2", "txt"), ("calib", "txt"), ("velodyne", "bin")):
            (training / folder).mkdir(exist_ok=True)
            path = training / folder / f"{number:06d}.{suffix}"
            if folder == "label_2":
                path.write_text("\n".join(lines) + "\n")
            elif folder == "calib":
                path.write_text(_CALIBRATION)
            else:
                path.write_bytes(np.zeros((4, 4), dtype=np.float32).tobytes())
    put_image(root / "testing/image_2/000000.png", 7)
    return root
