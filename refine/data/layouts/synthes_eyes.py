"""SynthesEyes: renders of one eye whose names hold the line of sight.

Source: Wood et al., Rendering of eyes for eye-shape registration and gaze estimation, ICCV 2015;
https://www.cl.cam.ac.uk/research/rainbow/projects/syntheseyes/. The angles' meaning was found in the pictures: with a
negative first number the iris lies lower, with a negative second one farther right, whatever the head's pose, and with
two zeros it is round and looks into the camera.
"""

import math
import re
from pathlib import Path

import torch

from refine.data.layouts.base import Layout
from refine.data.listing import Listing, stem
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation
from refine.labels.gaze import GAZE_SPACE, gaze_vector

NAME = re.compile(r"(?:.*/)?[fm]\d{2}_\d+_(-?\d+\.\d+)_(-?\d+\.\d+)")
"""Of ``f01/f01_36_0.1963_-0.7854``: the eye's model, the render's number, pitch and yaw."""


_TOO_LARGE = (
    f"an angle in the name is outside of {-math.pi / 2:.4f} to {math.pi / 2:.4f} radians; rename or remove the image"
)


class SynthesEyes(Layout):
    """``f01/f01_36_0.1963_-0.7854.png``: pitch and yaw in radians, in the camera's axes.

    Beside each image the dataset has a ``.pkl`` file with landmarks. Unpickling runs whatever code a file holds, so
    these are never opened: they are listed as the image's label files and carried as they are.

    Raises:
        InputError: If there is no image. Faults are images whose names do not hold the two angles, or larger ones than
            a quarter of a turn, and ``.pkl`` files without an image.
    """

    name = "synthes-eyes"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.label_space = GAZE_SPACE
        files = Listing(root)
        stems = set()
        for key in files.require_images():
            stems.add(stem(key))
            found = NAME.fullmatch(stem(key))
            if found is None:
                self.faults.append(
                    f"{root / key}: an image without a label; expected a name like f01_36_0.1963_-0.7854.png with "
                    "pitch and yaw in radians"
                )
            elif _angles(found) is None:
                self.faults.append(f"{root / key}: {_TOO_LARGE}")
            pickled = f"{stem(key)}.pkl"
            self._records.append(Record(key, root / key, (root / pickled,) if pickled in files.known else ()))
        self.faults += [
            f"{root / key}: a label without an image; add {Path(key).stem}.png beside it, or remove it"
            for key in files.by_suffix.get(".pkl", ())
            if stem(key) not in stems
        ]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Most images' names hold two angles."""
        named = [key for key in files.images if NAME.fullmatch(stem(key))]
        if len(named) * 2 <= len(files.images):
            return None
        carried = "; .pkl files are carried and never opened" if ".pkl" in files.by_suffix else ""
        return f"{len(named)} names like {Path(named[0]).name} hold two angles{carried}"

    def annotation(self, record: Record) -> Annotation:
        """``targets`` and ``gaze``; nothing for an image whose name does not hold them.

        Raises:
            InputError: If an angle is larger than a quarter of a turn.
        """
        found = NAME.fullmatch(stem(record.key))
        if found is None:
            return Annotation()
        angles = _angles(found)
        if angles is None:
            raise InputError(f"{record.image}: {_TOO_LARGE}")
        targets = torch.tensor(angles, dtype=torch.float64)
        return Annotation(targets=targets.float(), gaze=gaze_vector(targets).float())


def _angles(found: re.Match[str]) -> tuple[float, float] | None:
    """Pitch and yaw of a name; None if they cannot be."""
    pitch, yaw = (float(text) + 0.0 for text in found.groups())  # plus zero: the names have -0.0000
    return (pitch, yaw) if max(abs(pitch), abs(yaw)) <= math.pi / 2 else None
