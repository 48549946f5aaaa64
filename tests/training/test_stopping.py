from types import SimpleNamespace
from typing import Any

import pytest

from refine.methods import SimGAN
from refine.methods.base import CHECK_EVERY
from refine.training.stopping import StopOnInterrupt


class Strategy:
    """Counts what the processes tell each other."""

    messages = 0

    def reduce_boolean_decision(self, decision: bool, all: bool) -> bool:
        self.messages += 1
        return decision


@pytest.mark.parametrize(("processes", "messages", "stopped_after"), [(1, 3, 3), (2, 1, CHECK_EVERY)])
def test_several_processes_agree_every_few_steps_and_one_stops_at_once(
    processes: int, messages: int, stopped_after: int
) -> None:
    stop, method, strategy = StopOnInterrupt(), SimGAN(features=4, blocks=1), Strategy()
    trainer: Any = SimpleNamespace(world_size=processes, strategy=strategy, should_stop=False)
    while not trainer.should_stop:
        method.steps_done += 1
        if method.steps_done == 3:
            stop._ask()
        stop.on_train_batch_end(trainer, method)
    assert method.steps_done == stopped_after
    assert strategy.messages == messages
    assert stop.interrupted
