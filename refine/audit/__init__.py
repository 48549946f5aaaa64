"""Are the labels still right? What was done to them, file by file."""

from refine.audit.label_files import label_files_identical
from refine.audit.parsed_labels import LabelCheck, parsed_labels_equal

__all__ = ["LabelCheck", "label_files_identical", "parsed_labels_equal"]
