import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import headline  # scripts are no package
import traffic_lights  # likewise

from refine.cli import main  # as above
from refine.commands.early_checks import require_fit  # as above
from refine.data.open_layout import open_layout  # as above


def test_no_image_is_both_adapted_to_and_tested_and_blocks_of_the_recording_lie_apart(tmp_path: Path) -> None:
    _, adapted, held_out = traffic_lights.lamps(tmp_path)
    learned = {path.name for path in adapted.glob("*.png")}
    tested = {path.name: path.parent.name for path in held_out.glob("*/*.png")}
    assert (len(learned), len(tested)) == (199, 78)
    assert not learned & tested.keys()
    frames = sorted(int(Path(name).stem.rpartition("_")[2]) for name in tested)
    assert frames[0] >= traffic_lights.FIRST_HELD_OUT > max(int(Path(name).stem.rpartition("_")[2]) for name in learned)
    assert set(tested.values()) == {"red", "yellow", "green"}
    traffic_lights.lamps(tmp_path)  # a second time as well
    assert len(list(adapted.iterdir())) == 199


@pytest.mark.parametrize("pair", list(headline.PAIRS))
def test_flags_of_every_pair_are_those_of_fit_and_no_labels_of_the_test_are_at_hand(
    pair: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(headline.__file__).parents[1])
    monkeypatch.setattr(headline, "refine", lambda *words: main(list(words)))
    whole = headline.rendered
    monkeypatch.setattr(headline, "rendered", lambda name, count, folder: whole(name, count // 20, folder))
    given = headline.PAIRS[pair]
    if pair == "lego" and not headline.LEGO.is_dir():
        pytest.skip("needs ../shared/data/lego")
    synthetic, adapted, held_out = given.lay_out(tmp_path)
    sides = ["--data.synthetic", str(synthetic), "--data.real", str(adapted), "--data.layout", given.layout]
    for flags in filter(None, (given.simgan, given.translator)):
        require_fit(["fit", *flags, *sides, "--run", "new"])
    learned, tested = ({path.read_bytes() for path in side.rglob("*.png")} for side in (adapted, held_out))
    assert learned
    assert not learned & tested
    ours, theirs = (open_layout(given.layout, folder) for folder in (synthetic, held_out))
    assert {*theirs.label_space.names} <= {*ours.label_space.names}


def row(values: list[float], several: bool) -> dict[str, object]:
    means = {"translator_means": values} if several else {}
    return {
        "accuracy": values,
        "balanced_accuracy": values,
        "interval": [0.1, 0.9],
        "by_class": {"red": values},
        "consistency": 0.8,
        **means,
    }


def test_rows_have_a_value_for_each_translator_and_the_best_one_is_named(tmp_path: Path) -> None:
    rows = {name: row([0.5, 0.75], "translator" in name) for name in headline.ROWS.values()}
    content = {"metric": "accuracy", "rows": rows, "protocol": "…", "adapted_to": {"images": 199, "tested": 0}}
    content["agreement"] = {"translator": {"kappa": [[1.0, 0.8], [0.8, 1.0]], "agreed": [0, 1]}}
    content["chosen"] = {"row": headline.ROWS["self-training"], "consistency": 0.8}
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    found = headline.headline(tmp_path / "benchmark.json", "traffic-lights")
    assert found["inductive"] is True
    assert {*headline.ROWS, "best"} == found["rows"].keys()
    assert found["rows"]["translator"]["values"] == found["rows"]["translator"]["balanced"] == [0.5, 0.75]
    assert found["rows"]["best"] == {**found["rows"]["self-training"], "row": "self-training", "chosen": "consistency"}
    assert found["rows"]["best"]["consistency"] == 0.8

    kept = {name: found for name, found in rows.items() if "agreed" not in name}  # no two translators agree
    content["chosen"] = {"row": "synthetic+self_training", "consistency": 0.7}
    (tmp_path / "benchmark.json").write_text(json.dumps({**content, "rows": kept}))
    found = headline.headline(tmp_path / "benchmark.json", "traffic-lights")
    assert found["rows"]["best"]["row"] == "raw-self-training"
    assert {"translator", "self-training"}.isdisjoint(found["rows"])

    content["chosen"] = {"row": "synthetic+self_training", "consistency": 0.3}  # which says little
    (tmp_path / "benchmark.json").write_text(json.dumps({**content, "rows": kept}))
    best = headline.headline(tmp_path / "benchmark.json", "traffic-lights")["rows"]["best"]
    assert (best["row"], best["chosen"]) == ("synthetic", "none is consistent")


def test_of_targets_the_recipe_is_the_best_row_and_has_no_balanced_figure(tmp_path: Path) -> None:
    names = {**headline.ROWS, **headline.PAIRS["meter"].rows}.values()
    rows = {name: {"mean_absolute_error": [1.5, 1.0], "interval": [1, 2]} for name in names}
    content = {"metric": "mean_absolute_error", "higher_is_better": False, "rows": rows, "protocol": "…"}
    content |= {"adapted_to": {"images": 400, "tested": 0}, "agreement": {"translator": {"kappa": [], "agreed": []}}}
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    found = headline.headline(tmp_path / "benchmark.json", "meter")
    assert found["rows"]["best"] == {**found["rows"]["simgan"], "row": "simgan", "chosen": "recipe"}
    assert found["rows"]["best"]["values"] == [1.5, 1.0]
    assert found["higher_is_better"] is False
    assert "balanced" not in found["rows"]["best"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--test", "gone", "--output", "out.json"], "gone: no such folder"),
        (["--output", "file/out.json"], "cannot be made"),
        (["--output", "out.json", "--seeds", "1"], "--seeds is 1; expected 2 or more"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(
    flags: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setattr(headline, "refine", lambda *words: pytest.fail("it ran a command"))
    assert headline.main(["traffic-lights", *flags]) == 2
    assert said in capsys.readouterr().err
