from pathlib import Path

import pytest
from rich.console import Console

from refine.inspect.result import DatasetSummary, DomainGap, Inspection, Labels
from refine.inspect.text import (
    CLASSES,
    WARNINGS,
    advice,
    color_table,
    counts_text,
    distance_table,
    label_line,
    never_line,
    print_inspection,
    size_line,
    target_table,
    verdict,
    whole_path,
)
from tests.inspect.results import gap, labels, result, side


def printed(inspection: Inspection) -> str:
    console = Console(width=500, force_terminal=False)
    with console.capture() as capture:
        print_inspection(inspection, console)
    return capture.get()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "none"),
        ({"RGB": 9}, "RGB"),
        ({"RGB": 9, "L": 1}, "RGB (9), L (1)"),
        ({"a": 5, "b": 4, "c": 3, "d": 2, "e": 1}, "a (5), b (4), c (3), 2 more"),
        ({"a\nb": 1}, r"'a\nb'"),
    ],
)
def test_counted_names_a_few_values(values: dict[str, int], text: str) -> None:
    assert counts_text(values) == text


def test_more_than_three_sizes_are_a_range_of_numbers() -> None:
    assert size_line({"9x100": 2, "10x9": 1}) == "9x100 (2), 10x9 (1)"
    assert size_line({"9x100": 2, "10x9": 1, "11x5": 1, "5x7": 1}) == "4 sizes, heights 5 to 11, widths 5 to 100"


def test_paths_are_whole_and_short_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.chdir(tmp_path)
    assert whole_path("me/data") == "~/data"
    assert whole_path("me") == "~"
    assert whole_path("meadow") == str(tmp_path / "meadow")


def classes(*counts: int) -> Labels:
    rows = [{"name": f"c{number}", "count": count, "share": 0.1, "images": 1} for number, count in enumerate(counts)]
    return labels(kind="mask", classes=rows)


def test_classes_that_never_occur_are_named_up_to_a_limit() -> None:
    assert never_line(classes(1, 2)) is None
    assert never_line(classes(1, 0)) == "1 class never occurs: c1"
    assert never_line(classes(0, 1, 0)) == "2 classes never occur: c0, c2"
    many = never_line(classes(*[0] * (CLASSES + 2)))
    assert many is not None
    assert many.endswith(f"c{CLASSES - 1}, … 2 more")


def test_labels_in_a_line() -> None:
    assert label_line(labels(kind="none")) == "none"
    assert label_line(labels(kind="class", labeled=3, parts={"class_id": 3})) == "class, 3 labeled"
    found = labels(kind="mask", labeled=3, parts={"depth": 3, "gaze": 1, "mask": 3}, void=0.25)
    assert label_line(found) == "mask, 3 labeled; with depth, gaze; 25 % of the pixels void"
    boxes = {"least": 3.2, "median": 40.0, "most": 99.6, "small": 0.5, "large": 0.1, "crowds": 0}
    assert label_line(labels(kind="objects", labeled=1, boxes=boxes)) == (
        "objects, 1 labeled; boxes of 3 to 100 pixels a side, median 40, 50 % small"
    )


def test_targets_have_three_digits() -> None:
    row = {"name": "yaw", "least": -1.23456, "mean": 0.0, "deviation": 0.5, "most": 1234.5, "histogram": [0, 1, 5, 10]}
    assert target_table(labels(targets=[row])).rows == [["yaw", "-1.23", "0", "0.5", "1.23e+03", "▁▂▅█"]]
    row |= {"mean": None, "deviation": None}
    assert target_table(labels(targets=[row])).rows[0][1:5] == ["-1.23", "", "", "1.23e+03"]


def test_the_verdict_counts_warnings_only_where_two_sides_were_compared() -> None:
    assert verdict(result(faults=2, suspicious=1)) == "2 broken, 1 suspicious"
    assert verdict(result(gap=gap(warnings=["one"]))) == "0 broken, 0 suspicious, 1 warning about the gap"
    assert verdict(result(gap=gap())) == "0 broken, 0 suspicious, 0 warnings about the gap"


