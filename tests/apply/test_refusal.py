import shlex
from pathlib import Path

import pytest

from refine.apply.refusal import refuse_labels
from refine.apply.select import selection
from refine.errors import InputError
from tests.apply.trees import noise, run, save
from tests.data.label_trees import CASES, Case, glances, image, write_case


def advice(root: Path) -> str | None:
    """The glob that the refusal suggests, as a shell would pass it on."""
    with pytest.raises(InputError, match="looks like the label") as refused:
        refuse_labels(root, glances(root))
    _, suggested, rest = str(refused.value).partition("such as --images ")
    return shlex.split(rest.partition(": the rest")[0])[0] if suggested else None


@pytest.mark.parametrize("case", CASES)
def test_the_suggested_glob_takes_every_image_and_no_label(tmp_path: Path, case: Case) -> None:
    images, labels = write_case(tmp_path, case)
    selected = selection(tmp_path, advice(tmp_path), None).selected
    assert {key for key in images | labels if selected(key)} == images


def test_a_tree_without_labels_passes(tmp_path: Path) -> None:
    for index in range(3):
        image(tmp_path / "rgb" / f"{index}.png", "RGB", index)
    refuse_labels(tmp_path, glances(tmp_path))


def test_where_no_glob_leads_out_none_is_suggested(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        image(tmp_path / f"{name}.png", "RGB")
        image(tmp_path / f"{name}_mask.png", "L")
    assert advice(tmp_path) is None


def test_the_suggestion_spares_the_labels_of_other_folders(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "train" / "rgb" / f"{index}.png", "RGB", index)
        image(tmp_path / "train" / "rgb" / "masks" / f"{index}.png", "L", index)
        image(tmp_path / "depth" / f"{index}.png", "I;16", index)
    glob = advice(tmp_path)
    if glob is not None:
        selected = selection(tmp_path, glob, None).selected
        assert not any(map(selected, ["train/rgb/masks/0.png", "depth/0.png"]))


def test_the_refusal_names_a_picture_rather_than_another_label(tmp_path: Path) -> None:
    for folder, kind in (("rgb", "RGB"), ("depth", "I;16"), ("masks", "L")):
        for index in range(2):
            image(tmp_path / folder / f"{index}.png", kind, index)
    assert advice(tmp_path) == "rgb/**/*.png"


def test_a_run_is_refused_and_both_flags_lead_out(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for index in range(3):
        save(source / "rgb" / f"{index}.png", noise(8, 8, 3, index))
        save(source / "normals" / f"{index}.png", noise(8, 8, 1, index))
    with pytest.raises(InputError, match=r"normals/0.png looks like .* of rgb/0.png.*--images 'rgb/\*\*/\*.png'"):
        run(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run(source, tmp_path / "out", images="rgb/**/*.png").done == 3
    assert (tmp_path / "out" / "normals" / "0.png").read_bytes() == (source / "normals" / "0.png").read_bytes()
    assert run(source, tmp_path / "all", layout="images").done == 6


def test_masks_in_a_folder_of_their_name_need_no_flag(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for index in range(3):
        save(source / "rgb" / f"{index}.png", noise(8, 8, 3, index))
        save(source / "mask" / f"{index}.png", noise(8, 8, 1, index))
    done = run(source, tmp_path / "out")
    assert (done.done, done.carried) == (3, 3)
    assert "layout image-masks" in done.note
    assert (tmp_path / "out" / "mask" / "0.png").read_bytes() == (source / "mask" / "0.png").read_bytes()
