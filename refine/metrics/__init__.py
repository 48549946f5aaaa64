"""How far one set of images is from another, with and without a network."""

from refine.metrics.angles import angular_error
from refine.metrics.detection import average_precision, box_scores, match_boxes
from refine.metrics.distances import metric_name
from refine.metrics.evaluate import evaluate
from refine.metrics.features import FeatureExtractor, InceptionFeatures, TaskFeatures, named_extractor
from refine.metrics.frechet import FeatureMoments, frechet
from refine.metrics.kernel import kernel
from refine.metrics.manifold import density_coverage, precision_recall
from refine.metrics.result import Evaluation, Score
from refine.metrics.segmentation import confusion_matrix, iou, mean_iou
from refine.metrics.sliced_wasserstein import SlicedWasserstein, sliced_wasserstein, validation_distance
from refine.metrics.table import print_table

__all__ = [
    "Evaluation",
    "FeatureExtractor",
    "FeatureMoments",
    "InceptionFeatures",
    "Score",
    "SlicedWasserstein",
    "TaskFeatures",
    "angular_error",
    "average_precision",
    "box_scores",
    "confusion_matrix",
    "density_coverage",
    "evaluate",
    "frechet",
    "iou",
    "kernel",
    "match_boxes",
    "mean_iou",
    "metric_name",
    "named_extractor",
    "precision_recall",
    "print_table",
    "sliced_wasserstein",
    "validation_distance",
]
