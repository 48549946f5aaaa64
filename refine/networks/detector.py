"""A small detector without anchors: a map of centers for each class, and the sides of the box around each."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.networks.layers import convolution_block

MOST_OBJECTS = 100
"""Boxes of one image that are learned and predicted: as many as COCO's measures look at. Of more, the largest."""

STRIDE = 4
"""Pixels of the image in a cell of the output, each way."""

DEPTH = 5
"""Halvings of the sides down to the coarsest map: a cell there sees most of an image of 256 pixels."""

USUAL_SIDE = 8.0
"""Pixels from a center to a side of its box that an untrained network says: small images, small things."""

LEAST_SCORE = 0.01
"""Of a box that is told. Below it, it adds nothing to the measures but time."""

RARE = -2.19
"""Logit that every cell begins with, a probability of 0.1: else the many cells without a center drown the few."""


class SmallDetector(nn.Module):
    """An encoder of five halvings, a decoder up to a quarter of the sides, and two heads.

    Images whose sides are no multiples of 32 are padded at the right and bottom by repeating the border, and the
    maps are cut back: any size goes in.

    Args:
        channels: Of the images, 1 or 3.
        classes: How many.
        width: Channels at half size. 618 thousand parameters with the default and two classes.

    Source:
        Centers and their maps after CenterNet, arXiv 1904.07850, section 3; the distances to the four sides in place
        of size and offset after TTFNet, arXiv 1909.00700, section 3.2, which learns them in fewer steps. The trunk is
        ours.
    """

    def __init__(self, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width, 8 * width]
        inputs = [channels, *widths]
        self.down = nn.ModuleList(_halved(inputs[level], widths[level]) for level in range(DEPTH))
        self.up = nn.ModuleList(
            _block(widths[level] + widths[level + 1], widths[level]) for level in reversed(range(1, DEPTH - 1))
        )
        self.centers = nn.Sequential(_block(widths[1], widths[2]), nn.Conv2d(widths[2], classes, 1))
        self.sides = nn.Sequential(_block(widths[1], widths[2]), nn.Conv2d(widths[2], 4, 1))
        for head, start in ((self.centers, RARE), (self.sides, 0.0)):
            last = head[-1]
            assert isinstance(last, nn.Conv2d)
            nn.init.normal_(last.weight, std=0.01)
            nn.init.constant_(last.bias, start)  # type: ignore[arg-type]  # there is one, unless one says otherwise

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 2 * width, ⌈H / 4⌉, ⌈W / 4⌉)``, not negative."""
        height, width = images.shape[-2:]
        step = 2**DEPTH
        x = F.pad(images, (0, -width % step, 0, -height % step), mode="replicate")
        kept: list[Tensor] = []
        for block in self.down:
            x = block(x)
            kept.append(x)
        kept.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([kept.pop(), x], dim=1))
        return x[..., : (height + STRIDE - 1) // STRIDE, : (width + STRIDE - 1) // STRIDE]

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, classes + 4, ⌈H / 4⌉, ⌈W / 4⌉)``, which `decoded_boxes` reads.

        For each cell of 4 x 4 pixels, logits that the center of an object of each class is there, and pixels from the
        cell's middle to the left, upper, right and lower side of its box, above 0.
        """
        found = self.features(images)
        sides = self.sides(found).float().clamp(-5.0, 5.0).exp() * USUAL_SIDE  # bfloat16 has eight bits for pixels
        return torch.cat([self.centers(found), sides], dim=1)  # in full precision as well


def cell_middles(height: int, width: int, like: Tensor) -> Tensor:
    """``(height, width, 2)``: x and y in pixels of the middle of each cell, of the type and device of ``like``."""
    y = torch.arange(height, dtype=like.dtype, device=like.device)
    x = torch.arange(width, dtype=like.dtype, device=like.device)
    return (torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1) + 0.5) * STRIDE


def decoded_boxes(outputs: Tensor, size: tuple[int, int]) -> Tensor:
    """The boxes that a detector sees.

    Args:
        outputs: ``(B, K + 4, h, w)``, as `SmallDetector` gives them.
        size: Height and width of the images: boxes are cut there.

    Returns:
        ``(B, M, 6)`` float32 rows of class, score in [0, 1], left, top, right and bottom in pixels, the highest score
        first; M is `MOST_OBJECTS`. The rows after the last one are -1.

    Source:
        CenterNet, arXiv 1904.07850, section 4: a cell tells a box where its score is the highest of the 3 x 3 around
        it, which takes the place of a suppression of overlapping boxes.
    """
    logits, sides = outputs[:, :-4].detach(), outputs[:, -4:].detach().float()
    height, width = logits.shape[2:]
    scores = logits.float().sigmoid()
    peaks = torch.where(F.max_pool2d(scores, 3, stride=1, padding=1) == scores, scores, 0.0).flatten(1)
    best, places = peaks.topk(min(MOST_OBJECTS, peaks.shape[1]))
    cells = places % (height * width)
    at = sides.flatten(2).transpose(1, 2).gather(1, cells[..., None].expand(-1, -1, 4))
    middles = cell_middles(height, width, sides).flatten(0, 1)[cells]
    limit = sides.new_tensor([size[1], size[0], size[1], size[0]])
    corners = torch.cat([middles - at[..., :2], middles + at[..., 2:]], dim=2).clamp_min(0).minimum(limit)
    number = places.div(height * width, rounding_mode="floor")
    found = torch.cat([number[..., None].float(), best[..., None], corners], dim=2)
    found = torch.where((best >= LEAST_SCORE)[..., None], found, -1.0)
    return F.pad(found, (0, 0, 0, MOST_OBJECTS - found.shape[1]), value=-1.0)


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*convolution_block(inputs, outputs, stride=stride))


def _halved(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_block(inputs, outputs, stride=2), _block(outputs, outputs))
