from typing import get_args

import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.errors import InputError
from refine.labels import KINDS, Annotation, KindName, LabelKind, kind_learned_by
from refine.networks.task_networks import NetworkName
from tests.labels.examples import SIDE, labels_of, names_of

EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SEMANTIC = {"class": (2, 3), "mask": (2, 3, 4, 4), "targets": (2, 3)}
"""Shapes of outputs."""


def semantic(name: str, dtype: torch.dtype = torch.float32) -> tuple[LabelKind, Tensor, Tensor]:
    """Outputs, and labels for them."""
    kind, outputs = KINDS[name], torch.randn(SEMANTIC[name], generator=torch.Generator().manual_seed(0), dtype=dtype)
    label = kind.decided(outputs) if kind.has_probabilities else outputs + 2
    if kind.per_pixel:
        label[0, 0, :2] = 255
    return kind, outputs, label


def test_every_kind_has_a_name() -> None:
    assert tuple(KINDS) == get_args(KindName)


@pytest.mark.parametrize("name", SEMANTIC)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    kind, outputs, label = semantic(name, torch.float64)
    outputs.requires_grad_()
    assert torch.autograd.gradcheck(lambda values: kind.loss(values, label), (outputs,))
    assert torch.autograd.gradcheck(lambda values: kind.loss_per_image(values, label), (outputs,))


@pytest.mark.parametrize("name", SEMANTIC)
def test_shapes_that_would_broadcast_are_refused(name: str) -> None:
    kind, outputs, label = semantic(name)
    for wrong in (label[:1], label[:, None]):
        with pytest.raises(ValueError, match="found"):
            kind.loss_per_image(outputs, wrong)
    predicted = kind.decided(outputs)
    for function in (kind.error, kind.rejected):
        with pytest.raises(ValueError, match="must match"):
            function(predicted, label[:1], 3)
    with pytest.raises(ValueError, match=r"predictions .* must match"):
        kind.agreement(predicted, predicted[:1])


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="must match"):
        KINDS["targets"].loss(torch.zeros(1, 2), torch.zeros(1))


@pytest.mark.parametrize("name", SEMANTIC)
def test_half_precision_outputs_are_compared_in_full_precision(name: str) -> None:
    kind, outputs, label = semantic(name)
    label = label if kind.has_probabilities else label.bfloat16()
    assert kind.loss_per_image(outputs.bfloat16(), label).dtype == torch.float32


def test_a_detector_has_no_semantic_loss() -> None:
    assert [name for name, kind in KINDS.items() if not kind.has_semantic_loss] == ["objects"]
    with pytest.raises(ValueError, match="objects labels have no semantic loss"):
        KINDS["objects"].loss_per_image(torch.zeros(1, 6, 4, 4), torch.zeros(1, 1, 5))


def test_predictions_are_the_likeliest_class_or_the_values() -> None:
    for name in SEMANTIC:
        kind, outputs, _ = semantic(name)
        estimate = kind.estimate(outputs, (4, 4))
        assert torch.equal(kind.decided(estimate), outputs.argmax(1) if kind.has_probabilities else outputs)


@EVERY
def test_verdicts_hang_on_measures_that_there_are(kind: LabelKind) -> None:
    labels = labels_of(kind)
    for names in (names_of(kind), ("yaw", "pitch"), ("a", "b")):
        estimate = labels.float() if kind.spread(labels.float()) is not None else torch.rand(6, 3, SIDE, SIDE)
        estimate = estimate.mean((2, 3)) if kind.one_class else estimate
        estimate = torch.rand(6, 3, 6) if not kind.every_image else estimate
        assert set(kind.deciding(names)) <= set(kind.judge_scores(estimate, labels, names))
        assert kind.deciding(names)
    assert KINDS["targets"].deciding(("yaw", "pitch")) == ("angle_degrees",)


@EVERY
def test_differences_of_labels_are_symmetric_and_zero_to_themselves(kind: LabelKind) -> None:
    apart = kind.differences(labels_of(kind), names_of(kind), (SIDE, SIDE))
    assert torch.equal(apart, apart.T)
    assert float(apart.diagonal().abs().max()) < 1e-6
    assert float(apart.max()) > 0


@EVERY
def test_labels_without_places_say_so(kind: LabelKind) -> None:
    labels = labels_of(kind)
    if kind.has_places:
        assert kind.place_shown(labels).tolist() == [True] * 5 + [False]
        assert [int(kind.things(label, (SIDE, SIDE)).sum()) for label in labels[:2]]
    else:
        for function in (kind.place_shown, lambda each: kind.things(each, (SIDE, SIDE))):
            with pytest.raises(ValueError, match="have no places"):
                function(labels)


def test_the_training_label_is_the_part_of_its_kind() -> None:
    mask = Mask(torch.tensor([[0, 255], [1, 1]]))
    found = Annotation(class_id=torch.tensor(3), mask=mask, targets=torch.tensor([0.1, 0.2]))
    assert int(KINDS["class"].label(found)) == 3
    assert KINDS["mask"].label(found).tolist() == [[0, 255], [1, 1]]
    assert KINDS["targets"].label(found) is found.targets
    assert KINDS["mask"].label(Annotation()).shape == (0,)
    for kind in KINDS.values():
        assert [name for name, part in vars(kind.only(found)).items() if part is not None] == [
            kind.part for part in [getattr(found, kind.part)] if part is not None
        ]


@EVERY
def test_a_kind_without_a_named_network_takes_its_first(kind: LabelKind) -> None:
    assert kind.network(None) == kind.networks[0]
    assert kind.network(kind.networks[-1]) == kind.networks[-1]
    assert set(kind.judges.networks) <= set(kind.networks)


def test_a_network_tells_what_it_learns() -> None:
    learned = {network: kind_learned_by(network).name for network in get_args(NetworkName)}
    assert kind_learned_by(None).name == learned["lenet"] == learned["resnet18"] == "class"
    assert learned["unet"] == "mask"
    with pytest.raises(InputError, match="network=other: no such task network; choose deeplabv3, "):
        kind_learned_by("other")  # type: ignore[arg-type]  # what a file may hold
    with pytest.raises(InputError, match=r"network=lenet: does not learn labels of kind mask; choose unet, lraspp"):
        KINDS["mask"].network("lenet")
