"""Measures on tensors: distances between sets of images, with and without a network, and how well labels are found."""

from refine.metrics.detection import average_precision, box_scores, match_boxes
from refine.metrics.features import FeatureExtractor, InceptionFeatures, TaskFeatures, metric_name, named_extractor
from refine.metrics.frechet import FeatureMoments, frechet
from refine.metrics.kernel import kernel
from refine.metrics.manifold import density_coverage, precision_recall
from refine.metrics.segmentation import confusion_matrix, iou, mean_iou
from refine.metrics.sliced_wasserstein import SlicedWasserstein, sliced_wasserstein, validation_distance

__all__ = [
    "FeatureExtractor",
    "FeatureMoments",
    "InceptionFeatures",
    "SlicedWasserstein",
    "TaskFeatures",
    "average_precision",
    "box_scores",
    "confusion_matrix",
    "density_coverage",
    "frechet",
    "iou",
    "kernel",
    "match_boxes",
    "mean_iou",
    "metric_name",
    "named_extractor",
    "precision_recall",
    "sliced_wasserstein",
    "validation_distance",
]
