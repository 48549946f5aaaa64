"""The judge ensembles, trained or given, and the evidence that each brings; also after the inverse generator."""

from pathlib import Path

import torch
from torch import Tensor

from refine.audit.calibration import MOST_IMAGES, planted_power
from refine.audit.evidence import (
    CONSENSUS_BAR,
    LABEL_BAR,
    LEARNED_BAR,
    POWER_BAR,
    AuditContext,
    Evidence,
    GatheredEvidence,
    gather_evidence,
)
from refine.audit.judges import EnsembleMember, Examples, JudgeEnsemble, in_folds
from refine.audit.pairs import Pairs
from refine.data.images import to_float, to_levels
from refine.data.layouts import Layout
from refine.data.open_layout import open_labeled
from refine.data.store import read_labeled
from refine.devices import CPU, choose_device, without_tf32
from refine.errors import InputError
from refine.methods.checkpoint import load_method, load_translator, read_checkpoint
from refine.methods.cyclegan import INVERSE, CycleGAN
from refine.methods.rebuild import fitting
from refine.methods.task import Task
from refine.terminal import track

CONTENT, ADAPTED, REAL, GIVEN = "content", "adapted", "real", "given"
INVERSE_GENERATOR = "way back"
"""Name of its evidence in `audit.json`, where earlier audits have it, too."""
"""Name of the evidence after the inverse generator, as `audit.json` has it."""
NOISE = 0.05
"""Standard deviation of the noise before the inverse generator, of a range of 2: more than six 8-bit levels, which is
far above what CycleGAN hides in the pixels (Chu et al. 2017, arXiv 1712.02950, section 3), and hardly seen."""
REFINED_PER_CALL = 32
NO_LABELS_FOUND = "Judges that learned on the refined images cannot find the labels there either: they are lost."


def content(context: AuditContext) -> tuple[Evidence, JudgeEnsemble]:
    """Judges that learned on synthetic images alone, under strong changes of appearance: nothing fools them that the
    translator does everywhere alike, if only they are at home in what it makes."""
    pairs, own = context.pairs, context.synthetic().take(context.sample())
    judges = context.train(CONTENT, (pairs.synthetic,), pairs.labels, context.folds)
    found = gather_evidence(CONTENT, judges, context, own)
    why = (
        f"{_architectures(judges)} the same of {found.consensus:.1%} of the refined images (bar {CONSENSUS_BAR:.0%}), "
        f"find the label in {found.label_share:.1%} (bar {LABEL_BAR:.0%}), and find {_planted(found)}."
    )
    return found.conclude("consensus", why, trained_apart=True), judges


def _planted(found: GatheredEvidence) -> str:
    return f"planted corruption in {found.evidence.least_power():.1%} of cases at least (bar {POWER_BAR:.0%})"


def _architectures(judges: JudgeEnsemble) -> str:
    members = {member.network for member in judges.members}
    kinds = {name.rpartition("-")[0] for name in members}
    if len(members) == 1:
        return "Judges of one architecture, with none beside it, say"
    return f"Judges of {len(kinds)} architectures say" if len(kinds) > 1 else "Judges that were trained apart say"


def adapted(context: AuditContext) -> tuple[Evidence, JudgeEnsemble]:
    """Judges that learned on refined and synthetic images: sharp, but what the translator does everywhere alike is
    right to them."""
    pairs, sample = context.pairs, context.refined().take(context.sample())
    judges = context.train(ADAPTED, (pairs.refined, pairs.synthetic), pairs.labels, context.folds)
    # Nobody knows which refined labels are right: limits come from images in which these judges find the label.
    plain = judges.judge(sample).scores
    first_measure = plain[pairs.kind.deciding(pairs.names)[0]]
    believed = plain["class_margin"] < 0 if pairs.kind.one_class else first_measure <= first_measure.median()
    found = gather_evidence(ADAPTED, judges, context, sample.take(believed) if int(believed.sum()) >= 2 else sample)
    why = (
        f"Learned on refined images of other folds; finds the label in {found.label_share:.1%} of them "
        f"(bar {LEARNED_BAR:.0%}), and {_planted(found)}. It cannot see what the translator changes in all images "
        "alike."
    )
    return found.conclude("label", why, label_bar=LEARNED_BAR), judges


