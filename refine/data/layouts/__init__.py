"""How datasets lie on disk: one format a file. What a layout of the user's own needs is here as well."""

from refine.data.layouts.base import LabelSpace, Layout
from refine.data.layouts.blenderproc import BlenderProc
from refine.data.layouts.bop import Bop
from refine.data.layouts.camvid import CamVid
from refine.data.layouts.carla import Carla
from refine.data.layouts.cityscapes import Cityscapes
from refine.data.layouts.coco import Coco
from refine.data.layouts.folders import ClassFolders, ImageFolder, ImageList
from refine.data.layouts.gta5 import GTA5
from refine.data.layouts.image_masks import ImageMasks, MaskFolders
from refine.data.layouts.kitti import Kitti
from refine.data.layouts.mpii_gaze import MPIIGaze
from refine.data.layouts.solo import Solo
from refine.data.layouts.synthes_eyes import SynthesEyes
from refine.data.layouts.synthia import Synthia
from refine.data.layouts.table import ClassTable, Table
from refine.data.layouts.unity_eyes import UnityEyes
from refine.data.layouts.video import Video
from refine.data.layouts.vkitti2 import VirtualKitti2
from refine.data.layouts.voc import PascalVoc
from refine.data.layouts.webdataset import WebDataset
from refine.data.layouts.yolo import Yolo
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.labels import Annotation, Objects

__all__ = [
    "GTA5",
    "LAYOUTS",
    "Annotation",
    "BlenderProc",
    "Bop",
    "CamVid",
    "Carla",
    "Cityscapes",
    "ClassFolders",
    "ClassTable",
    "Coco",
    "ImageFolder",
    "ImageList",
    "ImageMasks",
    "Kitti",
    "LabelSpace",
    "Layout",
    "Listing",
    "MPIIGaze",
    "MaskFolders",
    "Objects",
    "PascalVoc",
    "Record",
    "Solo",
    "SynthesEyes",
    "Synthia",
    "Table",
    "UnityEyes",
    "Video",
    "VirtualKitti2",
    "WebDataset",
    "Yolo",
]

LAYOUTS: tuple[type[Layout], ...] = (
    Coco,
    Yolo,
    PascalVoc,
    Kitti,
    Solo,
    BlenderProc,
    Bop,
    WebDataset,
    Video,
    ImageList,
    UnityEyes,
    SynthesEyes,
    MPIIGaze,
    CamVid,
    Carla,
    Cityscapes,
    GTA5,
    Synthia,
    VirtualKitti2,
    MaskFolders,
    ImageMasks,
    ClassTable,
    Table,
    ClassFolders,
    ImageFolder,
)
"""Every layout there is. Of those that are not specific, `auto` takes the first that fits."""
