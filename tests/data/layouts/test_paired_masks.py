from pathlib import Path

import pytest
from PIL import Image
from torchvision.tv_tensors import Mask

from refine.data.layouts.paired_masks import IMAGE, Grouped, PairedMasks
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from tests.data.layouts.edits import there

ROOT = Path("data")


class Paired(PairedMasks):
    """Files that are told to it."""

    name = "paired"
    mask_roles = ("ids", "color")

    def __init__(self, *files: Grouped, root: Path = ROOT) -> None:
        self.root = root
        self._pair(files, lambda group: f"{group}_ids.png")

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        return None

    def _mask(self, path: Path, record: Record) -> Mask:
        return Mask([[len(path.name)]])

    def _instances(self, path: Path) -> Mask:
        return Mask([[7]])


def test_the_parsed_label_comes_first_and_the_others_follow_by_role() -> None:
    layout = Paired(("a", "depth", "a_d"), ("a", "color", "a_c"), ("a", IMAGE, "a"), ("a", "ids", "a_i"))
    (record,) = layout.records()
    assert layout.faults == []
    assert record.label_files == (ROOT / "a_i", ROOT / "a_c", ROOT / "a_d")
    assert layout.mask_role(record) == "ids"
    assert layout.file(record, "depth") == ROOT / "a_d"
    assert layout.file(record, "flow") is None


def test_the_next_best_mask_stands_in() -> None:
    layout = Paired(("a", IMAGE, "a"), ("a", "color", "a_c"))
    (record,) = layout.records()
    assert layout.faults == []
    assert (layout.mask_role(record), record.label_files) == ("color", (ROOT / "a_c",))


def test_a_second_mask_is_a_fault_but_still_a_label() -> None:
    layout = Paired(("a", IMAGE, "a"), ("a", "ids", "1"), ("a", "ids", "2"))
    assert layout.faults == [f"{ROOT / '2'}: a second mask beside {ROOT / '1'}; keep one of them"]
    assert layout.records()[0].label_files == (ROOT / "1", ROOT / "2")


def test_a_second_image_has_no_mask_of_its_own() -> None:
    layout = Paired(("a", IMAGE, "a.jpg"), ("a", IMAGE, "a.png"), ("a", "ids", "1"))
    first, second = layout.records()
    assert layout.faults == [f"{ROOT / 'a.png'}: shares its mask {ROOT / '1'} with a.jpg; rename one of the images"]
    assert second.label_files == ()
    assert (layout.mask_role(first), layout.mask_role(second)) == ("ids", None)


def test_what_lacks_a_partner_is_named_and_images_stay() -> None:
    layout = Paired(("b", IMAGE, "b"), ("a", "ids", "a_i"), ("b", "depth", "b_d"))
    (record,) = layout.records()
    assert (record.key, record.image, record.label_files) == ("b", ROOT / "b", (ROOT / "b_d",))
    assert layout.faults == [
        f"{ROOT / 'a_i'}: a label without an image; add its image, or remove it",
        f"{ROOT / 'b'}: an image without a mask; add b_ids.png",
    ]
    assert layout.mask_role(record) is None


def test_what_a_frame_has_is_decoded_once_it_has_the_images_size(tmp_path: Path) -> None:
    for name in ("a", "a_ids", "a_things"):
        Image.new("L", (1, 1)).save(tmp_path / f"{name}.png")
    files = ("a", IMAGE, "a.png"), ("a", "ids", "a_ids.png"), ("a", "instances", "a_things.png")
    layout = Paired(*files, root=tmp_path)
    found = layout.annotation(layout.records()[0])
    assert (there(found.mask).tolist(), there(found.instances).tolist(), found.depth) == ([[9]], [[7]], None)
    for name in ("a_things", "a_ids"):
        Image.new("L", (2, 1)).save(tmp_path / f"{name}.png")
        with pytest.raises(InputError, match=rf"{name}\.png: 1x2 \(height x width\), but .*a\.png is 1x1"):
            layout.annotation(layout.records()[0])
