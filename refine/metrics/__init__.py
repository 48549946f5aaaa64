"""Measures on tensors: distances between sets of images, with and without a network, and how well labels are found."""
