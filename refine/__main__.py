"""`python -m refine`."""

from refine.cli import entry

entry()
