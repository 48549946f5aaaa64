"""How datasets lie on disk: one format a file."""

from refine.data.layouts.base import LabelSpace, Layout
from refine.data.layouts.class_folders import ClassFolders
from refine.data.layouts.image_folder import ImageFolder
from refine.data.layouts.mask_folders import MaskFolders
from refine.data.layouts.table import Table

__all__ = ["ClassFolders", "ImageFolder", "LabelSpace", "Layout", "MaskFolders", "Table"]
