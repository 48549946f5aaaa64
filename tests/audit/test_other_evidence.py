from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from refine.audit.evidence import AuditContext, Evidence
from refine.audit.options import AuditOptions
from refine.audit.other_evidence import (
    DISPLACEMENT,
    RESOLUTION_PIXELS,
    going_back,
    load_inverse,
    moved_structure,
    way_back,
)
from refine.audit.pairs import Pairs
from refine.data.images import to_levels
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method
from refine.methods.color_transfer import ColorTransfer
from refine.methods.cyclegan import CycleGAN
from tests.audit.scenes import draws, gray_context, readers, scenes, shifted


def small(**arguments: object) -> CycleGAN:
    torch.manual_seed(0)
    settings = {"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
    return CycleGAN(**{**settings, **arguments}).eval()  # type: ignore[arg-type]  # the test names the arguments


def images(size: tuple[int, int] = (16, 16), channels: int = 1) -> Tensor:
    return torch.rand(2, channels, *size, generator=draws(5)) * 2 - 1


def saved(method: CycleGAN, file: Path) -> Path:
    checkpoint = {"state_dict": method.state_dict(), "refine": {**method.description(), "steps_done": 0}}
    torch.save(checkpoint, file)
    return file


class Echo(nn.Module):
    """Gives back what it sees, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return images


def test_what_goes_back_is_the_second_generators_answer_to_noisy_levels() -> None:
    method, echo = small(), Echo()
    method.real_to_synthetic = echo
    refined = images((60, 60))
    back = going_back(method, refined, draws(), noise=0.1)
    assert back is not None
    change = echo.seen - refined
    assert float(change.std()) == pytest.approx(0.1, rel=0.15)  # clamping at the ends takes some
    levels = (echo.seen + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert torch.allclose(back, echo.seen, atol=1e-6)


def test_a_signal_below_one_level_does_not_go_back() -> None:
    method = small()
    level = torch.full((1, 1, 16, 16), 10 / 127.5 - 1)
    hidden = level + 0.4 / 127.5 * torch.sign(images()[:1])
    plain, secret = (going_back(method, seen, draws(), noise=0.1) for seen in (level, hidden))
    assert plain is not None
    assert secret is not None
    assert torch.equal(plain, secret)


@pytest.mark.parametrize("working_size", [None, (16, 16)])
def test_any_size_and_gray_through_color_come_back_as_they_were(working_size: tuple[int, int] | None) -> None:
    method = small(channels=3)
    method.working_size = working_size
    back = going_back(method, images((21, 30)), draws())
    assert back is not None
    assert back.shape == (2, 1, 21, 30)
    assert float(back.abs().max()) <= 1.0


def test_a_checkpoint_loaded_for_refining_has_its_way_back_only_after_it_was_asked_for(tmp_path: Path) -> None:
    method = small()
    file = saved(method, tmp_path / "last.ckpt")
    loaded = load_method(file)
    assert going_back(loaded, images(), draws()) is None
    assert load_inverse(file, loaded) is None
    back, expected = going_back(loaded, images(), draws()), going_back(method, images(), draws())
    assert back is not None
    assert expected is not None
    assert torch.equal(back, expected)


def test_a_bundle_has_no_way_back_and_says_so(tmp_path: Path) -> None:
    write_bundle(small(), tmp_path / "bundle")
    loaded = load_method(tmp_path / "bundle")
    assert "bundle, which has no way back" in (load_inverse(tmp_path / "bundle", loaded) or "")
    assert going_back(loaded, images(), draws()) is None
    assert isinstance(loaded, CycleGAN)
    with pytest.raises(ValueError, match="loaded without its way back"):
        loaded.simulate(images())


def test_a_checkpoint_without_the_weights_says_so(tmp_path: Path) -> None:
    method = small()
    state = {name: weight for name, weight in method.state_dict().items() if not name.startswith("real_to")}
    torch.save({"state_dict": state, "refine": {**method.description(), "steps_done": 0}}, tmp_path / "half.ckpt")
    loaded = load_method(tmp_path / "half.ckpt")
    assert "no complete weights" in (load_inverse(tmp_path / "half.ckpt", loaded) or "")
    assert going_back(loaded, images(), draws()) is None


def test_methods_without_an_inverse_have_none(tmp_path: Path) -> None:
    method = ColorTransfer()
    assert going_back(method, images(channels=3), draws()) is None
    assert "ColorTransfer has no way back" in (load_inverse(tmp_path, method) or "")


def test_what_goes_back_is_asked_for_its_label_and_fails_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(small(), tmp_path / "cyclegan.ckpt")
    monkeypatch.setattr(CycleGAN, "simulate", lambda self, images: images)
    images = gray_context().pairs.synthetic
    refined = torch.cat([images[1:13], images[12:]])  # the first under the other label
    context, judges = gray_context(refined), readers()
    doubt = judges.deciding_scores(context.synthetic())
    perturbed = {"noise": {name: scores + 0.1 for name, scores in doubt.items()}}
    judged = Evidence("content", doubt, doubt, perturbed, perturbed, True, 1.0, 0.7, "")
    found = way_back(context, judged, judges, path, ())
    assert isinstance(found, Evidence)
    assert (found.name, found.decides, found.competent) == ("way back", False, True)
    assert found.measured == pytest.approx(0.9)
    limit = found.limits().review["class_doubt"]
    assert (found.scores["class_doubt"] > limit).tolist() == [True] * 12 + [False] * 108
    assert all("fail_threshold" not in record for record in found.records().values())


def structure_of(refined: Tensor, synthetic: Tensor) -> Evidence:
    masks = torch.zeros(len(synthetic), 32, 32, dtype=torch.uint8)
    keys = tuple(map(str, range(len(synthetic))))
    pairs = Pairs("mask", ("a", "b"), keys, to_levels(synthetic), to_levels(refined), masks)
    return moved_structure(AuditContext(pairs, torch.zeros(len(keys)), AuditOptions()))


def test_what_moved_asks_for_a_review() -> None:
    large = scenes(24, 64, 64)
    still = shifted(large, 0, 0)
    some = still.clone()
    some[:2] = shifted(large[:2], 0, 4)
    found = structure_of(0.8 * some, still)
    limit = found.limits().review[DISPLACEMENT]
    assert limit >= RESOLUTION_PIXELS
    assert (found.scores[DISPLACEMENT] > limit).tolist() == [True] * 2 + [False] * 22
    assert found.competent
    assert not found.decides


def test_a_translator_that_redraws_everything_says_nothing_by_it() -> None:
    large = scenes(24, 64, 64)
    found = structure_of(shifted(large, 0, 4), shifted(large, 0, 0))
    assert not found.competent
