"""Commands around models, recipes and simulators: export, import-weights, recipes, render."""

import json
import sys
from pathlib import Path

from refine.files import require_new
from refine.interop.options import ExportOptions, ImportOptions
from refine.interrupts import begin, finish
from refine.recipes import RecipesOptions, list_recipes, recipe_summary
from refine.simulators.options import RenderOptions


def export_command(options: ExportOptions) -> int:
    """`refine export`."""
    require_new(options.output)
    from refine.interop.bundle import write_bundle, write_card
    from refine.methods.checkpoint import load_method, read_checkpoint
    from refine.methods.translator import Translator

    begin()
    method = load_method(options.checkpoint, options.trust)
    stored = None if options.checkpoint.is_dir() else read_checkpoint(options.checkpoint)
    differences: list[float] = []

    def add(folder: Path) -> None:
        write_card(folder, method, stored)
        if options.onnx:
            from refine.interop.onnx import write_onnx

            differences.append(write_onnx(method, folder))

    write_bundle(method, options.output, add)
    finish()
    for difference in differences:
        print(f"model.onnx: differs from torch by {difference:.1e} at most, on three sizes")
        if isinstance(method, Translator) and (size := method.working_size):  # `model.onnx` leaves resizing to others
            print(f"model.onnx: trained on images resized to {size[0]}x{size[1]} (height x width); give it that size")
    print(options.output)
    return 0


def import_weights_command(options: ImportOptions) -> int:
    """`refine import-weights`."""
    require_new(options.output)
    from refine.interop.bundle import write_bundle, write_card
    from refine.interop.foreign import import_generator

    begin()
    generator, found = import_generator(options.file, options.norm, options.dropout, options.padding)
    generator.working_size = options.working_size
    write_bundle(generator, options.output, lambda folder: write_card(folder, generator))
    finish()
    print(found.text())
    print(options.output)
    return 0


def recipes_command(options: RecipesOptions) -> int:
    """`refine recipes`."""
    recipes = list_recipes()
    if options.json:
        json.dump({name: str(path) for name, path in recipes.items()}, sys.stdout, indent=2)
        print()
        return 0
    width = max(len(name) for name in recipes)
    for name, path in recipes.items():
        print(f"{name:<{width}}  {recipe_summary(path)}")
    return 0


def render_command(options: RenderOptions) -> int:
    """`refine render`."""
    from refine.simulators.ranges import read_parameters
    from refine.simulators.rendering import SIMULATORS, render

    begin()
    kind = SIMULATORS[options.name].parameters
    parameters = read_parameters(options.parameters, kind) if options.parameters else kind()
    render(options.name, options.output, options.count, options.seed, parameters)
    print(options.output)
    return 0