def labels_cannot_be_found(context: AuditContext, first: Evidence, judges: JudgeEnsemble, second: Evidence) -> bool:
    """Return whether able judges, who agree about the refined images, do not find the labels there, and learning there
    does not help: then no judge can be at home in what the translator makes.

    Judges that are able find planted corruption in synthetic images: those that learned nothing agree, too, and let
    all pass.

    Args:
        context: What is audited.
        first: The evidence of judges of synthetic images, which are not competent on refined ones.
        judges: These judges.
        second: The evidence of judges that learned on both.
    """
    if first.measured < first.bar or second.competent or second.measured >= LABEL_BAR:
        return False
    pairs, own = context.pairs, context.synthetic().take(context.sample())
    found = planted_power(pairs.kind, pairs.names, own, judges.deciding_scores, first.limits(), context.options.seed)
    return first._replace(power=tuple(found)).least_power() >= POWER_BAR


def load_given(
    pairs: Pairs, paths: tuple[Path, ...], trust: tuple[str, ...], device: torch.device = CPU
) -> JudgeEnsemble:
    """Load task models of the user's.

    Raises:
        InputError: If a file holds no task model, or one of other labels.
    """
    members = []
    for place, path in enumerate(paths):
        task = load_method(path, trust)
        if not isinstance(task, Task):
            raise InputError(f"{path}: holds {type(task).__name__}; --judge takes a task model's checkpoint")
        if task.label_kind is not pairs.kind or tuple(task.classes or ()) != pairs.names:
            raise InputError(
                f"{path}: knows {task.kind} labels {', '.join(task.classes or ())}, but the dataset has "
                f"{pairs.kind.name} labels {', '.join(pairs.names)}; give a judge of these"
            )
        if task.channels < pairs.synthetic.shape[1]:
            raise InputError(f"{path}: takes gray images, and the dataset is in color; give a judge of color images")
        members.append(EnsembleMember(f"{path.name}-{place}", -1, task.to(device)))
    return JudgeEnsemble(GIVEN, tuple(members))


def given(context: AuditContext, judges: JudgeEnsemble) -> Evidence:
    """Task models of the user's; whether they saw the synthetic images nobody knows."""
    found = gather_evidence(GIVEN, judges, context, context.synthetic().take(context.sample()))
    share = found.label_share
    why = f"Finds the label in {share:.1%} of the refined images (bar {LABEL_BAR:.0%}), and {_planted(found)}."
    return found.conclude("label", why)


def open_real(pairs: Pairs, root: Path, layout: str) -> Layout:
    """Open labeled real images.

    Raises:
        InputError: If they cannot be read, or have other labels.
    """
    opened = open_labeled(root, layout, None, pairs.names if pairs.kind.one_class else None)
    if opened.label_space.kind != pairs.kind.name or opened.label_space.names != pairs.names:
        raise InputError(
            f"{root}: has {opened.label_space.kind} labels {', '.join(opened.label_space.names)}, but the audited "
            f"images have {pairs.kind.name} labels {', '.join(pairs.names)}"
        )
    return opened


def real(context: AuditContext, opened: Layout) -> tuple[Evidence, JudgeEnsemble]:
    """Judges that learned on labeled real images: at home where the refined images want to be.

    Raises:
        InputError: If an image or label cannot be read.
    """
    pairs, options = context.pairs, context.options
    images, labels, keys = read_labeled(opened, pairs.synthetic.shape[1], pairs.size)
    folds = in_folds(labels, pairs.kind, options.folds, options.seed, torch.arange(len(keys)))
    apart = context.train(REAL, (images,), labels, folds)
    return by_real(context, apart, Examples(images, folds, labels))


def by_real(context: AuditContext, apart: JudgeEnsemble, own: Examples) -> tuple[Evidence, JudgeEnsemble]:
    """Ask judges of real images about the refined ones; synthetic images they are not at home in.

    Args:
        context: What is audited.
        apart: The judges; each saw the images of all folds but one.
        own: The labeled real images.
    """
    # All of them judge a synthetic image; each only the real ones of its own fold.
    members = (one._replace(network=f"{one.network}/{one.fold}", fold=-1) for one in apart.members)
    together, count = JudgeEnsemble(REAL, tuple(members)), len(own.images)
    own = own.take(torch.randperm(count, generator=torch.Generator().manual_seed(context.options.seed))[:MOST_IMAGES])
    found = gather_evidence(REAL, apart, context, own, together, before=False)
    why = (
        f"Learned on {count} labeled real images; finds the label in {found.label_share:.1%} of the refined images "
        f"(bar {LABEL_BAR:.0%}), and {_planted(found)}; rejects {found.evidence.false_rejects()['rate']:.1%} of real "
        "images that it never saw after perturbations."
    )
    concluded = found.conclude("power", why, consensus_bar=None, trained_apart=True)
    return concluded._replace(labeled_images=count), together


