"""A user's own layout, that of docs/layouts.md, through the command line: with `--trust` alone."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from refine.cli import main
from refine.data.mapping import Mapped
from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.trust import trusting

PAGE = Path(__file__).resolve().parents[2] / "docs/layouts.md"
MODULE = "my_module"


class Signs(NamedTuple):
    synthetic: Path
    real: Path
    layout: Path
    """The YAML file."""


@pytest.fixture
def signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Signs]:
    """Three images of each limit on both sides, and the page's own module and YAML file."""
    for side, level in (("synthetic", 60), ("real", 120)):
        for number in range(6):
            limit, pixels = 30 + 20 * (number % 2), np.random.default_rng(number).integers(0, 60, (16, 16, 3)) + level
            pixels[: 8 * (number % 2) + 4] += 60
            path = tmp_path / side / f"{limit:03d}-{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    section = PAGE.read_text().partition("## Your own")[2]
    (tmp_path / "code").mkdir()
    for name, kind in (("layout.yaml", "yaml"), (f"code/{MODULE}.py", "python")):
        (tmp_path / name).write_text(re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)[0])
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield Signs(tmp_path / "synthetic", tmp_path / "real", tmp_path / "layout.yaml")
    sys.modules.pop(MODULE, None)


def test_every_command_that_opens_a_layout_takes_it(
    signs: Signs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, quick = f"--layout {signs.layout}", "--steps 1 --device cpu"
    three = f"--synthetic {signs.synthetic} --refined {tmp_path}/refined"
    real = f"--real {signs.real} --real-layout {signs.layout}"
    run = f"--run own --trainer.default_root_dir {tmp_path}/runs"
    data = f"--data.synthetic {signs.synthetic} --data.real {signs.real} --data.layout {signs.layout}"
    for command in (
        f"inspect {signs.synthetic} {own}",
        f"fit -c color-transfer {data} {run}",
        f"apply --checkpoint {tmp_path}/runs/own/last.ckpt --input {signs.synthetic} --output {tmp_path}/refined {own}",
        f"evaluate {three} {real} {own}",
        f"audit {three} {own} {quick} --folds 2 --networks small-cnn --output {tmp_path}/audit",
        f"benchmark {three} {real} {own} {quick} --seeds 1 --baselines none --output {tmp_path}/benchmark",
        f"report {three} --real {signs.real} --audit {tmp_path}/audit --output {tmp_path}/report.html",
    ):
        if not command.startswith("report"):  # the audit's settings name the layout
            sys.modules.pop(MODULE, None)
            assert main(command.split()) == 2, command
            said = capsys.readouterr().err
            assert said.count("\n") == 1
            assert f"{signs.layout}: names '{MODULE}.SpeedLimits', which is not part of refine; nothing was run" in said
            assert f"If you trust that module, add --trust {MODULE}" in said
            assert MODULE not in sys.modules
        code = main([*command.split(), "--trust", MODULE])
        said = capsys.readouterr().err
        assert code in {0, 1}, (command, said)
    assert (tmp_path / "refined/030-0.png").read_bytes() != (signs.synthetic / "030-0.png").read_bytes()


def test_its_arguments_and_a_mapping_stand_in_the_file(signs: Signs, tmp_path: Path) -> None:
    with trusting([MODULE]):
        layout = open_layout(str(signs.layout), signs.synthetic)
        assert (layout.name, layout.why, layout.faults) == ("speed-limits", "as asked", [])
        assert [int(layout.label(record)) for record in layout.records()] == [0, 0, 0, 1, 1, 1]
        options = {"class_path": f"{MODULE}.SpeedLimits", "init_args": {"classes": ["050"]}}
        assert len(open_layout(options, signs.synthetic).faults) == 3
        assert open_layout({"class_path": f"{MODULE}.SpeedLimits"}, signs.synthetic, ("050", "030")).faults == []
    with pytest.raises(InputError, match="nothing was run"):
        open_layout(options, signs.synthetic)
    file = tmp_path / "mapped.yaml"
    file.write_text("class_path: refine.data.layouts.Kitti\nmapping: own.yaml\n")
    (tmp_path / "own.yaml").write_text("to: [vehicle]\nclasses: {Car: vehicle}\n")
    (tmp_path / "kitti/image_2").mkdir(parents=True)
    (tmp_path / "kitti/label_2").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "kitti/image_2/0.png")
    assert isinstance(open_layout(str(file), tmp_path / "kitti"), Mapped)  # classes of ours need no trust


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_path": "json.JSONDecoder"}, "names 'json.JSONDecoder', which is not part of refine; nothing was run"),
        ({"class_path": 5}, "names 5, which is not part of refine"),
        (
            {"class_path": f"{MODULE}.Nothing"},
            r"'my_module\.Nothing', which does not exist here .*PYTHONPATH names",
        ),
        (
            {"class_path": f"{MODULE}.LabelSpace"},
            "my_module.LabelSpace is not a layout; expected a subclass of",
        ),
        ({"class_path": f"{MODULE}.Layout"}, "my_module.Layout is not a layout"),
        (
            {"class_path": f"{MODULE}.SpeedLimits", "classes": []},
            "classes beside class_path; expected init_args and",
        ),
        ({"class_path": f"{MODULE}.SpeedLimits", "init_args": [5]}, r"init_args is \[5\]; expected its arguments by"),
        (
            {"class_path": f"{MODULE}.SpeedLimits", "init_args": {"clases": 5}},
            "the layout speed-limits takes no clases; did you mean classes",
        ),
        (
            {"class_path": f"{MODULE}.SpeedLimits", "init_args": {"classes": 5}},
            "classes is 5; expected a list of text",
        ),
    ],
)
def test_what_is_not_a_layout_is_refused_in_one_line(signs: Signs, options: dict[str, object], message: str) -> None:
    with trusting([MODULE]), pytest.raises(InputError, match=message) as error:
        open_layout(options, signs.synthetic)
    assert "\n" not in str(error.value)


def test_a_layout_without_a_name_is_refused_and_types_may_be_left_out(signs: Signs, tmp_path: Path) -> None:
    code = tmp_path / f"code/{MODULE}.py"
    code.write_text(
        code.read_text().replace('    name = "speed-limits"\n', "").replace("classes: tuple[str, ...]", "classes")
    )
    with trusting([MODULE]):
        with pytest.raises(InputError, match=r"my_module\.SpeedLimits has no name; give the class one"):
            open_layout(str(signs.layout), signs.synthetic)
        code.write_text(f"{code.read_text()}\nSpeedLimits.name = 'mine'\n")
        sys.modules.pop(MODULE)
        assert len(open_layout(str(signs.layout), signs.synthetic).records()) == 6


def test_a_recipe_of_fit_may_hold_the_options_themselves(signs: Signs, tmp_path: Path) -> None:
    layout = f"  layout:\n    class_path: {MODULE}.SpeedLimits\n    init_args: {{classes: ['030', '050']}}\n"
    (tmp_path / "own.yaml").write_text(f"data:\n{layout}  synthetic: {signs.synthetic}\n  real: {signs.real}\n")
    words = f"fit -c color-transfer -c {tmp_path}/own.yaml --trainer.default_root_dir {tmp_path}/runs".split()
    assert main([*words, "--trust", MODULE]) == 0
    assert main(words) == 2
