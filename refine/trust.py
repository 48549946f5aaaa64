"""Modules of the user's own whose code may run: those that ``--trust`` names, and no other.

They hold for the whole process, so that no function has to hand them on to whatever opens a dataset. A file can name a
class, and never trust its module.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from refine.errors import InputError
from refine.files import cut

_trusted: set[str] = set()


def trust_modules(modules: Iterable[str]) -> None:
    """Trust these modules, and those inside them, until the block of `trusting` around ends."""
    _trusted.update(modules)


@contextmanager
def trusting(modules: Iterable[str] = ()) -> Iterator[None]:
    """Trust these modules for the time of the block."""
    before = set(_trusted)
    trust_modules(modules)
    try:
        yield
    finally:
        _trusted.clear()
        _trusted.update(before)


def import_trusted(class_path: object, where: object, trust: Sequence[str] = ()) -> Any:
    """Return what ``package.module.Class`` names, imported only if it lies in ``refine`` or a trusted module.

    Args:
        class_path: As a file has it.
        where: The file, for errors.
        trust: Modules that are trusted besides.

    Raises:
        InputError: If it lies elsewhere, or there is nothing of this name. In the first case none of its code has run.
    """
    named = cut(repr(class_path))
    module, _, name = str(class_path).rpartition(".")
    if not any(module == root or module.startswith(f"{root}.") for root in ("refine", *_trusted, *trust)):
        raise InputError(
            f"{where}: names {named}, which is not part of refine; nothing was run. "
            f"If you trust that module, add --trust {cut(module or str(class_path))}"
        )
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:  # ValueError: a name that no file can have
        about = f"{cut(str(error))}; PYTHONPATH names the folder that a module lies in"
        raise InputError(f"{where}: names {named}, which does not exist here ({about})") from error
