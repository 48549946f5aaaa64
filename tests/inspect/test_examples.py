import pkgutil
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import tests.data.layouts.examples as examples
from tests.inspect.datasets import found, inspected

BROKEN = {"listing", "unreadable", "label", "outside"}


def writers() -> list[Callable[[Path], Path]]:
    """Every generator of a whole dataset: ``write_NAME(root)``."""
    modules = [import_module(f"{examples.__name__}.{each.name}") for each in pkgutil.iter_modules(examples.__path__)]
    functions = [
        function
        for module in modules
        for name, function in sorted(vars(module).items())
        if name.startswith("write_") and getattr(function, "__module__", "") == module.__name__
    ]
    return [function for function in functions if next(iter(signature(function).parameters)) == "root"]


@pytest.mark.parametrize("write", writers(), ids=lambda write: str(write.__name__))
def test_the_example_of_each_layout_is_whole(
    write: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "set")
    result = inspected(capsys, root, "--output", tmp_path / "out")
    assert not BROKEN & set(found(result)), found(result)
    labels = result["dataset"]["labels"]
    assert labels["labeled"] > 0 or labels["kind"] == "none"
    assert (tmp_path / "out/inspect.html").stat().st_size > 0
