"""A random sample of the audited images for a person to judge: drawn by verdict, answered blind, taken back."""

import csv
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TypedDict

import torch

from refine.audit.cases import sample_page
from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import (
    AUDIT_AGAIN,
    SAMPLE,
    SAMPLE_CSV,
    SAMPLE_PAGE,
    Certificate,
    Decision,
    SampleEstimate,
    Verdict,
)
from refine.data.clusters import load_clusters
from refine.data.layouts import Layout
from refine.errors import InputError
from refine.files import shown, write_whole
from refine.json_files import read_typed, write_json

DRAW_ANEW = f"{AUDIT_AGAIN} and draw anew"
LEAST_SHARE = 0.1
"""Part of the sample that each verdict gets at least, as far as it has so many images."""
MOST_EXPECTED = 2
"""Times as many images as asked for that whole groups may bring; more is another task than was asked for."""
STRATA: dict[Verdict, Verdict] = {"pass": "pass", "review": "review", "fail": "fail", "inconclusive": "review"}
"""Strata by the verdict of the audit; images are inconclusive all together or not at all."""


class SampleStratum(TypedDict):
    """Images of one verdict."""

    images: int
    draws: list[list[str]]
    """Keys of the images of each draw: one image, or those of a group that have this verdict."""


class AuditSample(TypedDict):
    """Content of `sample.json`."""

    seed: int
    groups: str | None
    """As given to `load_clusters`; None where single images were drawn, without replacement."""
    strata: dict[str, SampleStratum]
    answers: dict[str, Decision]
    """A person's answers, by key; none to begin with."""


def draw(certificates: Sequence[Certificate], number: int, seed: int, groups: str | None) -> AuditSample:
    """Draw images at random within each verdict that the audit itself gave.

    The sample is shared out in proportion to the number of images, with `LEAST_SHARE` of it for each verdict. With
    groups, the images of a group under one verdict are drawn together, groups in proportion to their images and with
    replacement, so that the mean over the draws estimates the share without bias; their number is fixed beforehand,
    such that about as many images as asked for are expected.

    Args:
        certificates: One for each image.
        number: Number of images to draw; of groups, about so many.
        seed: Seed of the draw.
        groups: As `load_clusters` takes it.

    Raises:
        InputError: As of `draw_counts`, or if a key cannot be written into a table.
    """
    keys = [one["key"] for one in certificates]
    clusters = dict(zip(keys, load_clusters(groups, keys), strict=True))
    generator = torch.Generator().manual_seed(seed)
    by_verdict: dict[str, list[str]] = {}
    for one in certificates:
        by_verdict.setdefault(STRATA[one.get("audit_verdict", one["verdict"])], []).append(one["key"])
    members = {name: members_of(those, [clusters[key] for key in those]) for name, those in by_verdict.items()}
    strata: dict[str, SampleStratum] = {}
    for name, count in draw_counts(members, number).items():
        whole = list(members[name].values())
        sizes = torch.tensor([len(one) for one in whole], dtype=torch.float64)
        if groups is None:
            chosen = torch.randperm(len(whole), generator=generator)[:count].tolist()
        else:
            chosen = torch.multinomial(sizes, count, replacement=True, generator=generator).tolist()
        strata[name] = {"images": int(sizes.sum()), "draws": [whole[place] for place in chosen]}
    found: AuditSample = {"seed": seed, "groups": groups, "strata": strata, "answers": {}}
    for key in drawn(found):
        if not key.isprintable():
            raise InputError(f"{shown(key)}: cannot be written into {SAMPLE_CSV}; rename the file and audit again")
    return found


def members_of(keys: Sequence[str], clusters: Sequence[str]) -> dict[str, list[str]]:
    """Return the images of each group."""
    found: dict[str, list[str]] = {}
    for key, cluster in zip(keys, clusters, strict=True):
        found.setdefault(cluster, []).append(key)
    return found


def draw_counts(strata: Mapping[str, Mapping[str, Sequence[str]]], number: int) -> dict[str, int]:
    """Return the number of draws from each stratum, such that about ``number`` images are expected.

    Args:
        strata: By name, the images of each group in it; single images are groups of one.
        number: Number of images to draw.

    Raises:
        InputError: If there are no images or fewer than ``number``, or groups so large that more than `MOST_EXPECTED`
            times as many are expected: one draw each is the least.
    """
    sizes = {name: sum(map(len, groups.values())) for name, groups in strata.items()}
    images = sum(sizes.values())
    if not 0 < number <= images:
        raise InputError(f"--sample {number}: the audit has {images} images; ask for 1 to so many")
    of_draw = {name: sum(len(one) ** 2 for one in groups.values()) / sizes[name] for name, groups in strata.items()}
    counts = {name: max(1, round(share / of_draw[name])) for name, share in draws_by_stratum(sizes, number).items()}
    expected = sum(count * of_draw[name] for name, count in counts.items())
    together: Counter[str] = Counter()
    for groups in strata.values():
        together.update({name: len(keys) for name, keys in groups.items()})
    ((largest, size),) = together.most_common(1)
    if size > 1 and expected > MOST_EXPECTED * number:
        raise InputError(
            f"--sample {number}: whole groups are drawn, and the largest, {shown(largest)}, has {size} images: about "
            f"{math.ceil(expected)} would have to be judged; ask for more images, or audit with finer --groups"
        )
    return counts


