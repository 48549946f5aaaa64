"""`docs/evidence.md` against the code: its commands run, its names exist, its bars are the constants."""

import argparse
import inspect
import re
import shlex
from pathlib import Path

import pytest

from refine.apply.repair import STRENGTHS
from refine.audit.calibration import FAIL_SHARE, MOST_IMAGES, REVIEW_SHARE
from refine.audit.corruptions import corruptions_of
from refine.audit.decisions import read_decisions
from refine.audit.ensembles import ADAPTED, CONTENT, GIVEN, REAL
from refine.audit.evidence import CONSENSUS_BAR, LABEL_BAR, LEARNED_BAR, POWER_BAR
from refine.audit.result import LINES, PAGE, SUMMARY, VERDICTS
from refine.audit.summary import LARGE_SHARE
from refine.audit.verdicts import CONFIDENCE, CUTS, MOST_WRONG_SHARE, shared_error
from refine.benchmark.datasets import BASELINES, SYNTHETIC, TARGET
from refine.benchmark.options import read_recipe
from refine.cli import parser
from refine.data import UnpairedImages
from refine.distances.scores import HIGHER_IS_NEARER, LEAST_FID, LEAST_GROUPS, LEAST_IMAGES, METRICS
from refine.files import MANIFEST
from refine.labels import KINDS
from refine.metrics.features import NETWORKS
from refine.metrics.features.published import INCEPTION_SIDE, INCEPTION_WEIGHTS, VGG16_WEIGHTS
from refine.metrics.intervals import lower_end, upper_end
from refine.metrics.skvd import GRID, LEAST_AGREEMENT, PATCH_SHARE
from refine.metrics.sliced_wasserstein import PATCH
from refine.training.options import FitOptions
from refine.training.validation import AGREEMENT, DISTANCE, DO_NOTHING, LABEL_ERROR, LABEL_ERROR_DO_NOTHING
from refine.tuning.options import TuneOptions
from refine.tuning.result import PICTURE, RESULT

ROOT = Path(__file__).resolve().parents[1]
PAGE_FILE = ROOT / "docs/evidence.md"
FLAG = re.compile(r"(?<![\w-])--([a-z][\w.-]*)")


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", PAGE_FILE.read_text(), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


def flags_of(command: str) -> set[str]:
    if command == "fit":
        data = [f"data.{name}" for name in inspect.signature(UnpairedImages).parameters]
        return {name.replace("_", "-") for name in (*data, *vars(FitOptions()))}
    return {flag.lstrip("-") for flag in commands()[command]._option_string_actions}


