import math
from pathlib import Path

import pytest
import torch

from refine.data.samples import UnpairedBatch
from refine.errors import InputError
from refine.losses.self_similarity import patches, self_similarity_loss
from refine.methods.cut import CUT
from tests.methods.steps import SMALL, batch, moved, run_steps, stored_task


def small(**arguments: object) -> CUT:
    torch.manual_seed(0)
    contrast = {"blocks": 2, "nce_layers": [0, 4, 8, 12], "locations": 32, "projection_features": 8}
    return CUT(**{**SMALL, **contrast, **arguments})


def test_defaults_are_the_published_ones() -> None:
    method = CUT(features=4)
    assert (method.nce_weight, method.identity_nce_weight, method.temperature) == (0.5, 0.5, 0.07)
    assert (method.nce_layers, method.locations, method.projection_features) == ([0, 4, 8, 12, 16], 256, 256)
    assert (method.antialias, method.flip_equivariance, method.constant_share) == (True, False, 0.5)


def test_one_step_moves_the_generator_every_head_and_the_discriminator() -> None:
    changed = moved(small(), batch())
    assert changed.keys() == {"synthetic_to_real", "projection", "real_discriminator"}
    assert len([name for name in changed["projection"] if name.endswith("weight")]) == 8


def test_training_moves_synthetic_images_toward_the_real_ones() -> None:
    method = small(learning_rate=4e-3, steps=400)
    synthetic, real = batch(seed=99)["synthetic"].image, batch(seed=99)["real"]
    gap = float((real.mean() - method.refine(synthetic).mean()).abs())
    run_steps(method, [batch(seed=step) for step in range(50)])
    assert float((method.refine(synthetic).mean() - real.mean()).abs()) < 0.5 * gap


def contrast(method: CUT, images: torch.Tensor, mirrored: bool = False) -> torch.Tensor:
    """The loss of a translator that changes nothing; mirrored: that gives the mirror image."""
    with torch.no_grad():
        seen = method.synthetic_to_real.encode(images, method.nce_layers)
        return method._contrast(images.flip(-1) if mirrored else images, seen, mirrored)


def test_no_gradient_flows_through_the_features_of_the_input() -> None:
    method = small()
    seen = [
        f.detach().requires_grad_() for f in method.synthetic_to_real.encode(torch.rand(1, 1, 16, 16), [0, 4, 8, 12])
    ]
    output = torch.rand(1, 1, 16, 16, requires_grad=True)
    # torch gives backward no types
    method._contrast(output, seen, mirrored=False).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    assert output.grad is not None
    assert all(layer.grad is None for layer in seen)


