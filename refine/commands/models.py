"""Commands around models and recipes: export, recipes."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from refine.commands.flags import command, trust


def add_export(each: Any) -> None:
    """Flags of `refine export`."""
    parser = command(
        each,
        "export",
        run_export,
        "a checkpoint as a bundle to share: safetensors and a description",
        "Writes a folder with model.safetensors and model.yaml, that every --checkpoint takes. It holds no code.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="a .ckpt")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the bundle; it must not exist yet")
    trust(parser)


def run_export(args: argparse.Namespace) -> int:
    """`refine export`."""
    from refine.interop.bundle import write_bundle
    from refine.methods.checkpoint import load_method

    write_bundle(load_method(args.checkpoint, tuple(args.trust)), args.output)
    print(args.output)
    return 0


def add_recipes(each: Any) -> None:
    """Flags of `refine recipes`."""
    parser = command(each, "recipes", run_recipes, "list the packaged recipes")
    parser.add_argument("--json", action="store_true", help="as JSON: name to file")


def run_recipes(args: argparse.Namespace) -> int:
    """`refine recipes`."""
    from refine.recipes import list_recipes, recipe_summary

    recipes = list_recipes()
    if args.json:
        json.dump({name: str(path) for name, path in recipes.items()}, sys.stdout, indent=2)
        print()
        return 0
    width = max(len(name) for name in recipes)
    for name, path in recipes.items():
        print(f"{name:<{width}}  {recipe_summary(path)}")
    return 0
