"""What the audit finds, measured: planted label changes, digits read by eye, and a translator that breaks labels.

    python scripts/reproduce_audit.py digits lights broken

Resumable: what stands under checkpoints/reproduce-audit is not done again. Writes results.json there.

digits: USPS translated to look like MNIST (the small CycleGAN of reproduce_digits.py, seed 0). A tenth of the images
get another class's picture, 20 times over; and scripts/digits_by_eye.csv holds what a person read in 200 of the
translated digits without knowing their labels.
sample: a part of these digits, of which 5 % get another class's refined picture: 1000 random samples of 200 images each
(`refine audit --sample 200`), answered by the truth, next to the audit's bound.
lights: the demo's CycleGAN, judged by judges of labeled real lights too, 50 draws of plants.
swaps: the same lights with a tenth of their labels swapped: what verdicts and the order of suspicion find, without
labeled real lights (three audits, judges trained on the swapped labels) and with blocks of 20, 40 and 68 of them.
broken: the same CycleGAN on digits without cycle and identity loss, trained longer, three seeds: what is found, and how
well a classifier reads MNIST that was trained on all of its images, on repaired ones, and without the failed ones.
"""

import argparse
import csv
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from audit_plants import draws
from audit_samples import simulated, write_part
from audit_swaps import judged_by_real, measured, swapped, swapped_key, write_block, write_swapped
from audit_swaps import summary as swap_summary
from digits import CLASSES, Digits, Pairs, accuracy, fit, load
from digits_rows import SMALL, Unit, classifier, cyclegan
from PIL import Image
from traffic_lights import CLASSES as LAMPS
from traffic_lights import DATA, ROOT, Commands, train

from refine.audit.ensembles import ADAPTED
from refine.audit.pairs import open_pairs, read_pairs
from refine.audit.result import read_audit, read_certificates
from refine.data.images import list_images, read_image, to_float
from refine.json_files import write_json
from refine.metrics.intervals import clopper_pearson

FOLDER = ROOT / "checkpoints" / "reproduce-audit"
BY_EYE = Path(__file__).with_name("digits_by_eye.csv")
BROKEN_STEPS = 4000
SAMPLED = 1500
"""Digits that are audited for the samples."""
SURE = 0.9
"""Probability from which on a classifier's reading counts."""


def main() -> None:
    """Do the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=["digits", "sample", "lights", "swaps", "broken"])
    parser.add_argument("--seeds", type=int, default=3, help="of the broken translator (default: 3)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="holds mnist/ and usps/")
    args = parser.parse_args()
    os.chdir(ROOT)
    run = Commands(tolerated=(0, 1))
    results: dict[str, Any] = {}
    file = FOLDER / "results.json"
    if file.is_file():
        results = json.loads(file.read_text())
    if "digits" in args.parts:
        results["digits"] = digits(run, args.data)
    if "sample" in args.parts:
        results["sample"] = sample(run, args.data)
    if "lights" in args.parts:
        results["lights"] = lights(run)
    if "swaps" in args.parts:
        results["swaps"] = swaps(run)
    if "broken" in args.parts:
        results["broken"] = [broken(run, args.data, seed) for seed in range(args.seeds)]
        results["broken_summary"] = summary(results["broken"])
    write_json(results, file)
    print(json.dumps(results, indent=2))


def digits(run: Commands, data: Path) -> dict[str, Any]:
    """Plants and eyes on the digits of a sound CycleGAN."""
    folder = FOLDER / "digits"
    synthetic, refined = usps(data), translated(run, data)
    audited = audit(run, synthetic, refined, folder / "audit", ["--checkpoint", folder / "translator" / "last.ckpt"])
    return {
        **audited,
        "planted": planted(folder / "audit", synthetic, refined, 20),
        "by_eye": by_eye(folder / "audit", refined),
    }


def sample(run: Commands, data: Path) -> dict[str, Any]:
    """Samples of translated digits with wrong labels that are known."""
    folder = FOLDER / "sample"
    refined = translated(run, data)
    wrong = write_part(usps(data), refined, folder, SAMPLED, 0.05, 0)
    audit(run, folder / "synthetic", folder / "refined", folder / "audit", [])
    natural = by_reader(folder / "audit", folder / "refined", data, wrong)
    return {**simulated(folder / "audit", wrong, 200, 1000), "read_by_a_real_digits_classifier": natural}


def translated(run: Commands, data: Path) -> Path:
    """USPS translated by the small CycleGAN, seed 0; a finished checkpoint that is saved once more is another file."""
    folder, synthetic = FOLDER / "digits", usps(data)
    refined = folder / "refined"
    if not refined.is_dir() or len(list_images(refined)) < len(list_images(synthetic)):
        checkpoint = translator(data, folder / "translator", 0, SMALL.cycle_weight, SMALL.steps)
        run("apply", "--checkpoint", checkpoint, "--input", synthetic, "--output", refined, "--batch-size", 256)
    return refined


def lights(run: Commands) -> dict[str, Any]:
    """Plants among the demo's lights."""
    folder, synthetic = FOLDER / "lights", DATA / "synthetic"
    folder.mkdir(parents=True, exist_ok=True)
    refined = train(run, "cyclegan", folder)
    more = ["--classes", LAMPS, "--real-labeled", DATA / "real"]
    audited = audit(run, synthetic, refined, folder / "audit", more)
    return {**audited, "planted": planted(folder / "audit", synthetic, refined, 50, tuple(LAMPS.split(",")))}


