import csv
import io
import re
from pathlib import Path

import pytest

from refine.audit.page import (
    INCONCLUSIVE,
    MOST_KEYS,
    PASSES,
    by_corruption,
    cards,
    decisions_block,
    false_rejects_svg,
    power_svg,
    write_audit_page,
)
from refine.audit.result import Audit, Certificate, Remedy
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.errors import InputError
from tests.audit.audits import audit, certificate, power, rate
from tests.conftest import WriteImages

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def sides(tmp_path: Path, write_images: WriteImages) -> tuple[Layout, Layout]:
    roots = [write_images(tmp_path / name, count=20, size=(8, 8)) for name in ("synthetic", "refined")]
    return open_layout("auto", roots[0]), open_layout("auto", roots[1])


@pytest.fixture
def found(sides: tuple[Layout, Layout]) -> list[Certificate]:
    """40 images: the first 5 failed, then 4 to review, 15 inconclusive, the rest passed."""
    keys = [record.key for record in sides[0].records()]
    failed = [certificate(key, "fail", scores={"agreement": 0.6 + 0.01 * place}) for place, key in enumerate(keys[:5])]
    others = [(keys[5:9], "review"), (keys[9:24], "inconclusive"), (keys[24:], "pass")]
    return [*failed, *(certificate(key, verdict) for those, verdict in others for key in those)]  # type: ignore[arg-type]  # words of the type


def write(
    folder: Path, found: list[Certificate], sides: tuple[Layout, Layout], most: int = 60, record: Audit | None = None
) -> str:
    return write_audit_page(folder / "audit.html", record or audit(found), found, *sides, most=most).read_text()


def part(page: str, title: str) -> str:
    start = page.index(f"<h2>{title}")
    return page[start : page.index("</section>", start)]


def test_the_page_needs_nothing_beside_itself_and_says_what_was_found(
    tmp_path: Path, found: list[Certificate], sides: tuple[Layout, Layout]
) -> None:
    page = write(tmp_path, found, sides)
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert links
    assert [link for link in links if not link.startswith(("data:image/", "#"))] == []
    assert "<script" not in page
    for text in ("≤ 3.1 % wrong", "4 of 200 images failed.", "1 of 1", "Balanced accuracy on held-out", "12.5\u00a0%"):
        assert text in page
    assert part(page, "Passed, for comparison").count("<figure") == PASSES
    assert part(page, "Inconclusive").count("<figure") == INCONCLUSIVE
    assert "What would help" not in page
    assert "rank" not in part(page, "Inconclusive")


def test_the_worst_cases_come_first_and_no_more_than_asked_for(
    tmp_path: Path, found: list[Certificate], sides: tuple[Layout, Layout]
) -> None:
    failed = part(write(tmp_path, found, sides, most=3), "Failed")
    assert re.findall(r"<wbr>(a-\d+)", failed) == ["a-004", "a-003", "a-002"]
    assert "3 of 5" in failed


def test_images_to_review_are_a_file_to_be_filled_in(
    tmp_path: Path, found: list[Certificate], sides: tuple[Layout, Layout]
) -> None:
    review = part(write(tmp_path, found, sides, most=1), "For a person to decide")
    block = re.search(r"<pre[^>]*>(.*?)</pre>", review, re.DOTALL)
    assert block
    assert block[1].splitlines() == ["key,verdict", *(f"a/a-{number:03d}.png," for number in range(5, 9))]
    assert "--decisions decisions.csv" in review


def test_keys_are_quoted_as_a_csv_file_needs_it_and_unprintable_ones_are_left_out() -> None:
    block, listed = decisions_block(['b,"c".png', "a\u202egnp.png", "a.png", "\udcff.png"])
    assert [row[0] for row in csv.reader(io.StringIO(block))] == ["key", 'b,"c".png', "a.png"]
    assert listed == 2
    assert decisions_block(["\udcff"]) == ("", 0)
    assert decisions_block([str(number) for number in range(MOST_KEYS + 5)])[1] == MOST_KEYS


REMEDY: Remedy = {
    "action": "real-labeled",
    "images": 108,
    "why": "Judges find 9 % of the labels.",
    "commands": ["refine audit --synthetic S --refined R --real-labeled DIR --output audit-2"],
}


