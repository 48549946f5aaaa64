"""Self-training: learns from real images what labels alone do not show, and says which classes it lost."""

import pytest
import torch
from torch import Tensor

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.labels import IGNORE, KINDS
from refine.methods import SelfTraining, Task
from tests.methods.steps import run_steps

SIDE, STEPS = 16, 80


def dots(labels: Tensor, contrast: float, seed: int) -> Tensor:
    """``(B, 1, 16, 16)``: class 0 has its bright half above, class 1 below, by ``contrast`` over noise."""
    draws = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.randn(len(labels), 1, SIDE, SIDE, generator=draws)
    for image, label in zip(images, labels.tolist(), strict=True):
        half = slice(0, SIDE // 2) if label == 0 else slice(SIDE // 2, SIDE)
        image[:, half] += contrast
    return images.clamp(-1, 1)


def batches(steps: int, shares: tuple[float, float] = (0.5, 0.5)) -> list[UnpairedBatch]:
    found = []
    for step in range(steps):
        draws = torch.Generator().manual_seed(step)
        labels = torch.arange(16) % 2
        hidden = (torch.rand(16, generator=draws) < shares[1]).long()
        labeled = Labeled(dots(labels, 0.9, 2 * step), labels, ["image"] * 16)
        found.append(UnpairedBatch(synthetic=labeled, real=dots(hidden, 0.9, 2 * step + 1)))
    return found


def trained(shares: tuple[float, float] = (0.5, 0.5), **arguments: float) -> SelfTraining:
    settings = {"supervised_share": 0.25, "threshold": 0.6, **arguments}
    method = SelfTraining(classes=["above", "below"], channels=1, width=4, steps=STEPS, **settings)  # type: ignore[arg-type]
    run_steps(method, batches(STEPS, shares))
    return method.eval()


def test_it_learns_the_classes_of_real_images_and_loses_none() -> None:
    method, labels = trained(), torch.arange(64) % 2
    assert (method.predict(dots(labels, 0.9, 999)) == labels).float().mean() > 0.9
    assert method.lost_classes() == []


def test_a_class_that_no_real_image_shows_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    method = trained((1.0, 0.0), align=False)
    assert method.lost_classes() == ["below"]
    assert "hardly any real image is taken for below" in capsys.readouterr().out


def test_without_weight_the_student_learns_nothing_from_real_images() -> None:
    without, other = trained(unlabeled_weight=0.0, align=False), trained((1.0, 0.0), unlabeled_weight=0.0, align=False)
    head = "model.head.bias"  # statistics of batch normalization do see the real images
    assert torch.allclose(without.state_dict()[head], other.state_dict()[head], atol=0.1)
    assert not torch.equal(trained(align=False).state_dict()[head], without.state_dict()[head])


def test_the_bundle_holds_the_teacher_and_is_a_task_model() -> None:
    method = trained()
    assert method.exported_prefixes() == ("average.",)
    assert isinstance(method, Task)
    images = dots(torch.arange(8) % 2, 0.9, 7)
    assert torch.equal(method.features(images).argmax(1), method.average.network.features(images).argmax(1))  # type: ignore[operator]


def test_only_sure_pixels_are_learned_from() -> None:
    estimate = torch.tensor([[0.9, 0.5], [0.1, 0.5]])[None, :, None]  # (1, K, H = 1, W = 2)
    label, weight = KINDS["mask"].pseudo_labels(estimate, 0.8)
    assert label.tolist() == [[[0, IGNORE]]]
    assert weight.tolist() == [0.5]


def test_values_are_learned_from_as_they_are_and_boxes_are_refused() -> None:
    values = torch.tensor([[0.25, -1.0]])
    label, weight = KINDS["targets"].pseudo_labels(values, 0.95)
    assert torch.equal(label, values)
    assert weight.tolist() == [1.0]
    with pytest.raises(InputError, match="self-training does not learn labels of kind objects"):
        KINDS["objects"].pseudo_labels(torch.zeros(1, 2, 6), 0.95)


@pytest.mark.parametrize("wrong", [{"threshold": 1.0}, {"ema": -0.1}, {"supervised_share": 1.5}, {"strength": -1.0}])
def test_arguments_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is"):
        SelfTraining(classes=["above", "below"], **wrong)  # type: ignore[arg-type]


def test_batches_without_real_images_are_refused() -> None:
    method = SelfTraining(classes=["above", "below"], channels=1, width=4)
    with pytest.raises(InputError, match="needs real images"):
        method.training_step(batches(1)[0]["synthetic"], 0)
