"""Numbers of JSON results with the range that they must have, for `refine.files.as_typed`."""

from typing import Annotated

from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
"""From 0 to 1."""

Count = Annotated[int, Meta(ge=0)]
"""Of images, or of whatever else is counted."""

Interval = Annotated[list[float], Meta(min_length=2, max_length=2)]
"""Low and high end."""
