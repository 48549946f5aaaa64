"""Options of `refine export` and `refine import-weights`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from refine.options import File, Flag, Folder, Trusted, size


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """A checkpoint as a bundle to share: safetensors and a description, and ONNX.

    Writes a folder with model.safetensors and model.yaml, that every --checkpoint takes. It holds no code.
    """

    checkpoint: File
    """A .ckpt, or a bundle's folder."""
    output: Folder
    """The bundle; it must not exist yet."""
    onnx: bool = False
    """Also model.onnx, compared with torch first; takes images of any size."""
    trust: Trusted = ()


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """A generator of pytorch-CycleGAN-and-pix2pix or CUT, as a bundle.

    Reads a generator's state dict (latest_net_G_A.pth, latest_net_G.pth) and writes a bundle that `refine apply` takes.
    What the network is, is read from the file; the flags are for what a file cannot tell.
    """

    file: Annotated[Path, Flag("FILE", positional=True)]
    """The generator's .pth."""
    output: Folder
    """The bundle; it must not exist yet."""
    norm: Literal["instance", "batch", "none"] | None = None
    """Normalization (default: what the file says)."""
    padding: Literal["reflect", "replicate", "zero"] | None = None
    """In residual blocks (default: what the file says; reflect where replicate would leave the same file)."""
    dropout: bool | None = None
    """Trained with dropout (default: what the file says; yes for a U-Net, which leaves no trace of it)."""
    working_size: Annotated[tuple[int, int], Flag("HEIGHTxWIDTH", size, between="x")] | None = None
    """The size that its training images were resized to; default: it sees images at their own size."""
