from pathlib import Path

import pytest

from refine.errors import InputError
from tests.apply.trees import dataset, run, tree


def test_nothing_is_written_through_a_linked_folder_of_the_output(tmp_path: Path) -> None:
    source, output, elsewhere = dataset(tmp_path / "in"), tmp_path / "out", tmp_path / "elsewhere"
    run(source, output)
    (output / "part1").rename(elsewhere)
    (output / "part1").symlink_to(elsewhere)
    (output / "empty").rmdir()
    (elsewhere / "image_001.png").write_bytes(b"mine")
    before = tree(elsewhere)
    with pytest.raises(InputError, match="part1: is a link; the output must hold its own folders"):
        run(source, output)
    assert tree(elsewhere) == before
    assert not (output / "empty").exists()


def test_a_link_of_the_dataset_that_became_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    (source / "all").symlink_to("part0")
    run(source, output)
    (source / "all").unlink()
    (source / "all").mkdir()
    run(source, output)
    assert (output / "all").is_dir()
    assert not (output / "all").is_symlink()
