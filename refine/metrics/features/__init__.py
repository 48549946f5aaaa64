"""Networks that turn images into the vectors that distances compare."""

from refine.metrics.features.extractor import FeatureExtractor, Resize, layers_of, resizes
from refine.metrics.features.published import NETWORKS, metric_name, named_extractor
from refine.metrics.features.user import TaskFeatures, is_class_path, user_features

__all__ = [
    "NETWORKS",
    "FeatureExtractor",
    "Resize",
    "TaskFeatures",
    "is_class_path",
    "layers_of",
    "metric_name",
    "named_extractor",
    "resizes",
    "user_features",
]