def test_an_unchanged_image_is_recognized_and_another_one_is_not() -> None:
    method = small(temperature=0.01)
    first, second = torch.rand(2, 1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        other = method._contrast(first, method.synthetic_to_real.encode(second, method.nce_layers), False)
    assert float(contrast(method, first)) < 0.5 * float(other)


def test_training_brings_the_contrast_of_refined_images_below_chance() -> None:
    method = small(nce_weight=10.0, learning_rate=2e-3)
    images = batch(seed=99)["synthetic"].image

    def of_refined() -> float:
        with torch.no_grad():
            refined, seen = method.synthetic_to_real.forward_with_features(images, method.nce_layers)
            return float(method._contrast(refined, seen, mirrored=False).mean())

    before = of_refined()
    run_steps(method, [batch(seed=step) for step in range(50)])
    chance = (3 * math.log(32) + math.log(16)) / 4  # the last layer has 4x4 locations
    assert of_refined() < 0.95 * chance < before


def test_each_contrast_is_weighed_by_its_own_weight() -> None:
    weights = []
    for arguments in ({}, {"nce_weight": 5.0}, {"identity_nce_weight": 5.0}):
        method = small(**arguments)
        run_steps(method, [batch()])
        weights.append(method.projection.state_dict()["heads.1.2.weight"])
    assert not torch.equal(weights[1], weights[0])
    assert not torch.equal(weights[2], weights[0])


def test_one_pass_gives_the_output_and_the_features_of_two() -> None:
    network, images = small().synthetic_to_real, torch.rand(1, 1, 16, 16)
    output, features = network.forward_with_features(images, [0, 4, 12])
    assert torch.equal(output, network(images))
    for feature, wanted in zip(features, network.encode(images, [0, 4, 12]), strict=True):
        assert torch.equal(feature, wanted)


def generator_calls(**arguments: object) -> list[int]:
    """Batch sizes that pass through the generator's first layer in one step."""
    method, calls = small(**arguments), []

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        calls.append(len(inputs[0]))

    method.synthetic_to_real.layers[1].register_forward_hook(count)
    run_steps(method, [batch()])
    return calls


def test_synthetic_and_real_images_go_forward_together_and_are_encoded_once_more() -> None:
    assert generator_calls() == [4, 4]


def test_identity_weight_zero_leaves_the_real_images_out() -> None:
    assert generator_calls(identity_nce_weight=0.0) == [2, 2]


def test_without_any_contrast_nothing_is_encoded_again() -> None:
    assert generator_calls(identity_nce_weight=0.0, nce_weight=0.0, similarity_weight=1.0) == [2]


def mirrored_steps(method: CUT, steps: int) -> int:
    """How many of the first steps show mirrored images."""
    shown: list[bool] = []
    batches = [batch(seed=step) for step in range(steps)]

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        asked = batches[method.steps_done]["synthetic"].image
        shown.append(torch.equal(inputs[0][..., 3:-3, 3:-3][: len(asked)], asked.flip(-1)))

    method.synthetic_to_real.layers[1].register_forward_hook(look)
    run_steps(method, batches)
    return sum(shown)


def test_half_of_the_steps_show_mirrored_images_where_that_is_asked_for() -> None:
    assert 4 <= mirrored_steps(small(flip_equivariance=True), 20) <= 16
    assert mirrored_steps(small(), 5) == 0


def test_features_of_mirrored_outputs_are_mirrored_back() -> None:
    method = small(channels=3, nce_layers=[0], temperature=0.01)  # the padded image mirrors exactly
    images = 2 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 1
    assert torch.allclose(contrast(method, images, mirrored=True), contrast(method, images))


def test_mirrored_outputs_are_compared_with_images_that_are_not_mirrored() -> None:
    method = small(flip_equivariance=True)
    projected: list[torch.Tensor] = []  # layer 0, the padded image: of the output, then of the input

    def look(module: torch.nn.Module, inputs: tuple[list[torch.Tensor], list[torch.Tensor]]) -> None:
        projected.append(inputs[0][0].detach()[:2, :, 3:-3, 3:-3])

    method.projection.register_forward_pre_hook(look)
    batches = [batch(seed=step) for step in range(6)]
    run_steps(method, batches)
    for step, (output, key) in enumerate(zip(projected[::2], projected[1::2], strict=True)):
        assert output.shape == key.shape
        assert torch.equal(key, batches[step]["synthetic"].image)


def test_the_locations_are_a_function_of_seed_and_step() -> None:
    def weights(seed: int) -> torch.Tensor:
        method = small(seed=seed, locations=4)
        run_steps(method, [batch(seed=step) for step in range(2)])
        # a state dict holds Any
        return method.synthetic_to_real.state_dict()["layers.1.weight"].clone()  # type: ignore[no-any-return]  # torch's

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_learning_rate_is_constant_for_its_share_of_the_steps_and_then_falls_to_zero() -> None:
    assert [small(steps=200).decay(step) for step in (0, 100, 150, 200)] == [1.0, 1.0, 0.5, 0.0]
    fast = small(steps=200, constant_share=0.75)
    assert [fast.decay(step) for step in (0, 150, 175, 200)] == [1.0, 1.0, 0.5, 0.0]
    assert small(steps=200, constant_share=1.0).decay(200) == 1.0


def test_spectral_norm_bounds_the_discriminator_alone() -> None:
    method = small(spectral_norm=True, adversarial_loss="wasserstein")
    assert any("parametrizations" in name for name in method.real_discriminator.state_dict())
    assert not any("parametrizations" in name for name in small().state_dict())
    before = method.synthetic_to_real.state_dict()["layers.1.weight"].clone()
    run_steps(method, [batch()])
    assert not torch.equal(method.synthetic_to_real.state_dict()["layers.1.weight"], before)


def structure_lost(similarity_weight: float) -> float:
    """Self-similarity loss of coarse images that were not trained on, after training without any contrast."""
    weights = {"similarity_weight": similarity_weight, "nce_weight": 0.0, "identity_nce_weight": 0.0}
    method = small(learning_rate=1e-3, steps=400, **weights)

    def coarse(seed: int) -> UnpairedBatch:
        found = batch(seed=seed)
        image = torch.nn.functional.interpolate(found["synthetic"].image[..., ::4, ::4], scale_factor=4)
        return {**found, "synthetic": found["synthetic"]._replace(image=image)}

    run_steps(method, [coarse(step) for step in range(40)])
    synthetic = coarse(99)["synthetic"].image
    return float(self_similarity_loss(patches(method.refine(synthetic)), patches(synthetic)).mean())


def test_a_heavier_self_similarity_keeps_more_of_the_structure_without_any_contrast() -> None:
    assert structure_lost(similarity_weight=10.0) < 0.6 * structure_lost(similarity_weight=0.01)


def test_self_similarity_is_of_a_network_that_the_user_names(tmp_path: Path) -> None:
    method = small(similarity_weight=10.0, feature_network=str(stored_task(tmp_path, "mask")))
    assert "synthetic_to_real" in moved(method, batch())
    assert method.structure is not patches
    assert method.shared_arguments()["feature_network"] is None  # a file of this machine


def test_a_classifiers_features_have_no_places(tmp_path: Path) -> None:
    method = small(similarity_weight=10.0, feature_network=str(stored_task(tmp_path)))
    with pytest.raises(InputError, match=r"task-class: its features have no places"):
        method.prepare("fit", None)


def test_something_must_keep_things_in_their_place() -> None:
    with pytest.raises(InputError, match="one of them must keep"):
        small(nce_weight=0.0)
    with pytest.raises(InputError, match="needs a similarity_weight"):
        small(feature_network="vgg16")
