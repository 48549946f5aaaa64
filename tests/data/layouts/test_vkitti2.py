from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.layouts import Carla, VirtualKitti2
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, cropped, gone, painted, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.scenes import CAR, HEIGHT, SKY, WIDTH, save, street
from tests.data.layouts.examples.vkitti2 import NAMES, TRACK, write_vkitti2

FRAMES = "Scene01/clone/frames"
CLASSES, DEPTH = f"{FRAMES}/classSegmentation", f"{FRAMES}/depth"


class TestContract(LayoutContract):
    layout, write = VirtualKitti2, staticmethod(write_vkitti2)
    keys = tuple(
        f"{FRAMES}/rgb/{name}.jpg" for name in ("Camera_0/rgb_00000", "Camera_0/rgb_00001", "Camera_1/rgb_00000")
    )
    faults = (
        (
            removed(f"{CLASSES}/Camera_1/classgt_00000.png"),
            rf"/{FRAMES}/rgb/Camera_1/rgb_00000\.jpg: an image without a mask; add ",
        ),
    )
    errors = (
        (cropped(f"{CLASSES}/Camera_0/classgt_00000.png", 23, 32), r"Camera_0/classgt_00000\.png: 23x32 .* is 24x32"),
        (cropped(f"{DEPTH}/Camera_0/depth_00000.png", 23, 32), r"Camera_0/depth_00000\.png: 23x32 .* is 24x32"),
        (painted(f"{DEPTH}/Camera_0/depth_00000.png", 9, "L"), r"depth_00000\.png: mode L is not of 16 bits"),
        (
            painted(f"{CLASSES}/Camera_0/classgt_00001.png", (1, 2, 3)),
            r"classgt_00001\.png: color \(1, 2, 3\) in 768 pixels is none of vkitti2",
        ),
    )
    refused = ((gone(f"{FRAMES}/rgb"), r"expected frames/rgb/Camera_0/rgb_00000\.jpg"),)


def test_a_frame_has_classes_instances_and_depth(tmp_path: Path) -> None:
    layout = VirtualKitti2(write_vkitti2(tmp_path))
    record = layout.records()[0]
    names = [str(path.relative_to(tmp_path / FRAMES)) for path in record.label_files]
    assert names == [
        "classSegmentation/Camera_0/classgt_00000.png",
        "depth/Camera_0/depth_00000.png",
        "instanceSegmentation/Camera_0/instancegt_00000.png",
    ]
    found = layout.annotation(record)
    classes = layout.label_space.names
    assert len(classes) == 14
    wanted = np.array([255 if name == "Undefined" else classes.index(name) for name in NAMES])[street()]
    assert found.mask is not None
    assert found.mask.tolist() == wanted.tolist()
    assert there(found.instances).tolist() == np.where(street() == CAR, TRACK + 1, 0).tolist()
    assert found.depth is not None
    sky = torch.from_numpy(street() == SKY)
    assert found.depth[sky].isinf().all()
    assert found.depth[~sky].unique().tolist() == [12.5]


def test_no_other_simulator_claims_it_and_pictures_alone_are_not_it(tmp_path: Path) -> None:
    write_vkitti2(tmp_path)
    assert Carla.recognize(Listing(tmp_path)) is None
    assert VirtualKitti2.recognize(Listing(tmp_path / FRAMES / "rgb")) is None


def test_archives_unpacked_apart_belong_together(tmp_path: Path) -> None:
    whole = write_vkitti2(tmp_path / "whole")
    parts = {"rgb": "rgb", "classSegmentation": "classSegmentation", "depth": "depth"}
    for folder, archive in parts.items():
        place = tmp_path / f"apart/vkitti_2.0.3_{archive}" / FRAMES
        place.mkdir(parents=True)
        (whole / FRAMES / folder).rename(place / folder)
    text = tmp_path / "apart/vkitti_2.0.3_textgt/Scene01/clone/colors.txt"
    text.parent.mkdir(parents=True)
    colors = (whole / "Scene01/clone/colors.txt").read_text()
    text.write_text(colors.replace("Sky 90 200 255", "Sky 90 200 254"))
    layout = VirtualKitti2(tmp_path / "apart")
    assert layout.faults == []
    assert [len(record.label_files) for record in layout.records()] == [2, 2, 2]
    assert choose_layout(tmp_path / "apart").layout is VirtualKitti2
    with pytest.raises(InputError, match=r"color \(90, 200, 255\)"):  # the text beside them has another sky
        layout.annotation(layout.records()[0])


def test_a_variations_own_colors_are_used(tmp_path: Path) -> None:
    write_vkitti2(tmp_path)
    text = tmp_path / "Scene01/clone/colors.txt"
    text.write_text(text.read_text().replace("Sky 90 200 255", "Sky 1 2 3"))
    path = tmp_path / FRAMES / "classSegmentation/Camera_0/classgt_00000.png"
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[street() == SKY] = (1, 2, 3)
    save(pixels, path)
    layout = VirtualKitti2(tmp_path)
    label = layout.label(layout.records()[0])
    assert layout.label_space.names[int(label[0, 0])] == "Sky"


def test_flow_is_carried_with_its_image(tmp_path: Path) -> None:
    write_vkitti2(tmp_path)
    flow = save(np.zeros((HEIGHT, WIDTH, 3), np.uint8), tmp_path / FRAMES / "forwardFlow/Camera_0/flow_00000.png")
    layout = VirtualKitti2(tmp_path)
    assert layout.records()[0].label_files[-2:] == (
        flow,
        tmp_path / FRAMES / "instanceSegmentation/Camera_0/instancegt_00000.png",
    )


def test_colors_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write_vkitti2(tmp_path)
    text = tmp_path / "Scene01/clone/colors.txt"
    text.write_text("Category r g b\nUnicorn 1 2 3\n")
    layout = VirtualKitti2(tmp_path)
    assert layout.faults == [
        f"{text}: line 'Unicorn 1 2 3' is no category of Virtual KITTI 2 with red, green and blue; restore the file"
    ]
    assert layout.annotation(layout.records()[0]).mask is not None


def test_a_label_without_its_image_is_named(tmp_path: Path) -> None:
    write_vkitti2(tmp_path)
    (tmp_path / FRAMES / "rgb/Camera_1/rgb_00000.jpg").unlink()
    assert len(VirtualKitti2(tmp_path).faults) == 3
