"""Distances between folders of images, and how many labels judges no longer find."""
