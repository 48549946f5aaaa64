import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refine.errors import InputError
from refine.simulators.digits import DigitsParameters, sample_digit
from refine.simulators.meter import MeterParameters, sample_meter
from refine.simulators.nuclei import NucleiParameters, sample_nuclei
from refine.simulators.ranges import Ranges, read_parameters


@pytest.mark.parametrize(
    ("ranges", "sample"),
    [(DigitsParameters(), sample_digit), (MeterParameters(), sample_meter), (NucleiParameters(), sample_nuclei)],
)
def test_values_fill_their_ranges_and_stay_inside(ranges: Ranges, sample: Callable[[int, int, Any], Any]) -> None:
    images = [sample(index, 0, ranges) for index in range(300)]
    for name in ranges.limits:
        low, high = getattr(ranges, name)
        values = [getattr(image, name) for image in images]
        assert low <= min(values) < low + 0.05 * (high - low) < high - 0.05 * (high - low) < max(values) <= high
    if isinstance(ranges, DigitsParameters | MeterParameters):
        assert {image.font for image in images} == set(ranges.fonts)


@pytest.mark.parametrize("text", ["rotation: [-3, 3]\n", json.dumps({"rotation": [-3, 3]})])
def test_a_file_replaces_what_it_names_and_keeps_the_other_defaults(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ranges"
    file.write_text(text)
    assert read_parameters(file, DigitsParameters) == DigitsParameters(rotation=(-3.0, 3.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rotations: [0, 1]", "no parameter 'rotations'; there are: fonts, size, rotation"),
        ("rotation: [0, 90]", "rotation: expected two numbers"),
        ("- 1", "expected ranges by name.*found list"),
        ("{", "cannot be read as YAML or JSON"),
        (None, "cannot be read as YAML or JSON"),
    ],
)
def test_a_file_that_says_something_else_is_refused_by_its_name(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "ranges.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=f"ranges.yaml: {says}"):
        read_parameters(file, DigitsParameters)
