"""Every method that fits, in minutes, on one pair of datasets."""
