from collections import Counter
from itertools import chain, islice

import torch

from refine.data.positions import REAL, SYNTHETIC, ClassBalanced, PositionBatches, Shuffled, generator_at


def test_each_pass_holds_every_sample_once_in_another_order() -> None:
    order = Shuffled(10, seed=0, domain=SYNTHETIC)
    passes = [[order[position] for position in range(start, start + 10)] for start in (0, 10, 20)]
    assert all(sorted(numbers) == list(range(10)) for numbers in passes)
    assert passes[0] != passes[1] != passes[2]


def test_a_position_gives_the_same_sample_whatever_was_asked_before() -> None:
    forward = Shuffled(7, seed=1, domain=REAL)
    wanted = [forward[position] for position in range(40)]
    backward = Shuffled(7, seed=1, domain=REAL)
    assert [backward[position] for position in reversed(range(40))] == wanted[::-1]


def test_domains_and_seeds_are_shuffled_independently() -> None:
    def first(seed: int, domain: int) -> list[int]:
        order = Shuffled(50, seed, domain)
        return [order[position] for position in range(50)]

    assert first(0, SYNTHETIC) != first(0, REAL)
    assert first(0, SYNTHETIC) != first(1, SYNTHETIC)


def test_balanced_sampling_draws_every_class_equally_often_and_every_member() -> None:
    classes = [0] * 20 + [1] * 4 + [2] * 2
    order = ClassBalanced(classes, seed=0, domain=SYNTHETIC)
    drawn = [order[position] for position in range(120)]
    assert Counter(classes[number] for number in drawn) == {0: 40, 1: 40, 2: 40}
    assert set(drawn) == set(range(26))


def test_processes_share_out_the_positions_of_a_step() -> None:
    first = list(islice(PositionBatches(2, 0, rank=0, processes=2), 3))
    second = list(islice(PositionBatches(2, 0, rank=1, processes=2), 3))
    assert sorted(chain.from_iterable(first + second)) == list(range(12))
    assert first[0] + second[0] == [0, 1, 2, 3]


def test_a_resumed_run_goes_on_where_it_stopped() -> None:
    whole = list(islice(PositionBatches(3, 0), 6))
    assert list(islice(PositionBatches(3, 4), 2)) == whole[4:]


def test_draws_differ_by_position() -> None:
    draws = {float(torch.rand((), generator=generator_at(0, SYNTHETIC, position))) for position in range(50)}
    assert len(draws) == 50
