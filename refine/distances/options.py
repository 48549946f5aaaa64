"""Options of `refine evaluate`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from refine import options as flags


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """How far from real? distances with the do-nothing row and the floor.

    Distances of synthetic and of refined images to real ones, beside the floor: real against real.
    """

    synthetic: flags.Folder
    """Images before."""
    refined: flags.Folder
    """Images after."""
    real: flags.Folder
    """Real images."""
    features: flags.Words = ("swd",)
    """swd (default; needs no weights); efficientnet-lite0 (its weights are a package); inception-64, -192, -768,
    -2048; vgg16; dinov2-vits14, -vitb14, -vitl14; clip-vitb32, -vitb16, -vitl14; the checkpoint of a task model; or
    a class of yours, module:Class or a YAML file, with --trust. NETWORK=FILE gives a network its weights,
    NAME=CHECKPOINT a task model its name."""
    weights: flags.File | None = None
    """Weights of the network, where the caches have none."""
    resize: Literal["tf1", "clean"] = "tf1"
    """How Inception networks see images: tf1 (default) as FID's authors, clean as clean-fid, antialiased."""
    metrics: flags.Words = ()
    """swd, and of the features fid, kid, precision, recall, density, coverage, and skvd, which compares patches whose
    labels agree and needs masks (default: swd where --features names it, fid and kid of each network)."""
    neighbors: Annotated[int, flags.Flag("K", flags.positive)] | None = None
    """Number of neighbors: default 3 for precision and recall, 5 for density and coverage."""
    infinite: bool = False
    """Extrapolate FID to infinitely many images as well."""
    groups: Annotated[str, flags.Flag("SPEC")] | None = None
    """Images that belong together, such as those of one recording, for the intervals: a CSV file with the columns key
    and group, or a regular expression on the key, such as '^[^_]+'."""
    size: flags.Size | None = None
    """Common size of all images (default: the real ones') for swd, skvd and task models; networks with a size of their
    own, such as Inception's, resize the images of the files, once."""
    images: Annotated[str, flags.Flag("GLOB")] | None = None
    """Which synthetic and refined files are pictures, where not all are."""
    layout: flags.LayoutName = "auto"
    real_layout: flags.RealLayoutName = "auto"
    mapping: flags.ClassMapping | None = None
    real_mapping: flags.ClassMapping | None = None
    """The same of the real images' classes; both are for skvd."""
    segmenter: flags.File | None = None
    """For skvd, where a side has no masks: a task model of masks that draws those of all images."""
    device: flags.Device = "auto"
    seed: int = 0
    """Seed of halves, projections and intervals."""
    output: flags.File | None = None
    """Write the figures as JSON."""
    trust: flags.Trusted = ()
