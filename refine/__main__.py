"""`python -m refine`."""

from refine.interrupts import listen

if __name__ == "__main__":
    listen(begun=False)  # before anything that takes long to import

    from refine.cli import entry

    entry()
