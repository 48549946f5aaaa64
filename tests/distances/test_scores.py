from pathlib import Path

import pytest

from refine.data.open_layout import open_layout
from refine.distances.folders import Folder
from refine.distances.result import Score
from refine.distances.scores import HIGHER_IS_NEARER, METRICS, count_cautions, format_cautions, group_cautions
from tests.conftest import WriteImages


@pytest.fixture
def made(tmp_path: Path, write_images: WriteImages) -> Folder:
    layout = open_layout("auto", write_images(tmp_path / "a"))
    return Folder(tmp_path, layout, [], [], [], {}, False)


def rows(metric: str, counts: tuple[int, int, int]) -> dict[str, dict[str, Score]]:
    names = ("synthetic", "refined", "real_floor")
    return {name: {metric: {"value": 1.0, "n": [count, 9000]}} for name, count in zip(names, counts, strict=True)}


def test_other_formats_are_told_with_their_counts(made: Folder) -> None:
    png, jpeg = made._replace(formats={"png": 142}), made._replace(formats={"jpeg": 99, "png": 2})
    assert format_cautions({"synthetic": png, "refined": png, "real": png}) == []
    (line,) = format_cautions({"synthetic": png, "refined": png, "real": jpeg})
    assert "synthetic 142 png, refined 142 png, real 99 jpeg and 2 png" in line
    assert len(format_cautions({"synthetic": jpeg, "refined": png, "real": jpeg})) == 1


def test_a_few_files_of_another_format_are_no_difference(made: Folder) -> None:
    mixed, other = made._replace(formats={"jpeg": 98, "png": 2}), made._replace(formats={"jpeg": 50})
    assert format_cautions({"synthetic": mixed, "real": other}) == []


@pytest.mark.parametrize(
    ("n", "dimension", "part"),
    [
        (50, 768, "50 images on the smallest side, fewer than its 768 dimensions"),
        (900, 768, "900 images on the smallest side, fewer than 2048"),
        (2048, 768, None),
        (2100, 4096, "fewer than its 4096 dimensions"),
    ],
)
def test_fid_of_too_few_images_is_told(n: int, dimension: int, part: str | None) -> None:
    found = count_cautions(rows("fid[x]", (3000, 2500, n)), {"fid[x]": dimension})
    assert len(found) == (part is not None)
    assert part is None or part in found[0]


def test_an_extrapolation_below_the_dimension_is_called_a_guess() -> None:
    scores = rows("fid[x]", (900, 900, 900))
    scores["refined"]["fid[x]"]["infinite"] = {"value": 1.0, "sizes": [], "values": []}
    assert "a guess" in count_cautions(scores, {"fid[x]": 1000})[0]
    assert "a guess" not in count_cautions(scores, {"fid[x]": 64})[0]


@pytest.mark.parametrize("metric", ["kid[x]", "kid", "precision[x]", "recall[x]", "density[x]", "coverage[x]"])
def test_other_metrics_of_fewer_than_50_images_are_told(metric: str) -> None:
    assert metric in count_cautions(rows(metric, (60, 60, 49)), {})[0]
    assert count_cautions(rows(metric, (60, 60, 50)), {}) == []
    assert count_cautions(rows("swd", (60, 60, 9)), {}) == []


def test_more_is_nearer_of_shares_and_less_of_distances() -> None:
    assert set(HIGHER_IS_NEARER) == {"precision", "recall", "density", "coverage"} < set(METRICS)


def test_few_groups_are_told() -> None:
    assert group_cautions({"synthetic": 10, "real": 10}) == []
    assert "real 9" in group_cautions({"synthetic": 10, "real": 9})[0]
    assert "synthetic" not in group_cautions({"synthetic": 10, "real": 9})[0]
