"""What an evaluation was measured on, for its JSON."""

from importlib.metadata import PackageNotFoundError, version

from refine.metrics.features import FeatureExtractor
from refine.metrics.folders import Folder
from refine.metrics.patches import PATCH, PATCHES
from refine.metrics.sides import MOST_DESCRIBED
from refine.metrics.sliced_wasserstein import PROJECTIONS, SCALE

PACKAGES = ("sim2real-refine", "torch", "torchvision", "torch-fidelity", "pillow", "numpy", "scipy")


def folder_record(folder: Folder) -> dict[str, object]:
    """One of the three folders."""
    return {
        "path": str(folder.path),
        "layout": folder.layout.name,
        "images": len(folder.images),
        "formats": folder.formats,
    }


def extractor_record(extractor: FeatureExtractor, dimension: int | None) -> dict[str, object]:
    """One of the networks; ``dimension`` is the length of its vectors, None where only its layers were asked."""
    return {
        "sha256": extractor.sha256,
        "dimension": dimension,
        "resize": extractor.resize,
        "input_range": extractor.input_range,
    }


def swd_record() -> dict[str, object]:
    """The settings of the sliced Wasserstein distance."""
    return {
        "patch": PATCH,
        "patches_per_image": PATCHES,
        "projections": PROJECTIONS,
        "most_images": MOST_DESCRIBED,
        "normalized_by": "mean and standard deviation of each channel of the real images",
        "scale": SCALE,
    }


def package_versions() -> dict[str, str | None]:
    """Of what the numbers depend on; None where a package is not installed, such as a bare checkout of ours."""
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
