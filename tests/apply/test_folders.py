import errno
import os
from pathlib import Path

import pytest

from refine.apply.folders import disk_errors
from refine.errors import DiskFull, InputError


def message(error: OSError) -> str:
    with pytest.raises(InputError) as refused, disk_errors(Path("out")):
        raise error
    return str(refused.value)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.EROFS, errno.ENAMETOOLONG, errno.EACCES])
def test_whatever_the_disk_says_is_told_with_the_file(code: int) -> None:
    assert message(OSError(code, os.strerror(code), "out/a.png")) == (
        f"out: cannot be written ({os.strerror(code)}: out/a.png)"
    )


def test_the_file_that_is_told_is_one_that_the_user_knows() -> None:
    assert "Is a directory: out/x/a)" in message(
        OSError(errno.EISDIR, "Is a directory", "out/x/.refine-tmp-1-2", None, "out/x/a")
    )
    assert message(OSError(errno.EIO, "Bad", "out/x/.refine-tmp-1-2")).endswith("(Bad: out/x)")
    assert message(OSError(errno.EIO, "Bad")).endswith("(Bad)")


def test_a_full_disk_and_what_is_not_from_the_system_stay_what_they_are() -> None:
    with pytest.raises(DiskFull), disk_errors(Path("out")):
        raise OSError(errno.ENOSPC, "full")
    with pytest.raises(OSError, match="no number"), disk_errors(Path("out")):
        raise OSError("no number")
