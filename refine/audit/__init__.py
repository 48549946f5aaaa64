"""Are the labels still right? What was done to them, file by file."""

from refine.audit.label_files import label_files_identical

__all__ = ["label_files_identical"]
