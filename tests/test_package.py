import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import refine

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel that was built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_the_recipes_and_the_small_data(wheel: set[str]) -> None:
    expected = {
        "refine/cli.py",
        "refine/py.typed",
        "refine/audit/audit.html.j2",
        "refine/report/kit/parts.html.j2",
        "refine/report/pages/report.html.j2",
        "refine/report/kit/style.css",
        "refine/_recipes/models/simgan.yaml",
        "refine/_recipes/models/cyclegan.yaml",
        "refine/_recipes/models/presets/small.yaml",
        "refine/_recipes/datasets/digits.yaml",
        "refine/_recipes/datasets/traffic-lights.yaml",
        "refine/_recipes/datasets/meter.yaml",
        "refine/_recipes/datasets/nuclei.yaml",
        "refine/_recipes/datasets/meter/LICENSE",
        "refine/_recipes/datasets/nuclei/labels.yaml",
        "refine/_recipes/datasets/digits/LICENSE",
        "refine/_recipes/datasets/traffic-lights/LICENSE",
    }
    assert expected <= wheel
    assert len([name for name in wheel if name.startswith("refine/_recipes/datasets/traffic-lights/real/")]) == 101
    assert len([name for name in wheel if name.startswith("refine/_recipes/datasets/digits/test/")]) >= 1000


def test_the_wheel_claims_no_name_but_its_own(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"refine"}
    assert not [name for name in wheel if name.endswith(".ckpt") or "/checkpoints/" in name or "__pycache__" in name]
    python = [name for name in wheel if name.startswith("refine/_recipes/") and name.endswith(".py")]
    assert python == []


def test_the_shipped_data_stays_small_and_has_its_licences() -> None:
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "datasets"], capture_output=True, check=False
    ).stdout.decode()
    files = [ROOT / name for name in tracked.split("\0") if name]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    for name in ("digits", "traffic-lights", "meter", "nuclei"):
        assert (ROOT / "datasets" / name / "LICENSE").is_file()
        assert (ROOT / "datasets" / f"{name}.md").is_file()


def test_every_public_name_is_there() -> None:
    for name in refine.__all__:
        assert getattr(refine, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        refine.nothing  # noqa: B018  # read for its error


def test_no_card_has_a_figure_left_to_fill_in() -> None:
    for card in [*ROOT.glob("*.md"), *ROOT.glob("models/*.md"), *ROOT.glob("datasets/*.md")]:
        assert not re.findall(r"\b(?:TODO|FIXME|RESULTS|TBD|[A-Z]_DISTANCE)\b", card.read_text()), card


def test_no_file_names_an_index_or_this_machine() -> None:
    text = (ROOT / "constraints.txt").read_text() + (ROOT / "pyproject.toml").read_text()
    assert "://" not in text
    assert "--index" not in text
