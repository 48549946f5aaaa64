"""Refining a dataset on disk, and holding the result against its manifest."""
