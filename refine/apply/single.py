"""One image instead of a dataset."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from refine.apply.summary import ApplySummary
from refine.errors import InputError
from refine.files import read_image_file


def refine_file(source: Path, output: Path, refine_folder: Callable[[Path, Path], ApplySummary]) -> None:
    """Refine one image file into another one of the same format, with its metadata.

    Args:
        source: The image.
        output: A new file with the same suffix.
        refine_folder: Refines a folder into another one.

    Raises:
        InputError: If the source cannot be refined, or the output is there already or has another
            suffix.
    """
    if output.suffix.lower() != source.suffix.lower():
        raise InputError(f"{output}: expected a file name that ends in {source.suffix}, as that of the image does")
    if output.exists():
        raise InputError(f"{output}: is there already; name another output")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder")
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".refine-") as scratch:
        before, after = Path(scratch) / "in", Path(scratch) / "out"
        before.mkdir()
        (before / source.name).write_bytes(read_image_file(source))
        try:
            summary = refine_folder(before, after)
        except InputError as error:
            reason = str(error).rpartition(f"{source.name}: ")[2] if str(before) in str(error) else None
            raise error if reason is None else InputError(f"{source}: {reason}") from error
        if summary.failures:
            raise InputError(f"{source}: {summary.failures[0].get('reason', 'cannot be refined')}")
        (after / source.name).replace(output)
