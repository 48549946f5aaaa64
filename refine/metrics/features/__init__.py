"""Networks that turn images into the vectors that distances compare."""

from refine.metrics.features.efficientnet import EfficientNetFeatures
from refine.metrics.features.extractor import (
    RESIZES,
    FeatureExtractor,
    LayeredExtractor,
    Resize,
    ResizingExtractor,
    layers_of,
    resizes,
)
from refine.metrics.features.published import NETWORKS, InceptionFeatures, VGG16Features, metric_name, named_extractor
from refine.metrics.features.transformers import TransformerFeatures
from refine.metrics.features.user import SupportsFeatures, TaskFeatures, UserFeatures, is_class_path, user_features

__all__ = [
    "NETWORKS",
    "RESIZES",
    "EfficientNetFeatures",
    "FeatureExtractor",
    "InceptionFeatures",
    "LayeredExtractor",
    "Resize",
    "ResizingExtractor",
    "SupportsFeatures",
    "TaskFeatures",
    "TransformerFeatures",
    "UserFeatures",
    "VGG16Features",
    "is_class_path",
    "layers_of",
    "metric_name",
    "named_extractor",
    "resizes",
    "user_features",
]