def swaps(run: Commands) -> dict[str, Any]:
    """Swapped labels of the demo's lights, by what judges learned from."""
    folder, synthetic = FOLDER / "lights", DATA / "synthetic"
    classes = tuple(LAMPS.split(","))
    refined = train(run, "cyclegan", folder)
    pairs = read_pairs(open_pairs(synthetic, refined, classes=classes))
    found: dict[str, Any] = {}
    audits = []
    for seed in range(3):
        place = FOLDER / f"swaps-{seed}"
        labels, wrong = swapped(pairs.labels, len(classes), seed)
        names = [swapped_key(key, pairs.names[label]) for key, label in zip(pairs.keys, labels.tolist(), strict=True)]
        for source, side in ((synthetic, place / "synthetic"), (refined, place / "refined")):
            write_swapped(source, side, dict(zip(pairs.keys, names, strict=True)))
        audit(run, place / "synthetic", place / "refined", place / "audit", ["--classes", LAMPS])
        lines, ranking = read_certificates(place / "audit"), read_audit(place / "audit").get("ranking")
        by = ranking["by"] if ranking else ADAPTED  # an audit with verdicts ranks nothing
        doubt = {key: one["scores"][f"{by}: class_doubt"] for key, one in lines.items()}
        audits.append(measured(list(lines.values()), dict(zip(names, wrong.tolist(), strict=True)), doubt))
        print(f"seed {seed}, by {by} judges: {audits[-1]}", flush=True)
    found["no labeled real crops"] = swap_summary(audits)
    for count in (20, 40, 68):
        draws_of_count = []
        for block, part in enumerate((0.0, 0.5, 1.0)):
            place = FOLDER / f"swaps-real-{count}-{block}"
            crops = write_block(DATA / "real", place / "real", classes, count, part)
            seeds = range(100 + 10 * block, 110 + 10 * block)
            draws_of_count += judged_by_real(pairs, place / "real", place, seeds)
            print(f"{count} real crops, {crops}: {draws_of_count[-1]}", flush=True)
        found[f"{count} labeled real crops"] = swap_summary(draws_of_count)
    return found


def broken(run: Commands, data: Path, seed: int) -> dict[str, Any]:
    """One seed of the translator that breaks labels, and what repair is worth."""
    folder = FOLDER / f"broken-{seed}"
    synthetic, refined = usps(data), folder / "refined"
    checkpoint = translator(data, folder / "translator", seed, 0.0, BROKEN_STEPS)
    common = ["apply", "--checkpoint", checkpoint, "--input", synthetic, "--batch-size", 256]
    run(*common, "--output", refined)
    found = audit(run, synthetic, refined, folder / "audit", [])
    sides = {"synthetic": synthetic, "all": refined}
    if not found["verdicts"]["inconclusive"]:
        for name in ("original", "leave-out"):
            sides[f"repaired, {name}"] = folder / name
            repair = ["--audit", folder / "audit", "--if-wrong", name, "--repair", "review"]
            run(*common, *repair, "--output", folder / name)
    found["read_by_a_real_digits_classifier"] = by_reader(folder / "audit", refined, data)
    found["accuracy"] = {name: trained_on(side, data, folder / f"task-{name}", seed) for name, side in sides.items()}
    return found


