"""Are the labels still right? What was done to them, file by file."""

from refine.audit.label_check import LabelCheck, label_files_identical, parsed_labels_equal

__all__ = ["LabelCheck", "label_files_identical", "parsed_labels_equal"]
