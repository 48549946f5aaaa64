"""Feature extractors by the names that users give: Inception, or the checkpoint of a task model."""

from collections.abc import Sequence
from pathlib import Path

from refine.errors import InputError
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task
from refine.metrics import FeatureExtractor, TaskFeatures, named_extractor


def extractors(
    names: Sequence[str], weights: Path | None, device: str = "cpu", trust: tuple[str, ...] = ()
) -> list[FeatureExtractor]:
    """One extractor for each name but ``swd``, which needs none.

    Args:
        names: ``inception-64`` and the like, or the path of a task model's checkpoint or bundle.
        weights: Inception weights, where torch's cache has none.
        device: Where the networks run.
        trust: Modules whose classes a checkpoint may name.

    Raises:
        InputError: If a name is neither, its weights cannot be read, or two have one name in the result.
    """
    found: list[FeatureExtractor] = []
    for name in names:
        if name == "swd":
            continue
        if Path(name).exists():
            task = load_method(Path(name), trust)
            if not isinstance(task, Task):
                raise InputError(f"{name}: holds {type(task).__name__}; features come from a task model's checkpoint")
            extractor: FeatureExtractor = TaskFeatures(task.to(device), "task", model_sha256(Path(name)), device)
        else:
            extractor = named_extractor(name, weights, device)
        if extractor.name in {other.name for other in found}:
            raise InputError(
                f"--features {name}: one network called {extractor.name!r} is given already; "
                "measure with each in a run of its own"
            )
        found.append(extractor)
    return found
