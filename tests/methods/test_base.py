import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refine.errors import InputError, TrainingDiverged
from refine.methods import CUT, FDA, CyCADA, CycleGAN, FeatureAdaptation, Task
from refine.methods.base import Method
from refine.methods.simgan import SimGAN
from tests.methods.steps import SMALL, run_steps
from tests.methods.test_simgan import batch, small


def test_arguments_are_all_that_the_constructor_takes_as_plain_values() -> None:
    method = SimGAN(features=8, self_weight=0.5)
    arguments = method.arguments()
    assert arguments["features"] == 8
    assert arguments["self_weight"] == 0.5
    again = SimGAN(**arguments)  # type: ignore[arg-type]  # plain values
    assert again.arguments() == arguments
    assert FeatureAdaptation(start=Path("task.ckpt")).arguments()["start"] == "task.ckpt"


def test_a_class_takes_its_own_arguments_then_its_parents_by_name_alone() -> None:
    weights = ["semantic_weight", "cycle_semantic_weight", "real_semantic_weight"]
    theirs = CycleGAN().arguments()
    assert list(CyCADA().arguments()) == ["task", "labels", *weights, "gate", "real_gate", *theirs]
    assert theirs.items() <= CyCADA().arguments().items()
    assert not {"optimizer", "schedule_shape", "pretrained"} & FeatureAdaptation().arguments().keys()  # they are fixed
    assert FeatureAdaptation().arguments()["learning_rate"] == 1e-5 != Task().arguments()["learning_rate"]
    with pytest.raises(TypeError, match="positional"):
        CyCADA("task.ckpt")  # type: ignore[call-arg, arg-type]  # positional, on purpose
    with pytest.raises(TypeError, match="unexpected keyword argument 'featurs'"):
        SimGAN(featurs=8)  # type: ignore[call-arg]  # positional, on purpose


class Twice(SimGAN):
    """A class with a constructor of its own."""

    def __init__(self, middle: int = 4) -> None:
        super().__init__(features=2 * middle, blocks=1)
        self.middle = middle


def test_a_class_may_have_a_constructor_of_its_own() -> None:
    method = Twice(middle=3)
    assert (method.arguments(), method.features, method.refiner.head.in_channels) == ({"middle": 3}, 6, 6)


def test_broken_weights_are_never_saved(tmp_path: Path) -> None:
    method = small()
    trainer = run_steps(method, [batch()])
    with torch.no_grad():
        method.refiner.head.weight[0] = torch.inf
    with pytest.raises(TrainingDiverged, match=r"refiner\.head\.weight is not finite"):
        trainer.save_checkpoint(tmp_path / "bad.ckpt")
    assert not (tmp_path / "bad.ckpt").exists()


def test_draws_hang_on_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> float:
        method = CycleGAN(features=4, blocks=1, discriminator_features=4, seed=seed)
        method.steps_done = step
        return float(torch.rand((), generator=method.generator()))

    assert draw(0, 5) == draw(0, 5)
    assert len({draw(0, 5), draw(0, 6), draw(1, 5)}) == 3


def test_a_step_is_counted_once_whatever_the_number_of_optimizers() -> None:
    method = CycleGAN(channels=1, features=4, blocks=1, discriminator_features=4, discriminator_layers=1)
    run_steps(method, [batch(), batch()])
    assert method.steps_done == 2


def test_draws_for_different_purposes_do_not_hang_together() -> None:
    method = small()
    first, second = (torch.rand(1000, generator=method.generator(purpose=purpose)) for purpose in (0, 1))
    assert torch.corrcoef(torch.stack([first, second]))[0, 1].abs() < 0.15


METHODS: list[Callable[..., Method]] = [CycleGAN, CyCADA, CUT]


def build(method: Callable[..., Method], **arguments: Any) -> Method:
    """A small one, but for what the arguments say."""
    contrast = {"nce_layers": [0, 4], "projection_features": 4} if method is CUT else {}
    return method(**{**(SMALL if method in METHODS else {}), **contrast, **arguments})


