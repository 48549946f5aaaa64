"""Changes to JSON files, and to what a SOLO dataset's files hold; values that have to be there; images by workers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from refine.data.layouts import Layout

Value = TypeVar("Value")

FRAME = "sequence.0/step0.frame_data.json"


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Read, change, write."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_definitions(root: Path, change: Callable[[list[Any]], object]) -> None:
    edit_json(root / "annotation_definitions.json", lambda value: change(value["annotationDefinitions"]))


def annotations(frame: Any, kind: str) -> Any:
    found = frame["captures"][0]["annotations"]
    return next(annotation for annotation in found if annotation["@type"].endswith(f".{kind}Annotation"))


def without(*kinds: str) -> Callable[[list[Any]], None]:
    def change(rows: list[Any]) -> None:
        rows[:] = [row for row in rows if not row["@type"].endswith(tuple(f".{kind}Annotation" for kind in kinds))]

    return change


def there(value: Value | None) -> Value:
    """A value that a layout has to give."""
    assert value is not None
    return value


class _Images(Dataset[Tensor]):
    def __init__(self, layout: Layout) -> None:
        self.layout, self.records = layout, layout.records()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Tensor:
        return self.layout.image(self.records[index], 3)


def layout_images(layout: Layout) -> Iterator[Tensor]:
    """All images in color, as two forked workers read them."""
    yield from DataLoader(_Images(layout), batch_size=None, num_workers=2, multiprocessing_context="fork")
