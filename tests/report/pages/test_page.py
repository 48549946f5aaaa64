import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from refine.apply.manifest import ManifestEntry
from refine.audit.result import Certificate
from refine.cli import main
from refine.errors import InputError
from refine.report.pages.audited import CASES
from refine.report.pages.page import extremes, write_report
from tests.apply.tiny import MODULE, save_tiny
from tests.audit.audits import certificate, save_audit
from tests.data.layouts.examples.webdataset import write_webdataset
from tests.report.pages.trees import Trees, add_to_manifest, angles, benchmark, failed, make, metrics, save_json, tuning


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
        audit=root / "audit" if (root / "audit").exists() else None,
        tuning=root / "tuning.json" if (root / "tuning.json").exists() else None,
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


def test_warnings_stand_above_their_figures(tmp_path: Path, trees: Trees) -> None:
    save_json(tmp_path / "metrics.json", {**metrics(), "warnings": ["few & far"]})
    save_json(tmp_path / "benchmark.json", {**benchmark(), "warning": "WARNING: refined is worse"})
    page = write(tmp_path, trees)
    assert page.index("few &amp; far") < page.index("real against real")
    assert page.index("WARNING: refined is worse") < page.index("Trained on</th>")


def test_files_of_an_earlier_version_are_shown(tmp_path: Path, trees: Trees) -> None:
    save_json(tmp_path / "metrics.json", {"rows": metrics()["rows"]})
    rows = {name: {"accuracy": row["accuracy"]} for name, row in benchmark()["rows"].items()}
    save_json(tmp_path / "benchmark.json", {"rows": rows})
    save_json(tmp_path / "tuning.json", tuning(provenance=None))
    page = write(tmp_path, trees)
    for text in ("0.41 → 0.21", "25.0 % → 85.0 %", "at strength 0.5"):
        assert text in page


def test_a_benchmark_of_errors_is_shown(tmp_path: Path, trees: Trees) -> None:
    save_json(tmp_path / "benchmark.json", angles(4.0))
    page = write(tmp_path, trees)
    assert "6.00° → 4.00°" in page
    assert "Targets: pitch, yaw." in page


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
    assert page.count("Not measured") == 3
    assert "not measured" in page[: page.index("Before, after, and real")]
    text = re.sub(r"</?span>", "", page)
    assert f"refine evaluate --synthetic {tmp_path}/synthetic" in text
    assert f"refine benchmark --synthetic {tmp_path}/synthetic" in text
    assert f"refine audit --synthetic {tmp_path}/synthetic --refined {tmp_path}/refined" in text


def judged(fails: int = 2) -> list[Certificate]:
    keys = [f"{name}/{number:03d}.png" for name in ("green", "red") for number in range(3)]
    return [certificate(key, "fail" if place < fails else "pass") for place, key in enumerate(keys)]


def test_an_audit_answers_whether_the_labels_are_right_and_shows_the_worst(tmp_path: Path, trees: Trees) -> None:
    save_audit(tmp_path / "audit", judged())
    page = write(tmp_path, trees)
    assert "Are the labels right?" in page[: page.index("Before, after, and real")]
    section = page[page.index('<h2>Are the labels right?</h2>\n<p class="faint">') : page.index("Distance to the real")]
    for text in ("another class's image", "8 pixels", "The judge sees another class.", "label <b>green</b>", "2 of 2"):
        assert text in section.replace("&#39;", "'")
    assert section.count("<figure") == 2
    assert "audit.html" not in section
    (tmp_path / "audit" / "audit.html").touch()
    assert f"More stand in <code>{tmp_path}/audit/audit.html</code>" in write(tmp_path, trees)


def test_an_audit_without_faults_shows_no_case(tmp_path: Path, trees: Trees) -> None:
    save_audit(tmp_path / "audit", judged(0), power=[])
    page = write(tmp_path, trees)
    assert "No image failed, and none is for a person to look at." in page
    assert "No corruption was planted" in page
    save_audit(
        tmp_path / "audit", [*judged(0)[:4], *(certificate(f"x{number}", "inconclusive") for number in range(2))]
    )
    assert "none is for a person to look at; 2 inconclusive ones" in write(tmp_path, trees)


def test_no_more_than_the_worst_of_many_cases_are_shown(tmp_path: Path) -> None:
    trees = make(tmp_path, count=10)
    keys = [f"{name}/{number:03d}.png" for name in ("green", "red") for number in range(10)]
    save_audit(tmp_path / "audit", [certificate(key, "fail") for key in keys])
    assert f"{CASES} of 20 that failed" in write(tmp_path, trees)


def test_a_tuning_is_shown_where_there_is_one(tmp_path: Path, trees: Trees) -> None:
    assert "How much of the change" not in write(tmp_path, trees)
    save_json(tmp_path / "tuning.json", tuning())
    page = write(tmp_path, trees)
    assert "runs/a.ckpt at strength 0.5" in page
    assert "--tuning" in page


def test_the_command_takes_all_that_was_measured(tmp_path: Path, trees: Trees) -> None:
    save_audit(tmp_path / "audit", judged())
    save_json(tmp_path / "tuning.json", tuning())
    sides = [word for name in trees._fields for word in (f"--{name}", str(getattr(trees, name)))]
    names = ("metrics", "benchmark", "tuning")
    files = [word for name in names for word in (f"--{name}", str(tmp_path / f"{name}.json"))]
    command = ["report", *sides, *files, "--audit", str(tmp_path / "audit"), "--output", str(tmp_path / "r.html")]
    assert main(command) == 0
    page = (tmp_path / "r.html").read_text()
    for text in ("0.41 → 0.21", "≤ 3.1 % wrong", "25.0 % → 85.0 %", "How much of the change"):
        assert text in page


def test_the_audit_of_another_dataset_is_refused(tmp_path: Path, trees: Trees) -> None:
    save_audit(tmp_path / "audit", [certificate("other/1.png")])
    with pytest.raises(InputError, match=r"judges other images than those in .*refined, such as other/1\.png"):
        write(tmp_path, trees)


def test_largest_and_smallest_changes_come_from_the_manifest(tmp_path: Path, trees: Trees) -> None:
    page = write(tmp_path, make(tmp_path / "more", count=10))
    largest = page[page.index("<h3>Largest") : page.index("<h3>Smallest")]
    smallest = page[page.index("<h3>Smallest") : page.index("Are the labels right?</h2>")]
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


def test_extremes_come_with_the_most_telling_first_and_none_twice() -> None:
    images: list[ManifestEntry] = [
        {"key": f"{number}.png", "kind": "image", "status": "done", "mean_absolute_change": float(number)}
        for number in range(5)
    ]
    most, least = extremes(images, 3)
    assert [image["mean_absolute_change"] for image in most] == [4, 3, 2]
    assert [image["mean_absolute_change"] for image in least] == [0, 1]
