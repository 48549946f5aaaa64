import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refine.data.open_layout import open_layout
from refine.inspect.page import ALIKE, FILES, MAPS, TOO_FEW, Montage, Tile, montage, render_page, sheet, spectrum_svg
from refine.inspect.read import read_dataset
from refine.inspect.result import Inspection, Spectrum
from refine.inspect.statistics import target_row
from refine.report.kit.overlay import Legend
from tests.inspect.datasets import class_folders, mask_folders
from tests.inspect.results import gap, labels, result, side

NONE: dict[str, Montage] = {"here": Montage([], []), "real": Montage([], [])}


def page(inspection: Inspection) -> str:
    return render_page(inspection, NONE)


def test_names_of_a_stranger_are_escaped_wherever_they_stand() -> None:
    bad = "<script>x</script>"
    rows = [{"name": bad, "count": 1, "share": 1.0, "images": 1}]
    files = [{"file": f"{bad}.png", "detail": bad}]
    finding = {"kind": "label", "fault": True, "what": "What", "cure": "Cure", "files": files}
    targets = [target_row(bad, np.zeros(1))]
    maps = [{"name": bad, "here": [[0.5]], "real": [[0.0]], "share_here": 0.5, "share_real": 0.0, "differs": True}]
    here = side(
        path=f"/data/{bad}",
        why=bad,
        findings=[finding],
        labels=labels(kind="mask", classes=rows, targets=targets, notes=[bad]),
    )
    found = result(dataset=here, real=side(), gap=gap(maps=maps, warnings=[bad], notes=[bad]))
    tiles = Montage([Tile(bad, bad, Image.new("RGB", (4, 4)))], [Legend(bad, (1, 2, 3))])
    html = render_page(found, {"here": tiles, "real": NONE["real"]})
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 10


def test_tiles_are_embedded_and_nothing_is_loaded() -> None:
    tiles = Montage([Tile("a/b_c.png", "cat", Image.new("RGB", (4, 4), "red"))], [Legend("cat", (1, 2, 3))])
    html = render_page(result(), {"here": tiles})
    assert re.findall(r'src="([^,"]*)', html) == ["data:image/png;base64"]
    assert 'alt="a/b_c.png, cat"' in html
    assert "<code>a/<wbr>b_<wbr>c<wbr>.png</code>" in html
    assert "rgb(1, 2, 3)" in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html


@pytest.mark.parametrize(
    ("images", "warnings", "told"),
    [([10, 10], [], ALIKE), ([9, 40], [], TOO_FEW), ([40, 9], [], TOO_FEW), ([9, 9], ["cars fill"], "cars fill")],
)
def test_layouts_are_called_alike_only_where_there_are_enough_images(
    images: list[int], warnings: list[str], told: str
) -> None:
    html = page(result(real=side(), gap=gap(images=images, warnings=warnings)))
    assert [text for text in (ALIKE, TOO_FEW, "cars fill") if text in html] == [told]


def test_many_files_and_maps_are_cut_and_counted() -> None:
    files = [{"file": f"file{number}.", "detail": "x"} for number in range(FILES + 3)]
    finding = {"kind": "label", "fault": True, "what": "What", "cure": "Cure", "files": files}
    one: dict[str, Any] = {"here": [[0.0]], "real": [[0.0]], "share_here": 0.0, "share_real": 0.0, "differs": False}
    maps = [{"name": f"map{number}.", **one} for number in range(MAPS + 2)]
    html = page(result(dataset=side(findings=[finding]), real=side(), gap=gap(maps=maps)))
    assert f"file{FILES - 1}." in html
    assert f"file{FILES}." not in html
    assert "and 3 more in the JSON" in html
    assert f"map{MAPS - 1}." in html
    assert f"map{MAPS}." not in html
    assert "And 2 more in the JSON" in html


