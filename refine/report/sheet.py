"""Pictures in rows under each other, each row with its name."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

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