def test_an_inconclusive_audit_begins_with_what_would_help_and_ranks_its_images(
    tmp_path: Path, sides: tuple[Layout, Layout]
) -> None:
    keys = [record.key for record in sides[0].records()]
    found = [certificate(key, "inconclusive", rank=len(keys) - place) for place, key in enumerate(keys)]
    record = audit(found, remedies=[REMEDY], ranking={"by": "adapted", "rate": 0.75})
    page = write(tmp_path, found, sides, record=record)
    assert page.index("Judges find 9\u00a0% of the labels.") < page.index("Are the labels right?")
    assert "<span>--real-labeled</span> <span>DIR</span>" in page
    assert "75.0\u00a0% of the planted corruption" in page
    assert "an order, not a verdict" in page
    group = part(page, "Inconclusive")
    assert "not a verdict" in group
    assert re.findall(r"· rank (\d+)", group) == [str(place) for place in range(1, 41)]
    block = re.search(r'<pre class="copy"[^>]*>(.*?)</pre>', group, re.DOTALL)
    assert block
    assert block[1].splitlines() == ["key,verdict", *(f"{key}," for key in reversed(keys))]


def test_keys_that_are_not_listed_are_counted(tmp_path: Path, sides: tuple[Layout, Layout]) -> None:
    review = [certificate("a/a-000.png", "review"), certificate("a/\n.png", "review")]
    assert "1 more stand in <code>audit.jsonl</code>" in write(tmp_path, review, sides)


def test_words_of_strangers_are_text(tmp_path: Path, sides: tuple[Layout, Layout]) -> None:
    found = [certificate(f"{HOSTILE}.png", verdict, reasons=[HOSTILE], scores={HOSTILE: 1.0}) for verdict in ("fail",)]
    judge = {**audit()["judges"]["agreement"], "why": HOSTILE}
    bound = {**audit()["bound_under_planted_corruption"], "reasons": [HOSTILE]}
    record = audit(found, judges={HOSTILE: judge}, bound_under_planted_corruption=bound, provenance={HOSTILE: HOSTILE})
    page = write(tmp_path, found, sides, record=record)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_an_audit_without_images_or_harm_has_a_page(tmp_path: Path, sides: tuple[Layout, Layout]) -> None:
    page = write(tmp_path, [], sides, record=audit([], power=[]))
    assert "No corruption was planted" in page
    assert "Failed: the worst cases" not in page


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, sides: tuple[Layout, Layout]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_audit_page(tmp_path / "file" / "audit.html", audit(), [], *sides)


def test_corruptions_with_sizes_have_a_curve_each_and_the_others_a_point() -> None:
    points = [power("moved", 9, size=8.0, unit="pixels"), power("swapped", 9), power("moved", 1, size=2.0)]
    sized, plain = by_corruption(points)
    assert [point["size"] for point in sized["moved"]] == [2.0, 8.0]
    assert [point["harm"] for point in plain] == ["swapped"]
    svg = power_svg(audit())
    for text in (">moved<", ">pixels<", ">another class's image<", ">8<"):
        assert text in svg
    sized_points = [power(name, 5, size=size, unit="px") for name in ("a", "b", "c") for size in (0.0, 1.0)]
    for some in ([], sized_points[:2], sized_points, [power("x", 1)], [*sized_points, power("x", 1)]):
        assert power_svg(audit(power=some)).startswith("<svg")


def test_each_point_has_its_interval() -> None:
    ink = "stroke: var(--ink)"
    few = power_svg(audit(power=[power("a", 5)])).count(ink)
    assert power_svg(audit(power=[power("a", 5), power("b", 5)])).count(ink) > few


def test_false_rejects_are_drawn_over_a_scale_that_shows_them() -> None:
    svg = false_rejects_svg(audit(false_rejects=rate(1, 1000), false_rejects_by_change={"blur": rate(0, 200)}))
    assert ">blur<" in svg
    assert ">100<" not in svg
    assert ">100<" in false_rejects_svg(audit(false_rejects=rate(80, 100)))


def test_plots_follow_the_colors_of_the_page_and_names_are_text() -> None:
    svg = power_svg(audit(power=[power("<script>$x$", 5)]))
    assert "var(--refined)" in svg
    assert "&lt;script&gt;$x$" in svg
    assert not re.search(r"(fill|stroke): #(?!ffffff)", svg)


def test_the_head_has_four_cards() -> None:
    found = {
        card.question: card for card in cards(audit([certificate(str(n), "pass" if n else "fail") for n in range(4)]))
    }
    assert found["Passed"].figure == "75.0 %"
    assert found["False rejects"].figure == "1.5 %"
    assert (found["Competent judges"].figure, found["Competent judges"].mark) == ("1 of 1", "good")
    judge = {**audit()["judges"]["agreement"], "competent": False}
    none = {card.question: card for card in cards(audit(judges={"agreement": judge}))}
    assert (none["Competent judges"].figure, none["Competent judges"].mark) == ("0 of 1", "bad")