def test_colors_and_distances_in_rows() -> None:
    found: DomainGap = gap()
    found["color_here"] = {"mean": [50.04, -0.04, 3.0], "deviation": [1.0, 2.0, 3.0]}
    assert color_table(found).rows[:2] == [
        ["lightness L*", "50.0 ± 1.0", "0.0 ± 0.0"],
        ["green to red a*", "0.0 ± 2.0", "0.0 ± 0.0"],
    ]
    found["distances"] = [
        {"name": "swd", "value": 1379.6, "floor": 0.01234, "images": 6},
        {"name": "kid", "value": 0.5, "floor": None, "images": 2},
    ]
    assert distance_table(found).rows == [
        ["frequencies", "2.0 dB", ""],
        ["swd (6 images a side)", "1380", "0.01234"],
        ["kid (2 images a side)", "0.5", ""],
    ]
    found["spectrum"]["floor"] = 0.26
    assert distance_table(found).rows[0] == ["frequencies", "2.0 dB", "0.3 dB"]


def test_a_side_without_findings_says_so_and_one_with_many_names_three_files() -> None:
    assert "nothing broken or suspicious" in printed(result())
    files = [{"file": f"{number}.png", "detail": "is\n  torn"} for number in range(5)]
    finding = {"kind": "unreadable", "fault": True, "what": "Torn images", "cure": "Mend them.", "files": files}
    bad: DatasetSummary = side(findings=[finding])
    text = printed(result(dataset=bad))
    assert "nothing broken" not in text
    assert "Torn images: 5. Mend them." in text
    assert "    2.png: is torn\n    … and 2 more\n" in text


def test_the_real_side_and_a_part_of_many_warnings_are_printed() -> None:
    many = gap(warnings=[f"warning [b]{number}" for number in range(WARNINGS + 3)], notes=["a note"])
    text = printed(result(real=side(path="/data/photos"), gap=many))
    assert "/data/photos: 4 images" in text
    assert "(4 images and 3 at 8x9)" in text
    assert f"warning: warning [b]{WARNINGS - 1}\n" in text
    assert f"[b]{WARNINGS}\n" not in text
    assert "… and 3 more" in text
    assert "a note" in text
    assert "will paint in what is missing" in text
    assert "will paint in" not in printed(result(gap=gap()))


def test_classes_are_a_table_of_those_that_occur() -> None:
    text = printed(result(dataset=side(labels=classes(5, 0, *[1] * CLASSES))))
    lines = [line.split() for line in text.splitlines()]
    assert ["class", "pixels", "share", "images"] in lines
    assert ["c0", "5", "10", "%", "1"] in lines
    assert ["c1", "0", "10", "%", "1"] not in lines
    assert ["…", "1", "more"] in lines


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (90.0, "hardly a gap"),
        (300.0, "a small gap: SimGAN, or color transfer"),
        (1239.0, "a large gap: CycleGAN or CUT"),
    ],
)
def test_the_size_of_the_gap_says_what_to_try(value: float, words: str) -> None:
    found = gap(distances=[{"name": "swd", "value": value, "floor": 73.0, "images": 50}])
    lines = advice(found, "renders", "my photos")
    assert words in " ".join(lines)
    assert " try renders 'my photos'" in lines[-1]
    assert advice(gap(), "renders", "photos") == []


def test_what_is_larger_smaller_or_elsewhere_is_named() -> None:
    plain = {"here": [], "real": [], "differs": True}
    shares = {"box": (0.3, 0.1), "sign": (0.01, 0.03), "road": (0.4, 0.41)}
    maps = [{**plain, "name": name, "share_here": ours, "share_real": other} for name, (ours, other) in shares.items()]
    maps.append({**plain, "name": "sky", "share_here": 0.1, "share_real": 0.5, "differs": False})
    first, second, *_ = advice(gap(maps=maps, warnings=["box fills …"]), "renders", "photos")
    assert first == "Against the real images here are larger: box; smaller: sign; elsewhere: road."
    assert "Change the renderer first" in second
    (only,) = advice(gap(maps=maps, maps_of="brightness and edges", warnings=["…"]), "renders", "photos")
    assert only.startswith("Without masks or boxes on both sides, brightness and edges stand for")
