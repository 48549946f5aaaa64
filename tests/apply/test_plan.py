"""Which files are refined, carried, linked or listed, and which containers are among them."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from refine.apply.plan import Link, container_of, containers_of, make_plan, select, walk
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from tests.apply.trees import noise, save


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "in", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "a" / "file").write_text("x")
    (root / "folder").symlink_to("a")
    (root / "up").symlink_to(".")
    (root / "out").symlink_to(outside)
    (root / "circle").symlink_to("circle")
    (root / "nothing").symlink_to("not there")
    (root / "chain").symlink_to(root / "first")
    (root / "first").symlink_to(f"../{root.name}/a/file")
    tree = walk(root)
    assert tree.files == ["a/file"]
    assert tree.folders == ["a"]
    assert tree.links == [
        Link("chain", "a/file", "a/file"),
        Link("first", "a/file", "a/file"),
        Link("folder", "a", "a"),
        Link("up", ".", "."),
    ]
    assert {entry["key"] for entry in tree.failures} == {"out", "circle", "nothing"}


def test_what_is_no_file_is_listed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [entry["key"] for entry in walk(tmp_path).failures] == ["pipe"]


def test_only_images_are_selected_whatever_the_glob(tmp_path: Path) -> None:
    selected = select(tmp_path, "**", "auto").selected
    assert selected("a/b.png")
    assert not selected("a/b.json")
    assert not selected("a/.b.png")
    assert select(tmp_path, "a?b*.png", "auto").selected("a b\n.png")


@pytest.mark.parametrize(
    ("images", "layout", "message"),
    [
        *((glob, "auto", "relative") for glob in ("/rgb/*.png", "../*.png", "")),
        ("*.png", "images", "one of them"),
        (None, "unheard-of", "class-folders"),
    ],
)
def test_what_names_no_images_is_refused(tmp_path: Path, images: str | None, layout: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        select(tmp_path, images, layout)


def test_masks_are_no_images_and_their_classes_need_no_names(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / folder / "a.png")
    selected = select(tmp_path, None, "mask-folders").selected
    assert selected("images/a.png")
    assert not selected("masks/a.png")


def test_a_file_that_any_fitting_layout_calls_a_label_is_not_selected(tmp_path: Path) -> None:
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / folder).mkdir()
        Image.new(mode, (24, 24)).save(tmp_path / folder / "a.png")
    pictures = [
        {"id": number, "file_name": f"{folder}/a.png", "width": 24, "height": 24}
        for number, folder in enumerate(("images", "masks"))
    ]
    (tmp_path / "labels.json").write_text(
        json.dumps({"images": pictures, "annotations": [], "categories": [{"id": 1, "name": "car"}]})
    )
    assert {record.key for record in open_layout("coco", tmp_path).records()} == {"images/a.png", "masks/a.png"}
    found = select(tmp_path, None, "auto")
    assert found.layout == "coco"
    assert found.selected("images/a.png")
    assert not found.selected("masks/a.png")


def test_every_file_stands_in_exactly_one_list(tmp_path: Path) -> None:
    save(tmp_path / "a" / "x.png", noise(8, 8))
    save(tmp_path / "a" / "gray.png", noise(8, 8, 1))
    (tmp_path / "a" / "broken.png").write_bytes(b"")
    (tmp_path / "a" / "x.json").write_text("{}")
    (tmp_path / "a" / ".hidden.png").write_text("carried")
    (tmp_path / "a" / "inside.png").symlink_to("x.png")
    (tmp_path / "a" / "outside.png").symlink_to("/etc/passwd")
    (tmp_path / "refine-manifest.jsonl").write_text("of another run")
    (tmp_path / "a" / ".refine-tmp-1").write_text("of another run")
    plan = make_plan(tmp_path, select(tmp_path, None, "auto"), 3, 2)
    assert [image.key for image in plan.images] == ["a/gray.png", "a/x.png"]
    assert plan.carried == ["a/.hidden.png", "a/x.json"]
    assert [link.key for link in plan.links] == ["a/inside.png"]
    assert {entry["key"]: entry["reason"] for entry in plan.failures} == {
        "a/broken.png": "empty file",
        "a/outside.png": "a link that leads out of the dataset; it was not followed",
    }
    assert plan.folders == ["a"]


def test_a_selected_link_must_lead_to_a_refined_image(tmp_path: Path) -> None:
    save(tmp_path / "a" / "x.png", noise(8, 8))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.png").symlink_to("../a/x.png")
    plan = make_plan(tmp_path, select(tmp_path, "b/*.png", "auto"), 3, 1)
    assert [entry["key"] for entry in plan.failures] == ["b/x.png"]


def test_records_that_are_files_are_not_containers(tmp_path: Path) -> None:
    assert containers_of(tmp_path, [Record("a.png", tmp_path / "a.png")]) == {}
    assert containers_of(tmp_path, [Record("b.tar/0.png", tmp_path / "b.tar", (), "0.png")]) == {"b.tar": {"0.png"}}
    with pytest.raises(InputError, match=r"a\.mat: holds images.*save its images"):
        containers_of(tmp_path, [Record("a.mat/left/0", tmp_path / "a.mat", (), "left/0")])
    assert container_of("x/a.tar/deep/0.png", {"x/a.tar"}) == "x/a.tar"
    assert container_of("x/a.tar", {"x/a.tar"}) is None
