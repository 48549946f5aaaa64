"""Counts of one dataset."""

from collections import Counter
from collections.abc import Iterable

from refine.data.mapping import Mapped
from refine.inspect.faults import findings, size_text
from refine.inspect.reading import Dataset
from refine.inspect.result import Side


def side(dataset: Dataset, why: str) -> Side:
    """All there is to say of a dataset by itself; ``why`` its layout was taken."""
    layout = dataset.layout
    inner = layout.layout if isinstance(layout, Mapped) else layout
    notes = [layout.summary()] if isinstance(layout, Mapped) else []
    whole = [look for look in dataset.looks if look.size is not None]
    return {
        "path": str(layout.root),
        "layout": inner.name,
        "why": why,
        "images": len(dataset.looks),
        "sizes": _counted(size_text(look.size) for look in whole if look.size is not None),
        "modes": _counted(look.mode for look in whole),
        "formats": _counted(look.format for look in whole),
        "labels": dataset.tally.summary(notes),
        "findings": findings(dataset.faults, dataset.looks),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    """How often each occurs, most frequent first."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))
