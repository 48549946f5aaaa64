"""How pages, pictures and plots come to disk."""

from pathlib import Path

from refine.apply.files import write_temporary
from refine.errors import InputError


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file in one step, making its folder; a reader finds the old one or the new one.

    Raises:
        InputError: If the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = write_temporary(path, data)
        try:
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output") from error
    return path
