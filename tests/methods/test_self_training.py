"""Self-training: learns from real images what labels alone do not show, and says which classes it lost."""

from types import SimpleNamespace

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
    method = SelfTraining(classes=["above", "below"], channels=1, width=4, steps=STEPS, **settings)  # type: ignore[arg-type]  # of any type
    run_steps(method, batches(STEPS, shares))
    return method.eval()


def test_it_learns_the_classes_of_real_images_and_loses_none() -> None:
    method, labels = trained(), torch.arange(64) % 2
    assert (method.predict(dots(labels, 0.9, 999)) == labels).float().mean() > 0.9
    assert method.lost_classes() == []


def test_a_class_that_no_real_image_shows_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    method = trained((1.0, 0.0), align=False)
    assert method.lost_classes() == ["below"]
    assert capsys.readouterr().out == ""  # of a short fit, as a benchmark makes them
    method.trainer = SimpleNamespace(datamodule=object())  # type: ignore[assignment]  # as in `refine fit`
    method.on_train_end()
    assert "hardly any real image is taken for below" in capsys.readouterr().out


def test_without_weight_the_student_learns_nothing_from_real_images() -> None:
    without, other = trained(unlabeled_weight=0.0, align=False), trained((1.0, 0.0), unlabeled_weight=0.0, align=False)
    head = "model.head.bias"  # statistics of batch normalization do see the real images
    assert torch.allclose(without.state_dict()[head], other.state_dict()[head], atol=0.1)
    assert not torch.equal(trained(align=False).state_dict()[head], without.state_dict()[head])


def test_alignment_brings_the_shares_of_the_labels_back() -> None:
    method = SelfTraining(classes=["above", "below"], channels=1, width=4, threshold=0.0)
    sure = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    labels = torch.tensor([0, 1, 0, 1])
    guesses = {}
    for align in (True, False):
        method.align = align
        method.estimate = lambda images: sure  # type: ignore[method-assign]  # a stand-in
        for _ in range(20):
            guesses[align] = method._guess(sure, labels)[0].tolist()
    assert guesses == {True: [0, 0, 1, 1], False: [0, 0, 0, 0]}


def test_real_images_count_from_their_share_of_the_steps_on() -> None:
    learned = {weight: trained(unlabeled_weight=weight, supervised_share=0.99) for weight in (0.0, 1.0)}
    first, other = (learned[weight].state_dict()["model.head.weight"] for weight in (0.0, 1.0))
    assert torch.equal(first, other)


def test_the_bundle_holds_the_teacher_and_is_a_task_model() -> None:
    method = trained()
    assert method.exported_prefixes() == ("average.",)
    assert isinstance(method, Task)
    images = dots(torch.arange(8) % 2, 0.9, 7)
    assert torch.equal(method.features(images).argmax(1), method.average.network.features(images).argmax(1))  # type: ignore[operator]  # torch


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
        SelfTraining(classes=["above", "below"], **wrong)  # type: ignore[arg-type]  # on purpose


def test_batches_without_real_images_are_refused() -> None:
    method = SelfTraining(classes=["above", "below"], channels=1, width=4)
    with pytest.raises(InputError, match="needs real images"):
        method.training_step(batches(1)[0]["synthetic"], 0)


def test_a_model_of_boxes_is_refused_before_it_begins() -> None:
    with pytest.raises(InputError, match="self-training does not learn labels of kind objects"):
        SelfTraining(classes=["thing"], kind="objects", channels=1).prepare("fit", None)


def test_labeled_images_are_moved_alone_and_real_ones_look_other_as_well() -> None:
    images = torch.zeros(4, 1, SIDE, SIDE)
    images[:, :, 4:8, 4:8] = 1.0
    both = SelfTraining(classes=["a", "b"], channels=1, width=4)._views(images, images)
    labeled, real = both[:4], both[4:]
    weak = SelfTraining(classes=["a", "b"], channels=1, width=4, strength=0.0)._views(images, images)[4:]
    assert not torch.equal(labeled, images)
    assert bool(((labeled >= 0) & (labeled <= 1)).all())  # no noise, no other light
    assert not torch.equal(weak, images)
    assert not torch.equal(weak, labeled)
    assert float((real - weak).abs().mean()) > 0.05
    masks = SelfTraining(classes=["a", "b"], channels=1, width=4, kind="mask")._views(images, images)
    assert torch.equal(masks[:4], images)  # a mask would have to be moved with its image
