from refine.inspect.plots import spectrum_svg
from refine.inspect.result import Spectrum

SPECTRUM: Spectrum = {
    "frequencies": [0.1, 0.3, 0.5],
    "here": [30.0, 20.0, 10.0],
    "real": [30.0, 10.0, 0.0],
    "difference": 20 / 3,
    "floor": None,
}


def test_the_plot_follows_the_colors_of_the_page_and_names_both_lines() -> None:
    svg = spectrum_svg(SPECTRUM)
    assert svg.startswith("<svg")
    for word in (
        "var(--synthetic)",
        "var(--real)",
        ">here<",
        ">real<",
        "power in dB",
        "cycles a pixel: coarse to fine",
    ):
        assert word in svg
    assert "#01" not in svg  # the marks that stand for the page's colors


def test_the_plot_is_the_same_each_time_and_another_for_other_values() -> None:
    assert spectrum_svg(SPECTRUM) == spectrum_svg(SPECTRUM)
    assert spectrum_svg(SPECTRUM) != spectrum_svg({**SPECTRUM, "real": [30.0, 20.0, 10.0]})
