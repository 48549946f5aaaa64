"""How far one set of images is from another, with and without a network."""

from refine.metrics.angles import angular_error
from refine.metrics.distances import frechet, kernel, metric_name
from refine.metrics.evaluate import evaluate
from refine.metrics.features import FeatureExtractor, InceptionFeatures, TaskFeatures, named_extractor
from refine.metrics.result import Evaluation, Score
from refine.metrics.segmentation import confusion_matrix, iou, mean_iou
from refine.metrics.sliced_wasserstein import SlicedWasserstein, sliced_wasserstein, validation_distance
from refine.metrics.table import print_table

__all__ = [
    "Evaluation",
    "FeatureExtractor",
    "InceptionFeatures",
    "Score",
    "SlicedWasserstein",
    "TaskFeatures",
    "angular_error",
    "confusion_matrix",
    "evaluate",
    "frechet",
    "iou",
    "kernel",
    "mean_iou",
    "metric_name",
    "named_extractor",
    "print_table",
    "sliced_wasserstein",
    "validation_distance",
]
