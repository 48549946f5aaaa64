"""The plot of both spectra: SVG that follows the page's colors."""

from matplotlib.figure import Figure

from refine.inspect.result import Spectrum
from refine.report.kit.plot import MARKS, style, svg


def spectrum_svg(spectrum: Spectrum) -> str:
    """Power over frequency, here and of the real images."""
    with style(MARKS):
        figure = Figure(figsize=(5, 2.9), layout="constrained")
        axes = figure.subplots()
        for name, values, color in (
            ("here", spectrum["here"], MARKS.synthetic),
            ("real", spectrum["real"], MARKS.real),
        ):
            axes.plot(spectrum["frequencies"], values, color=color, linewidth=2, label=name)
        axes.set_xlabel("cycles a pixel: coarse to fine")
        axes.set_ylabel("power in dB")
        axes.set_xlim(0, 0.5)
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(length=0)
        axes.legend(frameon=False, labelcolor=MARKS.ink)
        return svg(figure)
