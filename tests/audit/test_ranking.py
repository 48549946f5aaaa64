import pytest

from refine.audit.ranking import is_inconclusive, ranked, ranking_of
from refine.audit.result import Audit, Certificate, JudgeRecord
from tests.audit.audits import audit, certificate, power


def judge(hits: int, **more: object) -> JudgeRecord:
    """A record that found so many of a hundred plants."""
    made = audit()["judges"]["agreement"]
    planted = [power("another class's image", hits), power("lamps swapped", 100)]
    return {**made, "competent": False, "fail_threshold": 1.0, "power": planted, **more}  # type: ignore[typeddict-item]  # tests change what they like


def open_image(key: str, **scores: float) -> Certificate:
    return certificate(key, "inconclusive", scores={f"adapted: {name}": score for name, score in scores.items()})


def of(found: list[Certificate], judges: dict[str, JudgeRecord]) -> Audit:
    return audit(found, judges=judges, ranking=ranking_of(judges))


def test_an_audit_is_inconclusive_where_most_of_its_images_are() -> None:
    assert is_inconclusive({"pass": 4, "review": 0, "fail": 0, "inconclusive": 5})
    assert not is_inconclusive({"pass": 4, "review": 1, "fail": 0, "inconclusive": 5})


def test_the_judges_that_find_most_of_the_planted_harm_rank() -> None:
    judges = {"content: doubt": judge(40), "adapted: doubt": judge(75)}
    assert ranking_of(judges) == {"by": "adapted", "rate": 0.75}


def test_judges_that_find_nothing_or_decide_nothing_rank_nothing() -> None:
    undecided = judge(90)
    undecided.pop("fail_threshold")
    assert ranking_of({"content: doubt": judge(0), "structure: pixels": undecided}) is None
    assert ranking_of({}) is None


def test_the_most_suspicious_image_is_the_first() -> None:
    found = [open_image("a", doubt=0.1), open_image("b", doubt=2.0), open_image("c", doubt=0.7)]
    ranks = {one["key"]: one["rank"] for one in ranked(found, of(found, {"adapted: doubt": judge(75)}))}
    assert ranks == {"b": 1, "c": 2, "a": 3}


def test_measures_of_several_units_are_compared_by_their_limits() -> None:
    judges = {"adapted: pixels": judge(75, fail_threshold=10.0), "adapted: doubt": judge(75, fail_threshold=0.5)}
    found = [open_image("a", pixels=12.0, doubt=0.1), open_image("b", pixels=1.0, doubt=0.9)]
    assert [one["rank"] for one in ranked(found, of(found, judges))] == [2, 1]


def test_scores_of_other_judges_do_not_rank() -> None:
    found = [open_image("a", doubt=0.9), open_image("b", doubt=0.1)]
    found[1]["scores"]["content: doubt"] = 99.0
    judges = {"content: doubt": judge(40), "adapted: doubt": judge(75)}
    assert [one["rank"] for one in ranked(found, of(found, judges))] == [1, 2]


def test_decided_images_have_no_rank_and_old_ranks_go() -> None:
    found = [open_image("a", doubt=0.9), certificate("b", "pass", by="person", rank=1)]
    made = ranked(found, of(found, {"adapted: doubt": judge(75)}))
    assert made[0]["rank"] == 1
    assert "rank" not in made[1]
    assert "rank" not in ranked(made, audit(made, ranking=None))[0]


@pytest.mark.parametrize("limit", [0.0, -0.5])
def test_limits_around_zero_keep_the_order(limit: float) -> None:
    judges = {"adapted: margin": judge(75, fail_threshold=limit)}
    found = [open_image("a", margin=-0.7), open_image("b", margin=0.2)]
    assert [one["rank"] for one in ranked(found, of(found, judges))] == [2, 1]