def inverse_evidence(
    context: AuditContext, judged: Evidence, judges: JudgeEnsemble, checkpoint: Path, trust: tuple[str, ...]
) -> Evidence | str:
    """Ask for the label after the inverse generator, with noise and 8-bit rounding before it; asks for a review only.

    Args:
        context: What is audited.
        judged: The evidence of judges of synthetic images: its limits hold here too.
        judges: These judges.
        checkpoint: The method that refined the images.
        trust: Modules other than ``refine`` whose classes it may name.

    Returns:
        One sentence where the method has no inverse generator.

    Raises:
        InputError: If the checkpoint cannot be read.
    """
    method = load_with_inverse(checkpoint, trust)
    if isinstance(method, str):
        return method
    device = choose_device(context.options.device)
    method.to(device)
    generator = torch.Generator().manual_seed(context.options.seed)
    back = [
        to_levels(translated_back(method, to_float(part).to(device), generator)).cpu()
        for part in track(torch.split(context.pairs.refined, REFINED_PER_CALL), "going back")
    ]
    scores = judges.deciding_scores(context.refined()._replace(images=torch.cat(back)))
    found = judged._replace(name=INVERSE_GENERATOR, scores=scores, before={}, decides=False, power=())
    read = found.label_share()
    why = (
        f"The judges of synthetic images find the label in {read:.1%} of the refined images after these went back "
        f"through noise (bar {LEARNED_BAR:.0%}); it asks for a review only."
    )
    return found._replace(competent=read >= LEARNED_BAR, measured=read, bar=LEARNED_BAR, why=why)


def load_with_inverse(path: Path, trust: tuple[str, ...] = ()) -> CycleGAN | str:
    """Load a method with the weights of its inverse generator, which refining does not need.

    Args:
        path: A `.ckpt` or bundle.
        trust: Modules other than ``refine`` whose classes it may name.

    Returns:
        One sentence that says why there is no inverse generator.

    Raises:
        InputError: If the file cannot be read, or its weights do not fit.
    """
    method = load_translator(path, trust)
    if not isinstance(method, CycleGAN):
        return f"{type(method).__name__} has no inverse generator to synthetic images."
    if path.is_dir():
        return f"{path.name} is a bundle, which has no inverse generator; name the .ckpt that it was made from."
    stored = dict(read_checkpoint(path).get("state_dict") or {})
    found, wanted = (
        {name: weight for name, weight in weights.items() if name.startswith(INVERSE)}
        for weights in (stored, method.state_dict())
    )
    if set(found) != set(wanted):
        return f"{path.name} has no complete weights of the inverse generator."
    try:
        method.load_state_dict(fitting(path, wanted, found), strict=False, assign=True)
    except InputError as error:
        raise InputError(f"{path}: its inverse generator does not fit the method ({error})") from error
    return method


@without_tf32()
def translated_back(method: CycleGAN, refined: Tensor, generator: torch.Generator, noise: float = NOISE) -> Tensor:
    """Take refined images back to the synthetic domain: rounded to 8 bits, made noisy, rounded, and translated.

    Args:
        method: The method that refined them, in eval mode.
        refined: ``(B, C, H, W)`` in [-1, 1], of any size, as `Translator.refine` gives them.
        generator: Draws the noise.
        noise: Its standard deviation, of a range of 2. A cycle loss teaches translators to hide what they need for
            the inverse generator in faint pixels; a label that comes back through noise was there to be seen.

    Returns:
        The same shape and range, to the levels of 8 bits.

    Raises:
        ValueError: If the method was loaded without its inverse generator.

    Source:
        Chu et al. 2017, CycleGAN, a master of steganography, arXiv 1712.02950: what is hidden does not survive noise.
    """
    written = to_float(to_levels(refined))
    drawn = torch.randn(refined.shape, generator=generator, device=generator.device).to(refined.device)
    seen = to_float(to_levels(written + noise * drawn))
    return to_float(to_levels(method.simulate(seen)))
