"""Pascal VOC as its archives unpack to the folder of a year."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.layouts.examples.coco import SIZE, put_image

_HEAD = """<annotation>
	<folder>VOC2012</folder>
	<filename>{name}.jpg</filename>
	<source><database>The VOC2008 Database</database><image>flickr</image></source>
	<size>
		<width>32</width>
		<height>24</height>
		<depth>3</depth>
	</size>
	<segmented>{segmented}</segmented>
"""
PERSON = """	<object>
		<name>person</name>
		<pose>Unspecified</pose>
		<truncated>1</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmax>12</xmax>
			<xmin>5</xmin>
			<ymax>24</ymax>
			<ymin>1</ymin>
		</bndbox>
		<part>
			<name>head</name>
			<bndbox><xmin>6</xmin><ymin>2</ymin><xmax>9</xmax><ymax>6</ymax></bndbox>
		</part>
	</object>
"""
TRAIN = """	<object>
		<name>train</name>
		<bndbox><xmin>15.5</xmin><ymin>10</ymin><xmax>32</xmax><ymax>20</ymax></bndbox>
		<difficult>1</difficult>
	</object>
"""


def voc_palette() -> list[int]:
    """The colors of the development kit's ``VOClabelcolormap``, as they are published for the first ids."""
    colors = np.zeros((256, 3), dtype=np.uint8)
    published = {1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 19: (128, 192, 0), 255: (224, 224, 192)}
    for number, color in published.items():
        colors[number] = color
    return [int(level) for level in colors.flatten()]


def put_mask(path: Path, person: int, train: int) -> None:
    """Both objects with these numbers, a border around the second, the rest 0."""
    pixels = np.zeros(SIZE, dtype=np.uint8)
    pixels[0:24, 4:12] = person
    pixels[9:20, 14:32] = 255
    pixels[10:19, 16:31] = train
    image = Image.fromarray(pixels, "P")
    image.putpalette(voc_palette())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_voc(root: Path) -> Path:
    """Three images with boxes, one of them with masks; sets of images, and of classes in images."""
    names = {"2007_000027": TRAIN, "2008_000008": PERSON + TRAIN, "2008_000015": ""}
    for seed, (name, things) in enumerate(names.items()):
        put_image(root / "JPEGImages" / f"{name}.jpg", seed)
        put_xml(root / "Annotations" / f"{name}.xml", name, things, int("person" in things))
    put_mask(root / "SegmentationClass/2008_000008.png", person=15, train=19)
    put_mask(root / "SegmentationObject/2008_000008.png", person=1, train=2)
    sets = {
        "Main/train": "2007_000027\n2008_000008\n",
        "Main/val": "2008_000015\n",
        "Segmentation/train": "2008_000008\n",
        "Segmentation/val": "",
    }
    for name, text in sets.items():
        (root / f"ImageSets/{name}.txt").parent.mkdir(parents=True, exist_ok=True)
        (root / f"ImageSets/{name}.txt").write_text(text)
    return root


def put_xml(path: Path, name: str, things: str, segmented: int = 0) -> None:
    """The XML file of an image that is called so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEAD.format(name=name, segmented=segmented) + things + "</annotation>\n")


def write_voc_beside(root: Path, folders: tuple[str, ...] = ("train", "valid", "test")) -> Path:
    """An image with its XML file beside it in each folder, as Roboflow exports it; a class of the user's own."""
    for seed, folder in enumerate(folders):
        name = f"frame-{seed}_jpg.rf.0a1b{seed}"
        put_image(root / folder / f"{name}.jpg", seed)
        put_xml(root / folder / f"{name}.xml", name, TRAIN.replace("train", "tram") + (PERSON if seed == 0 else ""))
    (root / "README.roboflow.txt").write_text("Exported in the Pascal VOC format\n")
    return root
