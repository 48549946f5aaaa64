"""Options of `refine report`."""

from dataclasses import dataclass

from refine.options import File, Folder, Trusted


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """One HTML page of it all.

    Writes one self-contained page that opens in any browser.
    """

    synthetic: Folder
    """Images before."""
    refined: Folder
    """Images after."""
    real: Folder
    """Real images."""
    metrics: File | None = None
    """File that `refine evaluate --output` wrote."""
    benchmark: File | None = None
    """The benchmark.json of `refine benchmark`."""
    audit: Folder | None = None
    """The folder that `refine audit --output` wrote."""
    tuning: File | None = None
    """The tune-strength.json of `refine tune-strength`."""
    trust: Trusted = ()
    title: str | None = None
    """Headline of the page."""
    output: File
    """The page, e.g. report.html."""
