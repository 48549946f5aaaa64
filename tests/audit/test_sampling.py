"""`refine audit --sample`: drawn at random within the verdicts, answered blind, taken back by --decisions."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from refine.audit.result import SAMPLE, SAMPLE_CSV, SAMPLE_PAGE, SUMMARY, Certificate, Verdict
from refine.audit.sampling import draw, drawn, draws_by_stratum, estimated
from refine.cli import main
from refine.errors import InputError
from tests.apply.trees import tree
from tests.audit.audits import certificate
from tests.audit.shapes import SPOILED, Finished, audit_of, certificates, decide, summary

ASKED = 60


def audited(**counts: int) -> list[Certificate]:
    verdicts: dict[str, Verdict] = {"passed": "pass", "review": "review", "failed": "fail", "open": "inconclusive"}
    return [
        certificate(f"{number % 7}_{name}_{number}.png", verdicts[name])
        for name, count in counts.items()
        for number in range(count)
    ]


def test_the_sample_is_shared_out_by_size_and_no_verdict_is_left_out() -> None:
    assert draws_by_stratum({"pass": 800, "review": 150, "fail": 50}, 100) == {"pass": 67, "review": 20, "fail": 13}
    assert sum(draws_by_stratum({"pass": 801, "review": 97, "fail": 13}, 57).values()) == 57
    assert draws_by_stratum({"pass": 90, "fail": 3}, 60) == {"pass": 57, "fail": 3}
    assert draws_by_stratum({"pass": 4, "fail": 3}, 7) == {"pass": 4, "fail": 3}


def test_every_image_of_a_verdict_is_drawn_equally_often() -> None:
    lines = audited(passed=20, failed=5)
    found = Counter(key for seed in range(2000) for key in drawn(draw(lines, 10, seed, None)))
    each = [found[one["key"]] / 2000 for one in lines]
    assert draw(lines, 10, 3, None) == draw(lines, 10, 3, None)
    expected = draws_by_stratum({"pass": 20, "fail": 5}, 10)
    assert each[:20] == pytest.approx([expected["pass"] / 20] * 20, abs=0.05)
    assert each[20:] == pytest.approx([expected["fail"] / 5] * 5, abs=0.05)


def test_whole_groups_are_drawn_in_proportion_to_their_size() -> None:
    lines = [
        certificate(f"{'a' if number < 8 else 'b' if number < 10 else number}_{number}.png") for number in range(20)
    ]
    sample = draw(lines, 10, 0, "^[^_]+")
    for keys in sample["strata"]["pass"]["draws"]:
        assert len({key.partition("_")[0] for key in keys}) == 1
        assert len(keys) in {1, 2, 8}
    groups: Counter[str] = Counter()
    for seed in range(1000):
        groups.update(keys[0].partition("_")[0] for keys in draw(lines, 10, seed, "^[^_]+")["strata"]["pass"]["draws"])
    assert groups["a"] / groups.total() == pytest.approx(8 / 20, abs=0.04)


def test_what_the_audit_said_makes_the_strata_not_what_a_person_decided() -> None:
    lines = [*audited(passed=5), certificate("x.png", "fail", by="person", audit_verdict="pass")]
    assert set(draw(lines, 6, 0, None)["strata"]) == {"pass"}


def test_more_than_there_are_and_far_larger_groups_and_a_key_that_no_table_holds_are_refused() -> None:
    lines = [certificate(f"g{group}_{number}.png") for group in range(3) for number in range(400)]
    with pytest.raises(InputError, match="the largest, g0, has 400 images: about 400 would have to be judged"):
        draw(lines, 60, 0, "^[^_]+")
    assert len(drawn(draw(lines, 200, 0, "^[^_]+"))) == 400
    with pytest.raises(InputError, match="--sample 6: the audit has 5 images"):
        draw(audited(passed=5), 6, 0, None)
    with pytest.raises(InputError, match=r"cannot be written into sample\.csv"):
        draw([certificate("a\nb.png")], 1, 0, None)


def sampled(own: Finished, number: int = ASKED) -> list[str]:
    assert main(["audit", "--output", str(own.output), "--sample", str(number)]) == 0
    with (own.output / SAMPLE_CSV).open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["key", "verdict"]
    assert {row[1] for row in rows[1:]} == {""}
    return [row[0] for row in rows[1:]]


def truth(keys: list[str]) -> dict[str, str]:
    return {key: "fail" if key in SPOILED else "pass" for key in keys}


def test_the_order_shows_no_verdict_and_the_page_asks_blind(own: Finished) -> None:
    keys = sampled(own)
    lines, page = certificates(own.output), (own.output / SAMPLE_PAGE).read_text()
    wrong = [number for number, key in enumerate(keys) if lines[key]["verdict"] != "pass"]
    assert len(keys) == ASKED
    assert min(wrong) < ASKED / 2 < max(wrong)
    assert all(key in page for key in keys)
    assert "do not find the label" not in page
    assert "script-src 'unsafe-inline'" in page


def test_answers_come_first_and_hold_the_truth(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    keys = sampled(own)
    assert "--decisions" in capsys.readouterr().out
    decide(own, truth(keys))
    said, audit = capsys.readouterr().out, summary(own.output)
    assert said.startswith("Random sample of 60 images, judged by a person: ")
    assert "Natural power" in said
    assert "bound under planted corruption" in said
    found = audit["sample"]
    assert found["all"]["low"] <= len(SPOILED) / audit["images"] <= found["all"]["high"]
    assert (found["drawn"], found["answered"], found["unsure"]) == (ASKED, ASKED, 0)
    page = (own.output / "audit.html").read_text()
    assert page.index("Random sample of 60") < page.index("Bound under planted corruption")


def test_other_decisions_never_enter_the_estimate(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    keys = sampled(own)
    rest = [key for key in certificates(own.output) if key not in keys]
    decide(own, {**truth(keys), **dict.fromkeys(rest, "fail")})
    once = summary(own.output)["sample"]
    capsys.readouterr()
    decide(own, dict.fromkeys([*keys[:5], rest[0]], "fail"))  # chosen to be looked at: not a table of the sample
    assert "lists 5 of the 60 sampled images, and others" in capsys.readouterr().err
    assert summary(own.output)["sample"] == once
    decide(own, truth(keys))
    assert summary(own.output)["sample"] == once


def test_what_is_not_answered_is_unsure(own: Finished) -> None:
    keys = sampled(own)
    said = truth(keys)
    decide(own, {key: verdict if number < 50 else "" for number, (key, verdict) in enumerate(said.items())})
    blank = summary(own.output)["sample"]
    decide(own, dict(list(said.items())[:50]))
    assert summary(own.output)["sample"] == blank
    decide(own, {key: verdict if number < 50 else "unsure" for number, (key, verdict) in enumerate(said.items())})
    assert summary(own.output)["sample"] == blank
    assert (blank["answered"], blank["unsure"]) == (50, 10)
    decide(own, dict(list(said.items())[50:]))  # later answers are added
    whole = summary(own.output)["sample"]
    assert blank["all"]["low"] <= whole["all"]["low"] < whole["all"]["high"] < blank["all"]["high"]


def test_what_is_refused_changes_nothing(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    keys = sampled(own)
    before = tree(own.output)
    assert json.loads((own.output / SAMPLE).read_text()).keys() == {"seed", "groups", "strata", "answers"}
    assert decide(own, {**truth(keys[1:]), "typo.png": ""}) == 2
    assert "'typo.png' is not an image of this audit" in capsys.readouterr().err
    assert decide(own, dict.fromkeys(keys, "")) == 2
    assert "no line of the sample is answered" in capsys.readouterr().err
    assert main(["audit", "--output", str(own.output), "--sample", "20", "--seed", "1"]) == 2
    assert "a sample was drawn already" in capsys.readouterr().err
    assert tree(own.output) == before


def test_groups_are_drawn_where_the_audit_had_none_and_each_counts_as_one_where_answers_move_limits(
    own: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["audit", "--output", str(own.output), "--sample", "20", "--groups"]
    before = tree(own.output)
    assert main([*command, "^[a-z]+"]) == 2
    assert "the largest, bar, has 48 images: about" in capsys.readouterr().err
    assert tree(own.output) == before
    pairs = r"^[a-z]+/\d"
    assert main([*command, pairs]) == 0
    sample = json.loads((own.output / SAMPLE).read_text())
    assert sample["groups"] == pairs
    most = sum(max(map(len, one["draws"])) for one in sample["strata"].values())
    assert most > len(sample["strata"])
    asked: set[int] = set()

    def moved(scores: object, decisions: object, limit: float, cuts: object, error: float, largest: int) -> float:
        asked.add(largest)
        return limit

    monkeypatch.setattr("refine.audit.decisions.moved_limit", moved)
    decide(own, truth(drawn(sample)))
    assert asked == {most}


def test_the_groups_of_the_audit_stand(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    audit = summary(own.output)
    audit["provenance"]["groups"] = own_groups = r"^[a-z]+/\d"
    (own.output / SUMMARY).write_text(json.dumps(audit))
    command = ["audit", "--output", str(own.output), "--sample", "20", "--groups"]
    assert main([*command, "^[a-z]"]) == 2
    assert f"the audit was made with --groups {own_groups}; leave it out" in capsys.readouterr().err
    assert not (own.output / SAMPLE).exists()
    assert main([*command, own_groups]) == 0


def test_a_sample_that_cannot_be_drawn_is_refused_before_training(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.audit.evidence.train_judges", None)
    for flags, said in (
        (["--sample", "145"], "--sample 145: the audit has 144 images"),
        (
            ["--sample", "20", "--groups", "^[a-z]+"],
            "the largest, bar, has 48 images: about 48 would have to be judged",
        ),
    ):
        assert main(audit_of(finished.synthetic, finished.refined, tmp_path / "audit", *flags)) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "audit").exists()


def test_a_damaged_sample_is_one_line(own: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    keys = sampled(own)
    strata = json.dumps({"seed": 0, "groups": None, "strata": {"pass": {"images": 2, "draws": [[]]}}, "answers": {}})
    for text, said in (("{}", "missing required field"), (strata, "damaged, a stratum without a drawn image")):
        (own.output / SAMPLE).write_text(text)
        assert decide(own, truth(keys)) == 2
        error = capsys.readouterr().err
        assert "sample.json: " in error
        assert said in error
        assert error.endswith("; audit again and draw anew\n")


def test_groups_are_counted_by_the_share_of_each_that_is_wrong() -> None:
    lines = [certificate(f"{number // 2}_{number}.png") for number in range(40)]
    sample = draw(lines, 20, 0, "^[^_]+")
    keys = drawn(sample)
    sample["answers"] = {key: "fail" if int(key.partition("_")[2].partition(".")[0]) % 2 else "pass" for key in keys}
    found = estimated(sample)
    assert found is not None
    assert (found["grouped"], found["all"]["rate"]) == (True, 0.5)


def test_people_who_choose_what_to_look_at_give_a_natural_power_with_its_caveat(
    own: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = certificates(own.output)
    held = [key for key, one in lines.items() if one["verdict"] == "fail"][:2]
    passed = [key for key, one in lines.items() if one["verdict"] == "pass"][:3]
    decide(own, dict.fromkeys(held, "fail"))
    assert "natural_power" not in summary(own.output)  # of images that did not pass, all are found
    decide(own, {passed[0]: "fail", passed[1]: "pass"})
    assert "of 3 wrong labels that a person found, 66.7\u00a0%" in capsys.readouterr().out.replace(" %", "\u00a0%")
    assert summary(own.output)["natural_power"]["n"] == 3
