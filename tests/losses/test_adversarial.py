from typing import cast, get_args

import pytest
import torch

from refine.losses.adversarial import AdversarialName, adversarial_loss
from refine.losses.hinge import Hinge
from refine.losses.least_squares import LeastSquares, patch_accuracy
from refine.losses.vanilla import Vanilla
from refine.losses.wasserstein import Wasserstein

NAMES = cast(tuple[AdversarialName, ...], get_args(AdversarialName))


def test_each_name_gives_its_loss() -> None:
    classes = [type(adversarial_loss(name)) for name in NAMES]
    assert classes == [LeastSquares, Vanilla, Hinge, Wasserstein]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="wgan"):
        adversarial_loss(cast(AdversarialName, "wgan"))


@pytest.mark.parametrize("name", NAMES)
def test_the_players_pull_the_scores_of_fake_images_in_opposite_directions(name: AdversarialName) -> None:
    loss = adversarial_loss(name)
    real, fake = torch.full((1, 1, 2, 2), 0.3, requires_grad=True), torch.full((1, 1, 2, 2), 0.4, requires_grad=True)
    on_generator = torch.autograd.grad(loss.generator(fake), fake)[0]
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert (on_generator < 0).all()
    assert (on_fake > 0).all()
    assert (on_real < 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_at_its_threshold_a_loss_is_torn_evenly_between_real_and_fake(name: AdversarialName) -> None:
    loss = adversarial_loss(name)
    scores = torch.full((1, 1, 2, 2), loss.threshold or 0.0, requires_grad=True)
    (pull,) = torch.autograd.grad(loss.discriminator(scores, scores), scores)
    assert pull.abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_full_where_the_scores_are_well_apart(name: AdversarialName) -> None:
    on_real, on_fake = patch_accuracy(torch.full((4,), 1.0), torch.full((4,), -0.5), adversarial_loss(name).threshold)
    assert (float(on_real), float(on_fake)) == (1.0, 1.0)