def summary(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and spread of the accuracy over seeds."""
    names = [name for name in seeds[0]["accuracy"] if all(name in one["accuracy"] for one in seeds)]
    columns = {name: [one["accuracy"][name] for one in seeds] for name in names}
    return {
        name: {"each": each, "mean": mean(each), "std": stdev(each) if each[1:] else None}
        for name, each in columns.items()
    }


def usps(data: Path) -> Path:
    """The labeled training digits of USPS as class folders."""
    folder = FOLDER / "usps"
    if not folder.is_dir():
        unfinished = folder.with_name("usps.tmp")
        images, labels = load(data, "usps", "train")
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            path = unfinished / str(label) / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0].numpy()).save(path)
        unfinished.rename(folder)
    return folder


def translator(data: Path, folder: Path, seed: int, cycle_weight: float, steps: int) -> Path:
    """The small CycleGAN of the digits table, or the same without what holds it to its input."""
    torch.manual_seed(seed)
    setting = replace(SMALL, cycle_weight=cycle_weight, steps=steps)
    method = cyclegan(Unit(seed, "usps", "mnist", folder, data), setting)
    pairs = Pairs(load(data, "usps", "train"), load(data, "mnist", "train").images, SMALL.batch_size, seed)
    fit(method, pairs, folder)
    return folder / "last.ckpt"


def audit(run: Commands, synthetic: Path, refined: Path, folder: Path, more: list[Any]) -> dict[str, Any]:
    """`refine audit`, unless it stands there, and its summary."""
    if not (folder / "audit.json").is_file():
        run("audit", "--synthetic", synthetic, "--refined", refined, "--output", folder, *more)
    found = read_audit(folder)
    judges = {name: {"competent": one["competent"], "why": one["why"]} for name, one in found["judges"].items()}
    return {
        "verdicts": found["counts"],
        "judges": judges,
        "false_rejects": found["false_rejects"],
        "power": found["power"],
        "bound_under_planted_corruption": found["bound_under_planted_corruption"],
    }


def planted(
    folder: Path, synthetic: Path, refined: Path, count: int, classes: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """How many planted label changes are found, over all draws and from draw to draw."""
    pairs = read_pairs(open_pairs(synthetic, refined, classes=classes))
    found = draws(folder, pairs, count)
    shares = {
        "not_passed": [draw.not_passed / draw.planted for draw in found],
        "failed": [draw.failed / draw.planted for draw in found],
    }
    spread = {name: {"mean": mean(each), "lowest": min(each), "highest": max(each)} for name, each in shares.items()}
    return {"draws": count, "planted_each": found[0].planted, **spread}


def by_eye(folder: Path, refined: Path) -> dict[str, Any]:
    """The verdicts on images that a person read, and whether the bounds hold."""
    verdicts = {Path(key).name: one for key, one in read_certificates(folder).items()}
    paths = {path.name: path for path in list_images(refined)}
    counts = {truth: dict.fromkeys(("pass", "review", "fail", "inconclusive"), 0) for truth in ("right", "wrong", "?")}
    other = 0
    with BY_EYE.open(newline="") as file:
        for row in csv.DictReader(file):
            path = paths[row["image"]]
            other += not hashlib.sha256(path.read_bytes()).hexdigest().startswith(row["sha256"])
            truth = "?" if row["seen"] == "?" else "right" if row["seen"] == path.parent.name else "wrong"
            counts[truth][verdicts[row["image"]]["verdict"]] += 1
    if other:
        return {"images_that_differ": other, "why": "another machine refined them otherwise: read them anew"}
    totals = {truth: sum(found.values()) for truth, found in counts.items()}
    bad = totals["wrong"] + totals["?"]
    passed = [counts[truth]["pass"] for truth in ("right", "wrong", "?")]
    rejected = totals["right"] - counts["right"]["pass"]
    return {
        "verdicts": counts,
        "wrong_or_unreadable": {
            "rate": bad / sum(totals.values()),
            "interval": clopper_pearson(bad, sum(totals.values())),
        },
        "among_passed": {
            "rate": sum(passed[1:]) / sum(passed),
            "interval": clopper_pearson(sum(passed[1:]), sum(passed)),
        },
        "right_but_not_passed": {
            "rate": rejected / totals["right"],
            "interval": clopper_pearson(rejected, totals["right"]),
        },
        "right_but_failed": {
            "rate": counts["right"]["fail"] / totals["right"],
            "interval": clopper_pearson(counts["right"]["fail"], totals["right"]),
        },
        "bound": read_audit(folder)["bound_under_planted_corruption"],
    }


def by_reader(folder: Path, refined: Path, data: Path, without: Collection[str] = ()) -> dict[str, dict[str, float]]:
    """Verdicts on images that a classifier of labeled MNIST reads surely, as their label says or otherwise."""
    real = load(data, "mnist", "train")
    reader = classifier(SMALL, 0)
    fit(reader, Pairs(real, real.images, SMALL.task_batch_size, 0), FOLDER / "reader")
    verdicts = {key: one for key, one in read_certificates(folder).items() if key not in without}
    images = torch.stack([read_image(refined / key, 1) for key in verdicts])
    said = torch.cat([reader.probabilities(to_float(part)) for part in torch.split(images, 512)])
    sure = said.amax(1) > SURE
    labels = torch.tensor([int(Path(key).parent.name) for key in verdicts])
    found = {}
    for name, chosen in (("as labeled", said.argmax(1) == labels), ("another digit", said.argmax(1) != labels)):
        mine = [one["verdict"] for one, there in zip(verdicts.values(), (sure & chosen).tolist(), strict=True) if there]
        failed, passed = mine.count("fail"), mine.count("pass")
        count = max(1, len(mine))
        found[name] = {"images": len(mine), "failed": failed / count, "not_passed": 1 - passed / count}
    return found


def trained_on(side: Path, data: Path, folder: Path, seed: int) -> float:
    """Percent of MNIST's test digits that the table's classifier reads after training on a folder of digits."""
    paths = [(path, label) for label in CLASSES for path in list_images(side / label)]
    images = torch.stack([read_image(path, 1) for path, _ in paths])
    labels = torch.tensor([int(label) for _, label in paths])
    task = classifier(SMALL, seed)
    target = load(data, "mnist", "test")
    fit(task, Pairs(Digits(images, labels), target.images, SMALL.task_batch_size, seed), folder)
    return accuracy(task, target)


if __name__ == "__main__":
    main()