def draws_by_stratum(sizes: Mapping[str, int], number: int) -> dict[str, int]:
    """Return the number of images to draw from each stratum: by its size, but `LEAST_SHARE` of all at least."""
    least = {name: min(size, math.ceil(LEAST_SHARE * number)) for name, size in sizes.items()}
    rest = {name: size - least[name] for name, size in sizes.items()}
    left = max(0, number - sum(least.values()))
    exact = {name: left * size / max(1, sum(rest.values())) for name, size in rest.items()}
    found = {name: least[name] + int(part) for name, part in exact.items()}
    by_fraction = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_fraction[: max(0, number - sum(found.values()))]:
        found[name] += 1
    return {name: min(found[name], size) for name, size in sizes.items()}


def drawn(sample: AuditSample) -> list[str]:
    """Return the keys of the sample in a random order that the verdicts do not show in."""
    keys = sorted({key for one in sample["strata"].values() for group in one["draws"] for key in group})
    order = torch.randperm(len(keys), generator=torch.Generator().manual_seed(sample["seed"])).tolist()
    return [keys[place] for place in order]


def require_no_sample(output: Path) -> None:
    """Raise `InputError` where a sample was drawn already: who may draw again may choose."""
    for name in (SAMPLE, SAMPLE_CSV, SAMPLE_PAGE):
        if (output / name).exists():
            raise InputError(
                f"{output / name}: a sample was drawn already; answer it and give it to --decisions, or audit into "
                "another --output (drawing until one pleases is no random sample)"
            )


def blank_table(keys: Sequence[str]) -> str:
    """Return a CSV file ``key,verdict`` whose verdicts are still to be written."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([["key", "verdict"], *([key, ""] for key in keys)])
    return text.getvalue()


def write_sample(output: Path, sample: AuditSample, synthetic: Layout, refined: Layout) -> None:
    """Write the table to fill in, the page to answer it with, and what was drawn.

    Args:
        output: Folder of the audit.
        sample: What was drawn.
        synthetic: Holds the labels.
        refined: Holds the images.
    """
    keys = drawn(sample)
    page = sample_page(output, keys, synthetic, refined)  # first: it may fail
    write_whole(output / SAMPLE_CSV, blank_table(keys).encode())
    write_whole(output / SAMPLE_PAGE, page)
    write_json(sample, output / SAMPLE)


def read_sample(output: Path) -> AuditSample | None:
    """Read what `write_sample` wrote; None where no sample was drawn.

    Raises:
        InputError: If it is damaged.
    """
    path = output / SAMPLE
    if not path.exists():
        return None
    found = read_typed(path, AuditSample, DRAW_ANEW)
    if not all(one["draws"] and all(one["draws"]) for one in found["strata"].values()):
        raise InputError(f"{path}: damaged, a stratum without a drawn image; {DRAW_ANEW}")
    return found


def is_answer_to(sample: AuditSample, listed: Collection[str]) -> bool:
    """Return whether a table of decisions is the sample's: it lists every drawn image, or drawn images alone."""
    keys, listed = set(drawn(sample)), set(listed)
    return bool(keys & listed) and (keys <= listed or listed <= keys)


def answered(sample: AuditSample, given: Mapping[str, Decision], where: Path) -> AuditSample:
    """Return the sample with a person's answers from a table that `is_answer_to` it; earlier ones of other images stay.

    Other lines of the table change nothing: what a person chose to look at says nothing of the rest.

    Args:
        sample: As it was drawn.
        given: Answers in the table.
        where: The table, to name it.

    Raises:
        InputError: If not a single line of the sample is answered.
    """
    answers = {key: given[key] for key in drawn(sample) if key in given}
    if not answers:
        raise InputError(f"{where}: no line of the sample is answered; write pass, fail or unsure behind each key")
    return {**sample, "answers": {**sample["answers"], **answers}}


def largest_draw(sample: AuditSample) -> int:
    """Return the upper end of the number of drawn images that are of one group."""
    return 1 if sample["groups"] is None else sum(max(map(len, one["draws"])) for one in sample["strata"].values())


def estimated(sample: AuditSample) -> SampleEstimate | None:
    """Return the estimate from the answers; None without an answer. An image without one counts as unsure."""
    if not sample["answers"]:
        return None
    said = [sample["answers"].get(key, "unsure") for key in drawn(sample)]
    unsure = said.count("unsure")
    return estimate(judged_strata(sample), len(said) - unsure, unsure, len(said))


def judged_strata(sample: AuditSample) -> dict[str, JudgedStratum]:
    """Return the sums over the draws of each stratum."""
    answers = sample["answers"]

    def total(one: SampleStratum, *verdicts: Decision) -> float:
        shares = [sum(answers.get(key, "unsure") in verdicts for key in keys) / len(keys) for keys in one["draws"]]
        return math.fsum(shares)

    grouped = sample["groups"] is not None
    return {
        name: JudgedStratum(one["images"], len(one["draws"]), total(one, "fail"), total(one, "unsure"), grouped)
        for name, one in sample["strata"].items()
    }
