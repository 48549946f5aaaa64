"""Commands around models and recipes: export, import-weights, recipes."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from refine.commands.flags import command, size, trust
from refine.interrupts import begin, finish


def add_export(each: Any) -> None:
    """Flags of `refine export`."""
    parser = command(
        each,
        "export",
        run_export,
        "a checkpoint as a bundle to share: safetensors and a description, and ONNX",
        "Writes a folder with model.safetensors and model.yaml, that every --checkpoint takes. It holds no code.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="a .ckpt, or a bundle's folder")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the bundle; it must not exist yet")
    parser.add_argument(
        "--onnx", action="store_true", help="also model.onnx, compared with torch first; takes images of any size"
    )
    trust(parser)


def run_export(args: argparse.Namespace) -> int:
    """`refine export`."""
    from refine.interop.bundle import write_bundle, write_card
    from refine.methods.checkpoint import load_method, read_checkpoint
    from refine.methods.translator import Translator

    begin()
    method = load_method(args.checkpoint, tuple(args.trust))
    stored = None if args.checkpoint.is_dir() else read_checkpoint(args.checkpoint)
    differences: list[float] = []

    def add(folder: Path) -> None:
        write_card(folder, method, stored)
        if args.onnx:
            from refine.interop.onnx import write_onnx

            differences.append(write_onnx(method, folder))

    write_bundle(method, args.output, add)
    finish()
    for difference in differences:
        print(f"model.onnx: differs from torch by {difference:.1e} at most, on three sizes")
        if isinstance(method, Translator) and (size := method.working_size):  # `model.onnx` leaves resizing to others
            print(f"model.onnx: trained on images resized to {size[0]}x{size[1]} (height x width); give it that size")
    print(args.output)
    return 0


def add_import_weights(each: Any) -> None:
    """Flags of `refine import-weights`."""
    parser = command(
        each,
        "import-weights",
        run_import_weights,
        "a generator of pytorch-CycleGAN-and-pix2pix or CUT, as a bundle",
        "Reads a generator's state dict (latest_net_G_A.pth, latest_net_G.pth) and writes a bundle that `refine apply` "
        "takes. What the network is, is read from the file; the flags are for what a file cannot tell.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the generator's .pth")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the bundle; it must not exist yet")
    parser.add_argument(
        "--norm", choices=("instance", "batch", "none"), help="normalization (default: what the file says)"
    )
    parser.add_argument(
        "--padding",
        choices=("reflect", "replicate", "zero"),
        help="in residual blocks (default: what the file says; reflect where replicate would leave the same file)",
    )
    parser.add_argument(
        "--dropout",
        action=argparse.BooleanOptionalAction,
        help="trained with dropout (default: what the file says; yes for a U-Net, which leaves no trace of it)",
    )
    parser.add_argument(
        "--working-size",
        type=size,
        metavar="HEIGHTxWIDTH",
        help="the size that its training images were resized to; default: it sees images at their own size",
    )


def run_import_weights(args: argparse.Namespace) -> int:
    """`refine import-weights`."""
    from refine.interop.bundle import write_bundle, write_card
    from refine.interop.foreign import import_generator

    begin()
    generator, found = import_generator(args.file, args.norm, args.dropout, args.padding)
    generator.working_size = args.working_size
    write_bundle(generator, args.output, lambda folder: write_card(folder, generator))
    finish()
    print(found.text())
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
