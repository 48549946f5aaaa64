"""`python -m refine`."""

from refine.cli import entry

if __name__ == "__main__":
    entry()
