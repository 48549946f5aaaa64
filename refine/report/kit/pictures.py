"""Images as people see them: fitted to a size, embedded in a page, in rows on a sheet."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TypeVar

from PIL import Image, ImageDraw, ImageFont

TINY = 192
"""Up to this many pixels on the longer side, an image is shown enlarged by a whole factor."""

PHOTOGRAPH = 480
"""Larger ones are shown at this many."""


def fit_within(image: Image.Image, box: int) -> Image.Image:
    """The same picture with its longer side at most ``box``; smaller ones by a whole factor, pixels kept square."""
    longest = max(image.size)
    if longest <= box:
        return image.resize((image.width * (box // longest), image.height * (box // longest)), Image.Resampling.NEAREST)
    width, height = (max(1, round(side * box / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def png_uri(image: Image.Image) -> str:
    """Return an image as it is for an HTML page."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode('ascii')}"


def data_uri(image: Image.Image) -> str:
    """Return an image for an HTML page: a tiny one enlarged and exact, others reduced."""
    if max(image.size) <= TINY:
        return png_uri(fit_within(image, TINY))
    buffer = BytesIO()
    fit_within(image, min(PHOTOGRAPH, max(image.size))).save(buffer, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


GAP, MARGIN = 8, 96
"""Pixels between pictures, and for the names where none is longer."""


def sheet(rows: Sequence[tuple[str, Sequence[Image.Image]]], title: str = "") -> Image.Image:
    """One picture of many, on white.

    Args:
        rows: Names, and pictures in RGB: the same number in each row, of any size.
        title: A line above them.
    """
    width = max(picture.width for _, pictures in rows for picture in pictures)
    heights = [max(picture.height for picture in pictures) for _, pictures in rows]
    columns = max(len(pictures) for _, pictures in rows)
    top = GAP + 3 * GAP * bool(title)
    font = ImageFont.load_default(18)
    margin = max(MARGIN, *(2 * GAP + round(font.getlength(name)) for name, _ in rows))
    across = max(margin + columns * (width + GAP), 2 * GAP + round(font.getlength(title)))
    found = Image.new("RGB", (across, top + sum(height + GAP for height in heights)), "white")
    draw = ImageDraw.Draw(found)
    draw.text((GAP, GAP), title, fill="black", font=font)
    for (name, pictures), height in zip(rows, heights, strict=True):
        draw.text((GAP, top + height // 2), name, fill="black", font=font, anchor="lm")
        for place, picture in enumerate(pictures):
            left = margin + place * (width + GAP) + (width - picture.width) // 2
            found.paste(picture, (left, top + (height - picture.height) // 2))
        top += height + GAP
    return found


Item = TypeVar("Item")


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` items at equal distances."""
    count = min(count, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * count)] for index in range(count)]


def keys_across_folders(keys: Sequence[str], count: int) -> list[str]:
    """At most ``count`` keys, from each folder as many as from any other as far as it has them, sorted."""
    folders: dict[str, list[str]] = {}
    for key in sorted(keys):
        folders.setdefault(key.rpartition("/")[0], []).append(key)
    chosen = evenly(list(folders.values()), count)
    shares = [0] * len(chosen)
    for _ in range(min(count, sum(map(len, chosen)))):
        open_ones = [place for place, folder in enumerate(chosen) if shares[place] < len(folder)]
        shares[min(open_ones, key=lambda place: shares[place])] += 1
    return sorted(key for folder, share in zip(chosen, shares, strict=True) for key in evenly(folder, share))
