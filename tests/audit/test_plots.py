import re

from refine.audit.plots import by_harm, false_rejects_svg, power_svg
from tests.audit.audits import audit, power, rate


def test_kinds_of_harm_with_sizes_have_a_curve_each_and_the_others_a_point() -> None:
    points = [power("moved", 9, size=8.0, unit="pixels"), power("swapped", 9), power("moved", 1, size=2.0)]
    sized, plain = by_harm(points)
    assert [point["size"] for point in sized["moved"]] == [2.0, 8.0]
    assert [point["harm"] for point in plain] == ["swapped"]


def test_the_power_stands_over_the_size_with_its_unit() -> None:
    svg = power_svg(audit())
    for text in (">moved<", ">pixels<", ">another class's image<", ">8<"):
        assert text in svg


def test_each_point_has_its_interval() -> None:
    ink = "stroke: var(--ink)"
    few = power_svg(audit(power=[power("a", 5)])).count(ink)
    assert power_svg(audit(power=[power("a", 5), power("b", 5)])).count(ink) > few


def test_every_combination_of_harms_can_be_drawn() -> None:
    sized = [power(name, 5, size=size, unit="px") for name in ("a", "b", "c") for size in (0.0, 1.0)]
    for points in ([], sized[:2], sized, [power("x", 1)], [*sized, power("x", 1)]):
        assert power_svg(audit(power=points)).startswith("<svg")


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
