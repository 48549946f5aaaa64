"""Networks that turn images into the vectors that distances compare."""

from refine.metrics.features.extractor import FeatureExtractor, LayeredExtractor, ResizingExtractor, layers_of, resizes
from refine.metrics.features.inception import (
    INCEPTION_DIMENSIONS,
    STANDARD_SHA256,
    WEIGHTS_NAME,
    InceptionFeatures,
)
from refine.metrics.features.named import NETWORKS, named_extractor
from refine.metrics.features.resizing import RESIZES, Resize
from refine.metrics.features.task import SupportsFeatures, TaskFeatures
from refine.metrics.features.transformers import TransformerFeatures
from refine.metrics.features.user import UserFeatures, is_class_path, user_features
from refine.metrics.features.vgg16 import VGG16Features

__all__ = [
    "INCEPTION_DIMENSIONS",
    "NETWORKS",
    "RESIZES",
    "STANDARD_SHA256",
    "WEIGHTS_NAME",
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
    "named_extractor",
    "resizes",
    "user_features",
]
