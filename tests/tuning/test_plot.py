from pathlib import Path

from PIL import Image

from refine.report.kit.plot import PRINT
from refine.tuning.plot import tuning_figure, tuning_plot
from refine.tuning.result import Tuning
from tests.tuning.test_result import point


def tuning(*names: str) -> Tuning:
    points = [point(name, strength, 100 - 60 * strength, 0.1 * strength) for name in names for strength in (0, 0.5, 1)]
    points[-1]["only_answer"] = "a"
    return {
        "metric": "swd",
        "label_error_bound": 0.07,
        "points": points,
        "chosen": {"checkpoint": names[0], "strength": 0.5},
        "real_floor": {"swd": 12.5},
        "n": {"synthetic": 20, "real": 20, "real_floor": 10},
        "provenance": {},
    }


def test_every_checkpoint_is_a_line_beside_the_bound_and_the_floor() -> None:
    figure = tuning_figure(tuning("runs/one/last.ckpt", "runs/two/last.ckpt"), PRINT)
    (axes,) = figure.axes
    legend = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]  # there is one
    assert legend == [
        *("one/last.ckpt", "two/last.ckpt", "judges name one class only", "bound 7 %", "real against real 12.5"),
    ]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert list(lines["one/last.ckpt"].get_xdata()) == [0, 5, 10]  # type: ignore[arg-type]  # a list of numbers
    assert list(lines["one/last.ckpt"].get_ydata()) == [100, 70, 40]  # type: ignore[arg-type]  # the same
    assert [text.get_text() for text in axes.texts] == ["do nothing", "0.5", "1", "0.5", "1"]
    (ring,) = [line for line in axes.get_lines() if line.get_markersize() == 15]
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([5], [70])  # type: ignore[arg-type]  # the same


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = tuning("first/run/last.ckpt", "second/run/last.ckpt")
    labels = [line.get_label() for line in tuning_figure(found, PRINT).axes[0].get_lines()]
    assert {"first/run/last.ckpt", "second/run/last.ckpt"} <= set(labels)
    assert "judges name one class only" in labels
    with Image.open(tuning_plot(found, tmp_path / "plot.png")) as picture:
        assert picture.format == "PNG"
