from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.data.images import to_float
from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.metrics.folder_skvd import AlignedRow, Segmenter, folder_skvd
from tests.metrics.scenes import Appearance, scenes, write_scenes


class BySky(Segmenter):
    """Blue is sky."""

    sha256 = "abc"

    def predict(self, images: Tensor) -> Tensor:
        return (images[:, 2] > images[:, 0]).long()


def rows(
    synthetic: Path, refined: Path, real: Path, segmenter: Segmenter | None = None, size: tuple[int, int] = (48, 48)
) -> dict[str, AlignedRow]:
    before, after, target = (open_layout("auto", folder) for folder in (synthetic, refined, real))
    return folder_skvd(before, after, target, [Appearance()], size=size, segmenter=segmenter)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Synthetic scenes with more sky and brighter than the real ones; refined they have the right light."""
    images, maps = scenes(40, 0.5, seed=1)
    return (
        write_scenes(tmp_path / "synthetic", *scenes(40, 0.5, seed=1, brightness=25)),
        write_scenes(tmp_path / "refined", images, maps),
        write_scenes(tmp_path / "real", *scenes(50, 0.3, seed=2)),
    )


def test_refined_images_of_the_right_light_are_as_near_as_real_ones_whatever_the_layout(
    folders: tuple[Path, Path, Path],
) -> None:
    found = rows(*folders)
    value = {name: row.distance.layers["appearance"] for name, row in found.items()}
    assert value["synthetic"] > 0.15
    assert abs(value["refined"]) < 0.1
    assert abs(value["real_floor"]) < 0.1
    assert {name: row.images for name, row in found.items()} == {
        "synthetic": (40, 50),
        "refined": (40, 50),
        "real_floor": (25, 25),
    }
    assert found["refined"].distance.patches == 320
    assert found["refined"].at_floor_n.patches == 200
    assert found["real_floor"].at_floor_n == found["real_floor"].distance
    assert found["synthetic"].at_floor_n.layers["appearance"] > 0.15
    assert abs(found["refined"].at_floor_n.layers["appearance"]) < 0.15
    assert found["refined"].distance.matched > 250


def test_refined_images_without_masks_take_those_of_the_synthetic_ones_with_their_keys(
    folders: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    synthetic, refined, real = folders
    bare = tmp_path / "bare"
    write_scenes(bare, scenes(40, 0.5, seed=1)[0], None)
    assert rows(synthetic, bare, real) == rows(synthetic, refined, real)
    (bare / "images" / "scene_000.png").rename(bare / "images" / "other.png")
    with pytest.raises(InputError, match=r"bare: has no masks, and images/other\.png is no image of .*synthetic"):
        rows(synthetic, bare, real)


def test_the_same_images_twice_have_one_distance(folders: tuple[Path, Path, Path]) -> None:
    found = rows(folders[0], folders[0], folders[2])
    assert found["synthetic"] == found["refined"]


def test_the_floors_halves_share_no_image(tmp_path: Path) -> None:
    images, maps = scenes(4, 0.3, seed=1)
    numbers = torch.arange(4, dtype=torch.uint8)[:, None, None].expand_as(maps)  # no two images have a class in common
    root = write_scenes(tmp_path / "apart", images, numbers, classes=("a", "b", "c", "d"))
    with pytest.raises(InputError, match="of 16 patches none"):
        rows(root, root, root)


def test_a_segmenter_stands_for_the_masks_of_all_sides(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    images, maps = scenes(50, 0.3, seed=2)
    bare = write_scenes(tmp_path / "bare", images, None)
    with pytest.raises(InputError, match=r"bare: layout .* has (no|class) labels.*leave skvd out, or give --segmenter"):
        rows(folders[0], folders[1], bare)
    assert float((BySky().predict(to_float(images)) == maps).float().mean()) > 0.95
    found = rows(folders[0], folders[1], bare, BySky())
    assert found["synthetic"].distance.layers["appearance"] > 0.15
    assert abs(found["refined"].distance.layers["appearance"]) < 0.1


def test_images_and_maps_of_another_size_are_brought_to_one(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    images, maps = (each.repeat_interleave(2, -1).repeat_interleave(2, -2) for each in scenes(50, 0.3, seed=2))
    large = write_scenes(tmp_path / "large", images, maps)
    found, expected = rows(folders[0], folders[1], large), rows(*folders)
    for name in expected:  # doubling and halving blurs a little
        assert found[name].distance[1:] == expected[name].distance[1:]
        assert found[name].distance.layers == pytest.approx(expected[name].distance.layers, abs=0.03)


def test_datasets_of_other_classes_are_one_clear_error(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    other = write_scenes(tmp_path / "other", *scenes(8, 0.3, seed=2), classes=("road", "sky"))
    with pytest.raises(InputError, match=r"synthetic: has the classes ground, sky, but .*other has road, sky; map"):
        rows(folders[0], folders[1], other)


def test_too_few_images_are_one_clear_error(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    few = write_scenes(tmp_path / "few", *scenes(3, 0.3, seed=2))
    with pytest.raises(InputError, match="few: found 3 images, skvd needs at least 4"):
        rows(folders[0], folders[1], few)


def test_a_class_dataset_has_no_maps(
    folders: tuple[Path, Path, Path], tmp_path: Path, write_images: Callable[..., Path]
) -> None:
    classes = write_images(tmp_path / "classes")
    with pytest.raises(InputError, match="has class labels, and skvd matches patches by the class of each pixel"):
        rows(classes, classes, folders[2])


def test_many_images_give_fewer_patches_each(folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.metrics.folder_skvd.MOST", 90)
    assert rows(*folders)["refined"].distance.patches == 2 * 40
    monkeypatch.setattr("refine.metrics.folder_skvd.MOST", 30)
    assert rows(*folders)["refined"].images == (30, 30)
    assert rows(*folders)["refined"].distance.patches == 30
