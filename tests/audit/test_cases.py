from pathlib import Path

import pytest

from refine.audit.cases import case_legend, cases
from refine.audit.result import JudgeRecord
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from tests.audit.audits import audit, certificate
from tests.conftest import WriteImages
from tests.data.layouts.examples.image_masks import write_image_masks

JUDGES = audit()["judges"]


@pytest.fixture
def sides(tmp_path: Path, write_images: WriteImages) -> tuple[Layout, Layout]:
    roots = write_images(tmp_path / "synthetic"), write_images(tmp_path / "refined", level=20)
    return open_layout("auto", roots[0]), open_layout("auto", roots[1])


def judge(threshold: float, competent: bool = True) -> JudgeRecord:
    return {**JUDGES["agreement"], "threshold": threshold, "competent": competent}


def test_a_case_shows_both_pictures_the_label_and_the_scores(sides: tuple[Layout, Layout]) -> None:
    (case,) = cases([certificate("b/b-000.png", "fail", scores={"agreement": 0.9, "edges": 2.0})], *sides, JUDGES)
    assert list(case.pictures) == ["before", "after"]
    assert case.pictures["before"] != case.pictures["after"]
    assert (case.label, case.verdict, case.by, case.missing) == ("b", "fail", "", "")
    assert [(score.name, score.text, score.over) for score in case.scores] == [
        ("agreement", "0.9 > 0.5 (review)", True),
        ("edges", "2", False),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0.9, "0.9 > 0.8 (fail)"), (0.7, "0.7 > 0.5 (review)"), (0.4, "0.4 ≤ 0.5 (review)")]
)
def test_a_score_stands_beside_the_threshold_that_it_passed(
    value: float, text: str, sides: tuple[Layout, Layout]
) -> None:
    judges: dict[str, JudgeRecord] = {"x": {**judge(0.5), "fail_threshold": 0.8}}
    (case,) = cases([certificate("b/b-000.png", "fail", scores={"x": value})], *sides, judges)
    assert case.scores[0].text == text


def test_a_person_is_named_with_what_the_audit_said(sides: tuple[Layout, Layout]) -> None:
    (case,) = cases([certificate("a/a-000.png", by="person", audit_verdict="review")], *sides, JUDGES)
    assert case.by == "by a person; the audit said review"


def test_an_image_that_is_gone_is_told_and_hides_no_other(sides: tuple[Layout, Layout]) -> None:
    (sides[1].root / "a" / "a-001.png").write_bytes(b"no image")
    found = cases([certificate(f"a/a-{name}.png", "fail") for name in ("000", "001", "999")], *sides, JUDGES)
    assert [bool(case.pictures) for case in found] == [True, False, False]
    assert "a-001.png" in found[1].missing
    assert found[2].missing == "not in synthetic"


def test_masks_are_drawn_over_both_and_their_classes_have_a_legend(tmp_path: Path) -> None:
    layout = open_layout("auto", write_image_masks(tmp_path))
    key = layout.records()[0].key
    found = cases([certificate(key)], layout, layout, JUDGES)
    assert found[0].pictures["before"] == found[0].pictures["after"]
    names = {entry.name for entry in case_legend(found, layout.label_space)}
    assert {"sky", "road"} <= names <= set(layout.label_space.names)


def test_a_class_needs_no_legend(sides: tuple[Layout, Layout]) -> None:
    assert case_legend(cases([certificate("a/a-000.png")], *sides, JUDGES), sides[0].label_space) == []


def test_a_label_that_cannot_be_read_leaves_the_pictures(tmp_path: Path) -> None:
    layout = open_layout("auto", write_image_masks(tmp_path))
    record = layout.records()[0]
    record.label_files[0].write_bytes(b"damaged")
    (case,) = cases([certificate(record.key, "fail")], layout, layout, JUDGES)
    assert case.label == "its label cannot be read"
    assert case.pictures
