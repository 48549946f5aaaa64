import math
from pathlib import Path

import pytest
import torch

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_translator, read_bundle
from refine.methods.cut import CUT
from tests.methods.interrupted import assert_resume_is_exact
from tests.methods.steps import run_steps


def small(**arguments: object) -> CUT:
    torch.manual_seed(0)
    settings = {
        **{"channels": 1, "features": 4, "blocks": 2, "nce_layers": [0, 4, 8, 12], "locations": 32},
        **{"projection_features": 8, "discriminator_features": 4, "discriminator_layers": 1},
    }
    return CUT(**{**settings, **arguments})  # type: ignore[arg-type]  # the test names the arguments


def batch(seed: int = 0, size: int = 2, side: int = 16) -> UnpairedBatch:
    generator = torch.Generator().manual_seed(seed)
    synthetic = 0.3 * torch.rand(size, 1, side, side, generator=generator) - 0.8
    real = 0.3 * torch.rand(size, 1, side, side, generator=generator) + 0.5
    return {"synthetic": Labeled(synthetic, torch.zeros(size), [""] * size), "real": real}


def test_defaults_are_the_published_ones() -> None:
    method = CUT(features=4)
    assert (method.nce_weight, method.identity_nce_weight, method.temperature) == (0.5, 0.5, 0.07)
    assert (method.nce_layers, method.locations, method.projection_features) == ([0, 4, 8, 12, 16], 256, 256)
    assert (method.antialias, method.flip_equivariance, method.constant_share) == (True, False, 0.5)


def test_one_step_moves_the_generator_its_heads_and_the_discriminator() -> None:
    method = small()
    before = {name: weight.clone() for name, weight in method.named_parameters()}
    run_steps(method, [batch()])
    changed = {n.split(".")[0] for n, weight in method.named_parameters() if not torch.equal(weight, before[n])}
    assert changed == {"synthetic_to_real", "projection", "real_discriminator"}


def test_every_projection_head_learns() -> None:
    method = small()
    before = {name: weight.clone() for name, weight in method.projection.named_parameters()}
    run_steps(method, [batch()])
    weights = {n: w for n, w in method.projection.named_parameters() if n.endswith("weight")}
    assert len(weights) == 8
    assert all(not torch.equal(weight, before[name]) for name, weight in weights.items())


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
    method._contrast(output, seen, mirrored=False).sum().backward()  # type: ignore[no-untyped-call]
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


def moved(**arguments: object) -> torch.Tensor:
    method = small(**arguments)
    run_steps(method, [batch()])
    weight: torch.Tensor = method.projection.state_dict()["heads.1.2.weight"]
    return weight


def test_each_contrast_is_weighed_by_its_own_weight() -> None:
    usual = moved()
    assert not torch.equal(moved(nce_weight=5.0), usual)
    assert not torch.equal(moved(identity_nce_weight=5.0), usual)


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
        return method.synthetic_to_real.state_dict()["layers.1.weight"].clone()  # type: ignore[no-any-return]

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_learning_rate_is_constant_for_its_share_of_the_steps_and_then_falls_to_zero() -> None:
    assert [small(steps=200).decay(step) for step in (0, 100, 150, 200)] == [1.0, 1.0, 0.5, 0.0]
    fast = small(steps=200, constant_share=0.75)
    assert [fast.decay(step) for step in (0, 150, 175, 200)] == [1.0, 1.0, 0.5, 0.0]
    assert small(steps=200, constant_share=1.0).decay(200) == 1.0


@pytest.mark.parametrize("layers", [[], [0, 99], [-1], [4, 4]])
def test_layers_that_the_generator_does_not_have_are_refused_in_one_line(layers: list[int]) -> None:
    with pytest.raises(InputError, match="nce_layers") as error:
        small(nce_layers=layers)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("nce_weight", 0.0), ("identity_nce_weight", -1.0), ("locations", 1)),
        *(("temperature", 0.0), ("constant_share", 1.5)),
    ],
)
def test_arguments_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        small(**{name: value})


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_that_was_interrupted_ends_bit_for_bit_as_the_whole_one(ema: float, tmp_path: Path) -> None:
    arguments: dict[str, object] = {"steps": 6, "flip_equivariance": True, "locations": 4, "learning_rate": 1e-3}
    batches = [batch(seed=step) for step in range(6)]
    assert_resume_is_exact(lambda: small(ema=ema, **arguments), batches, tmp_path)


def test_spectral_norm_bounds_the_discriminator_alone() -> None:
    method = small(spectral_norm=True, adversarial_loss="wasserstein")
    assert any("parametrizations" in name for name in method.real_discriminator.state_dict())
    assert not any("parametrizations" in name for name in small().state_dict())
    before = method.synthetic_to_real.state_dict()["layers.1.weight"].clone()
    run_steps(method, [batch()])
    assert not torch.equal(method.synthetic_to_real.state_dict()["layers.1.weight"], before)


def test_the_bundle_holds_the_generator_alone_and_refines(tmp_path: Path) -> None:
    method = small()
    run_steps(method, [batch()])
    write_bundle(method, tmp_path / "bundle")
    _, weights = read_bundle(tmp_path / "bundle")
    assert {name.split(".")[0] for name in weights} == {"synthetic_to_real"}
    images = batch(seed=5, side=21)["synthetic"].image
    method.eval()
    assert torch.equal(load_translator(tmp_path / "bundle").refine(images), method.refine(images))
