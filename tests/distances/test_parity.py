"""FID and KID from images on, with the network's own weights, against torch-fidelity's calculation of the same."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from refine.data.images import to_float
from refine.distances.evaluate import evaluate
from refine.metrics.features import named_extractor
from refine.metrics.frechet import FeatureMoments, frechet_of_moments
from refine.metrics.kernel import kernel
from tests.conftest import SHARED, needs_shared

WEIGHTS = SHARED / "data" / "inception" / "weights-inception-2015-12-05-partial768.pth"
DIMENSIONS = (64, 192, 768)
COUNT, BATCH = 6, 3  # batches alike on both sides: their size moves features by about a thousandth


def pictures(seed: int, contrast: float) -> Tensor:
    """``(COUNT, 3, 60, 40)`` uint8, smooth and a little noisy."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(COUNT, 3, 6, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (60, 40), mode="bicubic") * contrast
    noisy = smooth + 0.05 * torch.rand(COUNT, 3, 60, 40, generator=generator)
    return (noisy * 255).clamp(0, 255).byte()


@pytest.fixture(scope="module")
def theirs() -> list[dict[int, Tensor]]:
    """Features of two sets of pictures by torch-fidelity, by their dimension."""
    network = FeatureExtractorInceptionV3("inception-v3-compat", [str(d) for d in DIMENSIONS], str(WEIGHTS))
    found = []
    for images in (pictures(0, 0.7), pictures(1, 1.0)):
        with torch.no_grad():
            layers = zip(*(network(batch) for batch in torch.split(images, BATCH)), strict=True)
        found.append({d: torch.cat(rows).double() for d, rows in zip(DIMENSIONS, layers, strict=True)})
    return found


@needs_shared
@pytest.mark.parametrize(
    "dimension", [pytest.param(64, marks=pytest.mark.slow), pytest.param(192, marks=pytest.mark.slow), 768]
)
def test_fid_and_kid_of_images_equal_torch_fidelity(dimension: int, theirs: list[dict[int, Tensor]]) -> None:
    extractor = named_extractor(f"inception-{dimension}", WEIGHTS)
    features, moments = [], []
    for images in (pictures(0, 0.7), pictures(1, 1.0)):
        features.append(torch.cat([extractor(to_float(batch)) for batch in torch.split(images, BATCH)]))
        moments.append(FeatureMoments(dimension))
        moments[-1].update(features[-1])
    statistics = [fid_features_to_statistics(each[dimension]) for each in theirs]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    kid = kid_features_to_metric(
        *(each[dimension] for each in theirs), kid_subsets=1, kid_subset_size=COUNT, verbose=False
    )["kernel_inception_distance_mean"]
    assert frechet_of_moments(*moments) == pytest.approx(fid, rel=1e-4)
    assert kernel(*features) == pytest.approx(kid, rel=1e-4)


@needs_shared
@pytest.mark.slow
def test_fid_and_kid_of_folders_are_those_of_the_files_images_resized_once(tmp_path: Path) -> None:
    folders = {"synthetic": pictures(0, 0.7), "refined": pictures(2, 0.8), "real": pictures(1, 1.0)}
    network = FeatureExtractorInceptionV3("inception-v3-compat", ["64"], str(WEIGHTS))
    theirs: dict[str, list[Tensor]] = {name: [] for name in folders}
    for name, images in folders.items():
        (tmp_path / name).mkdir()
        for number, picture in enumerate(images):
            native = picture[:, : 60 - 7 * (number % 3)]  # three heights; --size is none of the synthetic ones'
            Image.fromarray(native.permute(1, 2, 0).numpy()).save(tmp_path / name / f"{number}.png")
            with torch.no_grad():
                theirs[name].append(network(native[None])[0])
    sides = [tmp_path / name for name in folders]
    found = evaluate(
        *sides,
        metrics=["fid", "kid"],
        extractors=[named_extractor("inception-64", WEIGHTS)],
        size=(32, 32),
        batch_size=1,
    )["rows"]
    features = {name: torch.cat(rows).double() for name, rows in theirs.items()}
    for name in ("synthetic", "refined"):
        statistics = [fid_features_to_statistics(features[side]) for side in (name, "real")]
        fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
        assert found[name]["fid[inception-64]"]["value"] == pytest.approx(fid, rel=1e-4)
        kid = kernel(features[name], features["real"])
        assert found[name]["kid[inception-64]"]["value"] == pytest.approx(kid, rel=1e-4)
