import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from refine.cli import main
from refine.errors import InputError
from refine.report import write_report
from tests.apply.tiny import MODULE, save_tiny
from tests.data.layouts.examples.webdataset import write_webdataset
from tests.report.trees import Trees, add_to_manifest, benchmark, failed, make, metrics, save_json


def write(root: Path, trees: Trees, title: str | None = None, commands: Sequence[str] = ()) -> str:
    """The page with everything that lies in ``root``."""
    files = {name: root / f"{name}.json" for name in ("metrics", "benchmark")}
    path = write_report(
        root / "report.html",
        synthetic=trees.synthetic,
        refined=trees.refined,
        real=trees.real,
        metrics=files["metrics"] if files["metrics"].exists() else None,
        benchmark=files["benchmark"] if files["benchmark"].exists() else None,
        title=title,
        commands=commands,
        notes=["Tried 250 steps\n& 500."],
    )
    return path.read_text()


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    save_json(tmp_path / "metrics.json", metrics())
    save_json(tmp_path / "benchmark.json", benchmark())
    return make(tmp_path)


def test_the_page_needs_nothing_beside_itself(tmp_path: Path, trees: Trees) -> None:
    page = write(tmp_path, trees)
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert links
    assert [link for link in links if not link.startswith(("data:image/", "#"))] == []
    assert "<script" not in page
    assert "@import" not in page


def test_the_three_questions_stand_there_with_their_figures(tmp_path: Path, trees: Trees) -> None:
    page = write(tmp_path, trees)
    for text in ("0.41 → 0.21", "2 files identical", "25.0 % → 85.0 %", "Tried 250 steps &amp; 500."):
        assert text in page


def test_a_distance_that_rose_is_told_at_the_top(tmp_path: Path, trees: Trees) -> None:
    save_json(tmp_path / "metrics.json", metrics(0.2, 0.4))
    page = write(tmp_path, trees)
    assert "farther from the real ones" in page[: page.index("Before, after, and real")]


def test_names_reasons_and_rows_of_strangers_are_text(tmp_path: Path, trees: Trees) -> None:
    hostile = "<script>alert(1)</script>"
    save_json(tmp_path / "benchmark.json", benchmark(**{hostile: (0.5,)}) | {"protocol": hostile})
    result = metrics()
    for row in result["rows"].values():
        row[hostile] = row["swd"]
    save_json(tmp_path / "metrics.json", result | {"provenance": {hostile: hostile}})
    add_to_manifest(trees, failed(f"red/{hostile}.png", reason=f'"><img src=x onerror=1>{hostile}'))
    page = write(tmp_path, trees, title=hostile, commands=[hostile])
    assert "<script" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path, trees: Trees) -> None:
    add_to_manifest(trees, failed("red/\udcff\n\u202egnp.x", reason="\udcff"))
    page = write(tmp_path, trees)
    assert r"&#39;red/\udcff\n\u202egnp.x&#39;" in page


def test_failures_are_listed_and_the_first_fifty_named(tmp_path: Path, trees: Trees) -> None:
    add_to_manifest(trees, *(failed(f"red/bad{number:02d}.png", reason="cut off") for number in range(60)))
    page = write(tmp_path, trees)
    assert "60 files could not be refined" in page
    assert page.count("cut off") == 50
    assert ("bad49.png" in page, "bad50.png" in page) == (True, False)


def test_what_was_not_measured_names_the_command_that_measures_it(tmp_path: Path) -> None:
    page = write(tmp_path, make(tmp_path))
    assert page.count("Not measured") == 2
    assert "not measured" in page[: page.index("Before, after, and real")]
    text = re.sub(r"</?span>", "", page)
    assert f"refine evaluate --synthetic {tmp_path}/synthetic" in text
    assert f"refine benchmark --synthetic {tmp_path}/synthetic" in text


def test_largest_and_smallest_changes_come_from_the_manifest(tmp_path: Path, trees: Trees) -> None:
    page = write(tmp_path, make(tmp_path / "more", count=10))
    largest = page[page.index("<h3>Largest") : page.index("<h3>Smallest")]
    smallest = page[page.index("<h3>Smallest") : page.index("Distance to the real images</h2>")]
    assert re.findall(r"([\d.]+) levels", largest) == ["19.0", "18.0", "17.0", "16.0", "15.0", "14.0"]
    assert re.findall(r"([\d.]+) levels", smallest) == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]


def test_commands_that_are_given_take_the_place_of_derived_ones(tmp_path: Path, trees: Trees) -> None:
    assert "CHECKPOINT" in write(tmp_path, trees)
    page = write(tmp_path, trees, commands=["make demo"])
    assert "<span>make</span> <span>demo</span>" in page
    assert "CHECKPOINT" not in page


def test_the_record_of_the_run_is_shown(tmp_path: Path, trees: Trees) -> None:
    page = write(tmp_path, trees)
    assert "model.class_path" in page
    assert "ab" * 32 in page


def test_the_same_input_makes_the_same_page(tmp_path: Path, trees: Trees) -> None:
    assert write(tmp_path, trees) == write(tmp_path, trees)


def test_a_page_in_the_refined_dataset_is_refused(trees: Trees) -> None:
    output = trees.refined / "report.html"
    with pytest.raises(InputError, match="choose another output"):
        write_report(output, synthetic=trees.synthetic, refined=trees.refined, real=trees.real)
    assert not output.exists()


def test_an_image_that_the_manifest_names_and_is_gone_is_named(tmp_path: Path, trees: Trees) -> None:
    (trees.refined / "red" / "001.png").unlink()
    with pytest.raises(InputError, match=r"refined/red/001\.png: cannot be shown"):
        write(tmp_path, trees)
    assert not (tmp_path / "report.html").exists()


def test_a_dataset_in_which_every_image_failed_has_a_page(tmp_path: Path, trees: Trees) -> None:
    add_to_manifest(trees, *(failed(f"{name}/{index:03d}.png") for name in ("green", "red") for index in range(3)))
    page = write(tmp_path, trees)
    assert "No image was refined." in page
    assert "6 files could not be refined" in page


def test_images_in_shards_are_counted_and_shown(tmp_path: Path) -> None:
    source = write_webdataset(tmp_path / "shards")
    command = ["apply", "--checkpoint", str(save_tiny(tmp_path / "tiny.ckpt")), "--trust", MODULE]
    assert main([*command, "--input", str(source), "--output", str(tmp_path / "out")]) == 0
    page = write_report(tmp_path / "r.html", synthetic=source, refined=tmp_path / "out", real=source).read_text()
    assert "4 images refined, in 2 containers" in page
    assert "train-000000.tar/000000.png" in page
    assert "No image was refined" not in page