NAN, OFF = math.nan, r" is .*; expected 0 \(off\) or more"
EACH: list[tuple[dict[str, Any], str]] = [
    *(({"learning_rate": rate}, "learning_rate is .*; expected more than 0") for rate in (-1.0, 0.0, NAN)),
    *(({name: 0}, f"{name} is 0; expected 1 or more") for name in ("features", "discriminator_features")),
    *(({name: -1}, f"{name} is -1; expected 0 or more") for name in ("blocks", "discriminator_layers")),
    *(({"ema": decay}, r"ema is .*; expected at least 0 \(no average\) and less than 1") for decay in (-0.5, 1.0, NAN)),
    ({"adversarial_loss": "wasserstein"}, "adversarial_loss=wasserstein needs a bound .*spectral_norm to true"),
]
CYCLES: list[tuple[dict[str, Any], str]] = [
    *(({name: -1.0}, name + OFF) for name in ("penalty_weight", "cycle_weight", "identity_weight", "cycle_noise")),
    *(({name: NAN}, name + OFF) for name in ("penalty_weight", "cycle_weight", "identity_weight", "cycle_noise")),
    ({"history_size": -1}, "history_size" + OFF),
    ({"penalty": "r1", "norm": "batch"}, "penalty=r1 needs images that are judged one by one; set norm to instance"),
    *(
        ({"architecture": "unet", "blocks": 5, **more}, "architecture=unet")
        for more in ({"blocks": 4}, {"antialias": True})
    ),
    ({"architecture": "unet", "blocks": 5, "padding": "zero"}, "architecture=unet"),
]
OTHERS: list[tuple[Callable[..., Method], dict[str, Any], str]] = [
    *(
        (CyCADA, {name: -1.0}, name + OFF)
        for name in ("semantic_weight", "cycle_semantic_weight", "real_semantic_weight")
    ),
    *((CyCADA, {name: NAN}, f"{name} is nan; expected a number") for name in ("gate", "real_gate")),
    *((CUT, {"nce_layers": layers}, "nce_layers is") for layers in ([], [0, 99], [-1], [4, 4])),
    *((CUT, {name: NAN}, f"{name} is nan") for name in ("nce_weight", "identity_nce_weight", "temperature")),
    *((CUT, {name: 0}, f"{name} is 0") for name in ("projection_features", "temperature")),
    *(
        (CUT, {name: value}, name)
        for name, value in (("identity_nce_weight", -1.0), ("locations", 1), ("constant_share", 1.5))
    ),
    (SimGAN, {"discriminator_steps": 0}, "both players must move"),
    (SimGAN, {"feature_map": "network"}, "feature_map=network and feature_network=FILE go together"),
    *(
        (FeatureAdaptation, {"betas": betas}, r"betas is \[.*\]; expected two")
        for betas in ((0.9, 1.0), (-0.1, 0.9), (0.9,))
    ),
    (FeatureAdaptation, {"task_weight": -1.0}, "task_weight" + OFF),
    *((FDA, {"beta": beta}, "beta is .*; expected at least 0 and less than 0.5") for beta in (-0.1, 0.5, NAN)),
    (FDA, {"size": (0, 4)}, "size is 0x4"),
    *(
        (Task, {"classes": names}, "two or more different classes")
        for names in ([], ["one"], ["same", "same"], ["a", "b", "a"])
    ),
    (Task, {"classes": [], "kind": "targets"}, "one or more different targets"),
    (Task, {"classes": [], "kind": "objects"}, "one or more different classes, found: none"),
    (Task, {"kind": "mask", "network": "lenet"}, "network=lenet: does not learn labels of kind mask; choose unet"),
]
REFUSED = [
    *((method, *each) for method in METHODS for each in EACH),
    *((method, *each) for method in (CycleGAN, CyCADA) for each in CYCLES),
    *OTHERS,
]


@pytest.mark.parametrize(("method", "arguments", "message"), REFUSED)
def test_arguments_out_of_range_are_refused_in_one_line(
    method: Callable[..., Method], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(method, **arguments)
    assert "\n" not in str(error.value)


def test_the_ends_of_a_range_belong_to_it_where_that_is_said() -> None:
    build(CyCADA, cycle_noise=0.0, history_size=0, learning_rate=1e-12, gate=math.inf, real_gate=-1.0)
    for method in METHODS:
        build(method, adversarial_loss="hinge")
        build(method, adversarial_loss="wasserstein", spectral_norm=True)
    build(CycleGAN, adversarial_loss="wasserstein", penalty="r1")
