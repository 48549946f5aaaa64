"""Which commands make a page and what it shows, from the records that they left."""

import shlex
from pathlib import Path

from refine.report.read import Node


def reproduction(
    run: Node, synthetic: Path, refined: Path, real: Path, metrics: Path | None, benchmark: Path | None, output: Path
) -> dict[str, str]:
    """The command of each step, by its name.

    Args:
        run: The record of `refine apply`.
        synthetic: The dataset that was refined.
        refined: Where it stands.
        real: Folder of real images.
        metrics: The file of distances, if there is one.
        benchmark: The benchmark's file, if there is one.
        output: The page.
    """
    three = ["--synthetic", str(synthetic), "--refined", str(refined), "--real", str(real)]
    measured, helped = metrics or Path("metrics.json"), benchmark or Path("benchmark", "benchmark.json")
    steps = {
        "apply": ["--checkpoint", "CHECKPOINT", "--input", str(synthetic), "--output", str(refined), *_flags(run)],
        "verify": [str(refined)],
        "evaluate": [*three, "--output", str(measured)],
        "benchmark": [*three, "--output", str(helped.parent)],
        "report": [*three, "--metrics", str(measured), "--benchmark", str(helped), "--output", str(output)],
    }
    return {name: shlex.join(["refine", name, *arguments]) for name, arguments in steps.items()}


def _flags(run: Node) -> list[str]:
    """The recorded flags, all of them: defaults may change between versions."""
    flags = run.optional("flags")
    named = flags.items() if flags else []
    return [
        word
        for name, node in named
        if isinstance(node.value, str | int | float) and not isinstance(node.value, bool)
        for word in (f"--{name.replace('_', '-')}", str(node.value))
    ]
