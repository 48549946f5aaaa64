"""Training algorithms, one LightningModule each."""

from refine.methods.checkpoint import load_method, load_translator
from refine.methods.color_transfer import ColorTransfer
from refine.methods.cyclegan import CycleGAN
from refine.methods.simgan import SimGAN
from refine.methods.task import Task
from refine.methods.translator import Translator

__all__ = ["ColorTransfer", "CycleGAN", "SimGAN", "Task", "Translator", "load_method", "load_translator"]
