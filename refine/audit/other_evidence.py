"""Evidence that asks for a review only: the label after going back through the inverse generator, and moved edges."""

from pathlib import Path

import torch
from torch import Tensor

from refine.audit.calibration import above
from refine.audit.displacement import displacement
from refine.audit.evidence import LEARNED, AuditContext, Evidence, halves
from refine.audit.judges import JudgeEnsemble
from refine.audit.measures import Scores
from refine.audit.perturbations import PERTURBATIONS
from refine.data.images import to_float, to_levels
from refine.devices import choose_device, without_tf32
from refine.errors import InputError
from refine.methods.base import Method
from refine.methods.checkpoint import load_translator, read_checkpoint
from refine.methods.cyclegan import CycleGAN
from refine.methods.rebuild import fitting
from refine.methods.way_back import INVERSE
from refine.progress import track

WAY_BACK, STRUCTURE = "way back", "structure"
NOISE = 0.05
"""Standard deviation of the noise on the way back, of a range of 2: more than six 8-bit levels, which is far above what
CycleGAN hides in the pixels (Chu et al. 2017, arXiv 1712.02950, section 3), and hardly seen."""
DISPLACEMENT = "displacement_mean_pixels"
RESOLUTION_PIXELS = 0.5
"""Smaller displacements cannot be told from none."""
IMAGES_PER_CALL = 32


def load_inverse(path: Path, method: Method) -> str | None:
    """Give a loaded method the weights of its inverse generator, where its file has them.

    `load_method` reads only what refining needs.

    Args:
        path: The `.ckpt` or bundle that ``method`` was loaded from.
        method: It is changed in place.

    Returns:
        None if there is an inverse now, else one sentence that says why not.

    Raises:
        InputError: If the file cannot be read, or its weights do not fit.
    """
    if not isinstance(method, CycleGAN):
        return f"{type(method).__name__} has no way back to synthetic images."
    if path.is_dir():
        return f"{path.name} is a bundle, which has no way back; name the .ckpt that it was made from."
    stored = read_checkpoint(path).get("state_dict")
    found, wanted = (
        {name: weight for name, weight in dict(weights or {}).items() if name.startswith(INVERSE)}
        for weights in (stored, method.state_dict())
    )
    if set(found) != set(wanted):
        return f"{path.name} has no complete weights of the way back."
    try:
        method.load_state_dict(fitting(path, wanted, found), strict=False, assign=True)
    except InputError as error:
        raise InputError(f"{path}: its way back does not fit the method ({error})") from error
    return None


@without_tf32()
def going_back(method: Method, refined: Tensor, generator: torch.Generator, noise: float = NOISE) -> Tensor | None:
    """Take refined images back to the synthetic domain: rounded to 8 bits, made noisy, rounded, and translated.

    Args:
        method: The method that refined them, in eval mode.
        refined: ``(B, C, H, W)`` in [-1, 1], of any size, as `Translator.refine` gives them.
        generator: Draws the noise.
        noise: Its standard deviation, of a range of 2. A cycle loss teaches translators to hide what they need for
            the way back in faint pixels; a label that comes back through noise was there to be seen.

    Returns:
        The same shape and range, to the levels of 8 bits; None where the method has no inverse (`load_inverse` says
        why).

    Source:
        Chu et al. 2017, CycleGAN, a master of steganography, arXiv 1712.02950: what is hidden does not survive noise.
    """
    if not isinstance(method, CycleGAN) or not method.has_inverse:
        return None
    written = to_float(to_levels(refined))
    drawn = torch.randn(refined.shape, generator=generator, device=generator.device).to(refined.device)
    seen = to_float(to_levels(written + noise * drawn))
    return to_float(to_levels(method.simulate(seen)))


def way_back(
    context: AuditContext, judged: Evidence, judges: JudgeEnsemble, checkpoint: Path, trust: tuple[str, ...]
) -> Evidence | str:
    """Ask for the label after going back through the method's inverse, with noise and 8-bit rounding in between.

    Args:
        context: What is audited.
        judged: The evidence of judges of synthetic images: its limits hold here too.
        judges: They.
        checkpoint: The method that refined the images.
        trust: Modules other than ``refine`` whose classes it may name.

    Returns:
        One sentence where the method has no inverse.

    Raises:
        InputError: If the checkpoint cannot be read.
    """
    translator = load_translator(checkpoint, trust)
    if reason := load_inverse(checkpoint, translator):
        return reason
    device = choose_device(context.options.device)
    translator.to(device)
    generator = torch.Generator().manual_seed(context.options.seed)
    back = []
    for part in track(torch.split(context.pairs.refined, IMAGES_PER_CALL), "going back"):
        images = going_back(translator, to_float(part).to(device), generator)
        assert images is not None
        back.append(to_levels(images).cpu())
    scores = judges.deciding_scores(context.refined()._replace(images=torch.cat(back)))
    found = judged._replace(name=WAY_BACK, scores=scores, before={}, decides=False, power=())
    read = found.share_read()
    why = (
        f"The judges of synthetic images find the label in {read:.1%} of the refined images after these went back "
        f"through noise (bar {LEARNED:.0%}); it asks for a review only."
    )
    return found._replace(competent=read >= LEARNED, measured=read, bar=LEARNED, why=why)


def moved_structure(context: AuditContext) -> Evidence:
    """Displacement of edges and contours: harm to every label that says where something is."""
    pairs, chosen = context.pairs, context.sample()
    generator = torch.Generator().manual_seed(context.options.seed)
    before = to_float(pairs.synthetic[chosen])
    perturbed: dict[str, Scores] = {}
    for name, change in PERTURBATIONS:
        shifts = displacement(before, change(before, generator))
        perturbed[name] = {DISPLACEMENT: shifts.clamp_min(RESOLUTION_PIXELS)}
    first, held_out = halves(perturbed, torch.arange(len(chosen)) % 2 == 0)
    parts = zip(*(torch.split(side, IMAGES_PER_CALL) for side in (pairs.synthetic, pairs.refined)), strict=True)
    scores = torch.cat([displacement(to_float(one), to_float(other)) for one, other in parts])
    found = Evidence(STRUCTURE, {DISPLACEMENT: scores}, {}, first, held_out, decides=False)
    calm = 1.0 - float(above(found.scores, found.limits().review).float().mean())
    why = (
        f"Edges stay where they were in {calm:.1%} of the images (bar {LEARNED:.0%}: else the translator redraws them "
        "everywhere, and displacement says nothing of single images); it asks for a review only."
    )
    return found._replace(competent=calm >= LEARNED, measured=calm, bar=LEARNED, why=why)
