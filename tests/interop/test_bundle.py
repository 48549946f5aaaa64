from pathlib import Path

import pytest

from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_translator
from tests.methods.test_simgan import small


def test_a_bundle_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("refine.interop.bundle.yaml.safe_dump", full_disk)
        with pytest.raises(OSError, match="No space"):
            write_bundle(small(), tmp_path / "new" / "bundle")
    assert list((tmp_path / "new").iterdir()) == []
    write_bundle(small(), tmp_path / "new" / "bundle")
    assert load_translator(tmp_path / "new" / "bundle").channels == 1


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(InputError, match="exists already"):
        write_bundle(small(), tmp_path / "bundle")