@pytest.mark.parametrize(
    ("size", "box"),
    [([10, 10], "0 0 2.0 1.0"), ([10, 15], "0 0 3.0 1.0"), ([10, 90], "0 0 4.0 1.0"), ([90, 9], "0 0 1.0 1.0")],
)
def test_maps_have_the_proportion_of_the_images_within_limits(size: list[int], box: str) -> None:
    cells = {"here": [[0.5, 0.25]], "real": [[0.0, 0.0]]}
    one = {"name": "car", **cells, "share_here": 0.4, "share_real": 0.0, "differs": False}
    html = page(result(real=side(), gap=gap(size=size, maps=[one])))
    assert set(re.findall(r'<svg viewBox="([^"]*)" role', html)) == {box}
    assert re.findall(r'fill-opacity="([^"]*)"', html) == ["1.000", "0.500", "0.000", "0.000"]


def test_without_a_real_side_there_is_nothing_of_a_gap() -> None:
    html = page(result())
    assert "Where a translator will hallucinate" not in html
    assert "Among the real images" not in html
    assert "<title>Inspected: set</title>" in html
    assert "Every file can be read" in html
    assert "Written by refine 1.2.3. 0 broken, 0 suspicious." in html


SPECTRUM: Spectrum = {
    "frequencies": [0.1, 0.3, 0.5],
    "here": [30.0, 20.0, 10.0],
    "real": [30.0, 10.0, 0.0],
    "difference": 20 / 3,
    "floor": None,
}


def test_the_plot_follows_the_colors_of_the_page_and_names_both_lines() -> None:
    svg = spectrum_svg(SPECTRUM)
    assert svg.startswith("<svg")
    for word in (
        "var(--synthetic)",
        "var(--real)",
        ">here<",
        ">real<",
        "power in dB",
        "cycles a pixel: coarse to fine",
    ):
        assert word in svg
    assert "#01" not in svg  # the marks that stand for the page's colors


def test_the_plot_is_the_same_each_time_and_another_for_other_values() -> None:
    assert spectrum_svg(SPECTRUM) == spectrum_svg(SPECTRUM)
    assert spectrum_svg(SPECTRUM) != spectrum_svg({**SPECTRUM, "real": [30.0, 20.0, 10.0]})


def shots(root: Path, count: int = 12) -> Montage:
    return montage(read_dataset(open_layout("auto", root)), count)


def test_tiles_are_spread_over_the_classes(tmp_path: Path) -> None:
    found = shots(class_folders(tmp_path, 20), 4)
    assert [tile.caption for tile in found.tiles] == ["a", "a", "b", "b"]
    assert found.legend == []
    assert found.tiles[0].picture.size == (288, 216)  # small images are enlarged by a whole factor


def test_the_legend_names_the_classes_of_the_tiles(tmp_path: Path) -> None:
    found = shots(mask_folders(tmp_path, 2))
    assert [entry.name for entry in found.legend] == ["sky", "road", "car"]


def test_an_unreadable_label_leaves_its_image(tmp_path: Path) -> None:
    (mask_folders(tmp_path, 2) / "masks/001.png").write_bytes(b"")
    assert [tile.caption for tile in shots(tmp_path).tiles] == ["", "its label cannot be read"]


def test_an_unreadable_image_has_no_tile(tmp_path: Path) -> None:
    (mask_folders(tmp_path, 3) / "images/001.png").write_bytes(b"")
    assert [tile.key for tile in shots(tmp_path).tiles] == ["images/000.png", "images/002.png"]


def test_the_sheet_holds_all_tiles_and_the_legend(tmp_path: Path) -> None:
    found = shots(mask_folders(tmp_path, 6))
    whole = sheet(found)
    pixels = {color for _, color in whole.getcolors(1 << 24) or []}
    assert all(entry.color in pixels for entry in found.legend)
    assert whole.width >= 4 * 192
    assert whole.height >= 2 * 144
    assert sheet(Montage([], [])).width > 0
