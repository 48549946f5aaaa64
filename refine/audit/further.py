"""Evidence beside the judges of synthetic and refined images: labeled real images, the way back, structure."""

from pathlib import Path

import torch
from torch import Tensor

from refine.audit.benign import BENIGN
from refine.audit.calibration import MOST, Scores, above
from refine.audit.displacement import displacement
from refine.audit.evidence import LEARNED, POWER, READ, Evidence, halves
from refine.audit.families import REAL, Case, finds, gather, is_competent
from refine.audit.judges import Judges, in_folds
from refine.audit.pairs import Pairs
from refine.audit.round_trip import going_back, load_inverse
from refine.audit.verdicts import share_read
from refine.data.images import to_float, to_levels
from refine.data.labeled_images import open_labeled, read_labeled
from refine.data.layouts import Layout
from refine.devices import choose_device
from refine.errors import InputError
from refine.methods.checkpoint import load_translator
from refine.progress import track

WAY_BACK, STRUCTURE = "way back", "structure"
DISPLACEMENT = "displacement_mean_pixels"
RESOLUTION = 0.5
"""Pixels: smaller displacements cannot be told from none."""


def open_real(pairs: Pairs, root: Path, layout: str) -> Layout:
    """Labeled real images.

    Raises:
        InputError: If they cannot be read, or have other labels.
    """
    opened = open_labeled(root, layout, None, pairs.names if pairs.kind == "class" else None)
    if opened.label_space.kind != pairs.kind or opened.label_space.names != pairs.names:
        raise InputError(
            f"{root}: has {opened.label_space.kind} labels {', '.join(opened.label_space.names)}, but the audited "
            f"images have {pairs.kind} labels {', '.join(pairs.names)}"
        )
    return opened


def real(case: Case, opened: Layout) -> tuple[Evidence, Judges]:
    """Judges that learned on labeled real images: at home where the refined images want to be.

    Raises:
        InputError: If an image or label cannot be read.
    """
    pairs, setting = case.pairs, case.setting
    images, labels, keys = read_labeled(opened, pairs.synthetic.shape[1], pairs.size)
    folds = in_folds(labels, pairs.kind, setting.folds, setting.seed, torch.arange(len(keys)))
    apart = case.train(REAL, (images,), labels, folds)
    return by_real(case, apart, images, folds, labels)


def by_real(case: Case, apart: Judges, images: Tensor, folds: Tensor, labels: Tensor) -> tuple[Evidence, Judges]:
    """What judges of real images say of the refined ones.

    Args:
        case: What is audited.
        apart: The judges; each saw the images of all folds but one.
        images: ``(n, C, H, W)`` uint8, the labeled real images.
        folds: ``(n,)``
        labels: ``(n, ...)``
    """
    # All of them judge a synthetic image; each only the real ones of its own fold.
    together = Judges(REAL, tuple(one._replace(network=f"{one.network}/{one.fold}", fold=-1) for one in apart.members))
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(case.setting.seed))[:MOST]
    own = (images[chosen], folds[chosen], labels[chosen])
    found = gather(REAL, apart, case, *own, together)
    calibrated, _, read = found
    power, rejects = finds(calibrated), calibrated.all_rejected()["rate"]
    reached = found.against(READ, consensus=None)
    why = (
        f"Learned on {len(images)} labeled real images; finds the label in {read:.1%} of the refined images "
        f"(bar {READ:.0%}), and planted harm in {power:.1%} of cases at least (bar {POWER:.0%}); rejects {rejects:.1%} "
        "of real images that it never saw after benign changes."
    )
    able = is_competent(reached)
    if not able:
        reached |= case.learned(apart, *own, calibrated.limits())
    calibrated = calibrated._replace(competent=able, measured=power, bar=POWER, why=why, reached=reached)
    return calibrated._replace(labeled_images=len(images)), together


def way_back(case: Case, judged: Evidence, judges: Judges, checkpoint: Path, trust: tuple[str, ...]) -> Evidence | str:
    """The label after going back through the method's inverse, with noise and 8-bit rounding in between.

    Args:
        case: What is audited.
        judged: The evidence of judges of synthetic images: its limits hold here too.
        judges: They.
        checkpoint: What refined the images.
        trust: Modules beside ``refine`` whose classes it may name.

    Returns:
        One sentence where the method has no way back.

    Raises:
        InputError: If the checkpoint cannot be read.
    """
    translator = load_translator(checkpoint, trust)
    if reason := load_inverse(checkpoint, translator):
        return reason
    device = choose_device(case.setting.device)
    translator.to(device)
    generator = torch.Generator().manual_seed(case.setting.seed)
    back = []
    for part in track(torch.split(case.pairs.refined, 32), "going back"):
        images = going_back(translator, to_float(part).to(device), generator)
        assert images is not None
        back.append(to_levels(images).cpu())
    scores = case.measure(judges)(torch.cat(back), case.folds, case.pairs.labels)
    found = judged._replace(name=WAY_BACK, scores=scores, before={}, decides=False, power=())
    read = share_read(found)
    why = (
        f"The judges of synthetic images find the label in {read:.1%} of the refined images after these went back "
        f"through noise (bar {LEARNED:.0%}); it asks for a review only."
    )
    return found._replace(competent=read >= LEARNED, measured=read, bar=LEARNED, why=why)


def moved_structure(case: Case) -> Evidence:
    """Displacement of edges and contours: harm to every label that says where something is."""
    pairs, chosen = case.pairs, case.sample()
    generator = torch.Generator().manual_seed(case.setting.seed)
    before = to_float(pairs.synthetic[chosen])
    benign: dict[str, Scores] = {}
    for change in BENIGN:
        shifts = displacement(before, change.change(before, generator))
        benign[change.name] = {DISPLACEMENT: shifts.clamp_min(RESOLUTION)}
    first, held_out = halves(benign, torch.arange(len(chosen)) % 2 == 0)
    parts = zip(torch.split(pairs.synthetic, 32), torch.split(pairs.refined, 32), strict=True)
    scores = torch.cat([displacement(to_float(one), to_float(other)) for one, other in parts])
    found = Evidence(STRUCTURE, {DISPLACEMENT: scores}, {}, first, held_out, False, 0.0, LEARNED, "", decides=False)
    calm = 1.0 - float(above(found.scores, found.limits().review).float().mean())
    why = (
        f"Edges stay where they were in {calm:.1%} of the images (bar {LEARNED:.0%}: else the translator redraws them "
        "everywhere, and displacement says nothing of single images); it asks for a review only."
    )
    return found._replace(competent=calm >= LEARNED, measured=calm, why=why)
