"""One audit that many tests look at: its judges take seconds to train."""

import shutil
from pathlib import Path

import pytest

from tests.audit.shapes import Finished, audited


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """For tests that only read."""
    return audited(tmp_path_factory.mktemp("shapes"))


@pytest.fixture
def own(finished: Finished, tmp_path: Path) -> Finished:
    """The same with an output of the test's own."""
    shutil.copytree(finished.output, tmp_path / "audit")
    return finished._replace(output=tmp_path / "audit")