def lines(page: Path = PAGE_FILE) -> list[list[str]]:
    """Every command that stands on a line of its own."""
    joined = page.read_text().replace("\\\n", " ")
    found = re.findall(r"^ {4}(?:\.venv/bin/)?refine (.+)$", joined, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


def table(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose header begins so."""
    _, _, after = text.partition(f"| {head} |")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(cell: str) -> list[str]:
    """``a-1`, `-2`` as a-1 and a-2."""
    found = re.findall(r"`([^`]+)`", cell)
    stem = found[0].rpartition("-")[0] if found else ""
    return [stem + name if name.startswith("-") else name for name in found]


def percent(share: float) -> str:
    return f"{100 * share:g} %"


def sizes(corruption: str, unit: str) -> float:
    named = [(kind, names) for kind in KINDS.values() for names in (("pitch", "yaw"), ("x", "y"))]
    every = (each for kind, names in named for each in corruptions_of(kind, names))
    (found,) = {each for each in every if (each.name, each.unit) == (corruption, unit)}
    return max(size for size in found.sizes if size is not None)


def bars() -> list[str]:
    """What the page says of numbers, made from the constants."""
    error = shared_error(2 + CUTS)
    sure = next(count for count in range(1, 1000) if upper_end(0, count, error) <= MOST_WRONG_SHARE)
    less = [f"{strength:g}" for strength in STRENGTHS]
    return [
        f"{percent(CONFIDENCE)} intervals",
        f"patches of {PATCH}x{PATCH} pixels",
        f"from {LEAST_FID} images a side on",
        f"from {LEAST_IMAGES['kid']} images on",
        f"fewer than {LEAST_GROUPS} groups",
        f"Inception sees {INCEPTION_SIDE}x{INCEPTION_SIDE}",
        f"label map agrees on most of {GRID}x{GRID} cells, kept where {percent(LEAST_AGREEMENT)} or more agree",
        f"1/{PATCH_SHARE} of its pixels",
        f"at most {KINDS['class'].judges.longest_side} pixels a side for classes and targets, "
        f"{KINDS['mask'].judges.longest_side} for masks and objects",
        f"both say the same of {percent(CONSENSUS_BAR)} of the refined images, find the label in {percent(LABEL_BAR)}, "
        f"planted corruption in {percent(POWER_BAR)}",
        f"but the label in {percent(LEARNED_BAR)}",
        f"the label in {percent(LABEL_BAR)}, planted corruption in {percent(POWER_BAR)}",
        f"count where at least {percent(LEARNED_BAR)} of the images stay below their limit",
        f"the score that {percent(REVIEW_SHARE)} of them exceed is the limit for a review",
        f"the one that {percent(FAIL_SHARE)} exceed that for a fail",
        f"up to {MOST_IMAGES} of them",
        f"find fewer than {percent(LABEL_BAR)} of the labels there",
        f"It holds with {percent(CONFIDENCE)} confidence",
        f"differs in {percent(sizes('another image', 'share of pixels'))} of the pixels",
        f"in {percent(sizes('another image', 'share of area'))} of the area",
        f"by {sizes('gaze replaced', 'degrees'):g} degrees",
        f"all of 10 images found is a lower end of {lower_end(10, 10, shared_error(2)):.2f}",
        f"the sample's upper end, or the bound, at {percent(LARGE_SHARE)} or below",
        f"no more than {percent(MOST_WRONG_SHARE)} of the decided images can have been wrong; that takes {sure} "
        "decisions",
        f"the lower end of the interval is still below {percent(POWER_BAR)}",
        f"judges do not find the label in {percent(LEARNED_BAR)} of the images that they learned on",
        f"its rate is above {percent(POWER_BAR)}",
        f"the lower end reaches {percent(POWER_BAR)} at this rate",
        f"find the label in {percent(LEARNED_BAR)} of the real images that they never saw",
        f"but in fewer than {percent(LABEL_BAR)} of the refined ones",
        f"at most {percent(MOST_WRONG_SHARE)} of all are",
        f"the first of {', '.join(less[:-1])} and {less[-1]}",
        f"under `--label-error-bound` ({percent(TuneOptions.label_error_bound)})",
    ]


@pytest.mark.parametrize(
    "line", [line for line in [*lines(), *lines(ROOT / "README.md")] if line[0] != "fit"], ids=" ".join
)
def test_each_command_is_taken_as_it_stands(line: list[str]) -> None:
    assert parser().parse_args(line).command == line[0]


def test_every_step_has_its_command() -> None:
    assert [line[0] for line in lines()] == [
        "evaluate",
        "audit",
        "audit",
        "audit",
        "audit",
        "apply",
        "fit",
        "tune-strength",
        "benchmark",
        "report",
    ]


@pytest.mark.parametrize("section", list(sections()))
def test_every_flag_belongs_to_a_command_that_its_section_names(section: str) -> None:
    text = sections()[section]
    named = set(re.findall(r"refine ([a-z][a-z-]+)", text))
    assert named <= {*commands(), "fit"}
    known = set().union(*(flags_of(command) for command in named)) if named else set()
    assert set(FLAG.findall(text)) <= known


def test_every_metric_and_network_is_told_and_no_other() -> None:
    rows = table(sections()["Distances"], "metric")
    assert {name for row in rows for name in names(row[0])} == set(METRICS)
    assert {name for row in rows if row[1] == "higher" for name in names(row[0])} == set(HIGHER_IS_NEARER)
    networks = {name for row in table(sections()["Distances"], "name") for name in names(row[0])} - {
        "module:Class",
        "class_path",
    }
    assert networks == {name for name in NETWORKS if not name.endswith("-clean")}
    assert f"`{INCEPTION_WEIGHTS}`" in PAGE_FILE.read_text()
    assert f"`{VGG16_WEIGHTS}`" in PAGE_FILE.read_text()


def test_every_bar_is_the_constant_and_no_share_stands_beside_them() -> None:
    said, measured = PAGE_FILE.read_text().split("## Measured\n")
    assert "scripts/reproduce_audit.py" in measured  # what it measured stands there, and is no bar
    text = " ".join(said.split())
    missing = [bar for bar in bars() if bar not in text]
    assert missing == []
    for bar in bars():
        text = text.replace(bar, "")
    for end in ("`synthetic` (0 %)", "`target_supervised` (100 %)"):  # where the gap begins and ends
        text = text.replace(end, "")
    assert re.findall(r".{30}\d+ %", text) == []


def test_judges_verdicts_rows_and_files_go_by_their_names(tmp_path: Path) -> None:
    audit, rows = sections()["Audit"], table(sections()["Benchmark"], "row")
    assert [row[0].split()[0] for row in table(audit, "judges")] == [CONTENT, ADAPTED, REAL, GIVEN]
    assert all(f"`{verdict}`: " in audit for verdict in VERDICTS)
    assert all(f"`{name}`" in audit for name in (LINES, SUMMARY, PAGE))
    told = [name for row in rows for name in names(row[0])]
    assert [name for name in told if name in BASELINES] == list(BASELINES)
    assert {SYNTHETIC, TARGET} <= set(told)
    (decisions,) = re.findall(r"```csv\n(.*?)```", audit, re.DOTALL)
    (tmp_path / "decisions.csv").write_text(decisions)
    keys = ["red/000017.png", "red/000031.png"]
    assert list(read_decisions(tmp_path / "decisions.csv", keys)) == keys
    assert f"`{MANIFEST}`" in sections()["Repair"]
    assert all(f"`{name}`" in sections()["Tune strength"] for name in (PICTURE, RESULT))
    logged = (DISTANCE, DO_NOTHING, LABEL_ERROR, LABEL_ERROR_DO_NOTHING, AGREEMENT)
    assert all(f"`{name}`" in sections()["Choice of checkpoint"] for name in logged)


def test_the_recipe_is_read_as_it_stands(tmp_path: Path) -> None:
    (recipe,) = re.findall(r"```yaml\n(.*?)```", sections()["Benchmark"], re.DOTALL)
    (tmp_path / "benchmark.yaml").write_text(recipe)
    found = read_recipe(tmp_path / "benchmark.yaml")
    assert found["real_few"] == (20,)
    seeds = [tmp_path / f"REFINED_{seed}" for seed in range(3)]
    assert dict(found["refined"]) == {"cyclegan": seeds, "repaired": [tmp_path / "REPAIRED"]}
    assert f"`NAME+{found['real_few'][0]}_real`" in sections()["Benchmark"]


def test_links_lead_somewhere() -> None:
    text = PAGE_FILE.read_text()
    anchors = {title.lower().replace(" ", "-") for title in sections()}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) == anchors
    assert all((PAGE_FILE.parent / path).is_file() for path in re.findall(r"\]\((\.\./[^)#]+)\)", text))
    assert all((ROOT / path).is_file() for path in re.findall(r"`((?:refine|scripts)/[\w/]+\.py)`", text))
    assert "(docs/evidence.md)" in (ROOT / "README.md").read_text()
