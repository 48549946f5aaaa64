"""Training algorithms, one LightningModule each."""

from refine.methods.checkpoint import load_method, load_translator
from refine.methods.color_transfer import ColorTransfer
from refine.methods.cut import CUT
from refine.methods.cycada import CyCADA
from refine.methods.cyclegan import CycleGAN
from refine.methods.feature_adaptation import FeatureAdaptation
from refine.methods.fourier import FDA
from refine.methods.histogram_matching import HistogramMatching
from refine.methods.imported import ImportedGenerator
from refine.methods.self_training import SelfTraining
from refine.methods.simgan import SimGAN
from refine.methods.task import Task
from refine.methods.translator import Translator

__all__ = [
    "CUT",
    "FDA",
    "ColorTransfer",
    "CyCADA",
    "CycleGAN",
    "FeatureAdaptation",
    "HistogramMatching",
    "ImportedGenerator",
    "SelfTraining",
    "SimGAN",
    "Task",
    "Translator",
    "load_method",
    "load_translator",
]
