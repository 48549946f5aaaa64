from pathlib import Path

from refine.data.layouts import ImageFolder
from tests.conftest import WriteImages


def test_every_image_below_is_a_record_without_a_label(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ImageFolder(write_images(tmp_path, count=2))
    assert [record.key for record in layout.records()] == ["a/a-000.png", "a/a-001.png", "b/b-000.png", "b/b-001.png"]
    assert layout.label_space.kind == "none"
    assert layout.label(layout.records()[0]).numel() == 0
