"""Which sample stands at which position of training: pure functions of a seed, never of a worker's state."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

SYNTHETIC, REAL = 0, 1


def generator_at(seed: int, domain: int, position: int) -> torch.Generator:
    """The generator of one sample's draws, from the seed, `SYNTHETIC` or `REAL`, and the position."""
    return torch.Generator().manual_seed((seed * 2 + domain) * 1_000_000_007 + position)


class Shuffled:
    """An endless sequence of sample numbers: each pass over the data is a new permutation.

    Args:
        count: Samples in the dataset.
        seed: Seeds the permutations.
        domain: `SYNTHETIC` or `REAL`, so that the two are shuffled independently.
    """

    def __init__(self, count: int, seed: int, domain: int) -> None:
        self.count, self.seed, self.domain = count, seed, domain
        self._pass, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __getitem__(self, position: int) -> int:
        """The sample's number at a position, from 0 without end."""
        number, place = divmod(position, self.count)
        if number != self._pass:  # kept until the next pass: nearly all calls are in order
            generator = generator_at(self.seed, self.domain, -1 - number)
            self._pass, self._order = number, torch.randperm(self.count, generator=generator)
        return int(self._order[place])


class ClassBalanced:
    """An endless sequence of sample numbers in which every class comes equally often.

    Args:
        classes: The class of each sample.
        seed: Seeds the permutations.
        domain: `SYNTHETIC` or `REAL`.
    """

    def __init__(self, classes: Sequence[int], seed: int, domain: int) -> None:
        self.members = [[i for i, c in enumerate(classes) if c == name] for name in sorted(set(classes))]
        self.turn = Shuffled(len(self.members), seed + 1, domain)
        self.within = [Shuffled(len(members), seed + 2 + number, domain) for number, members in enumerate(self.members)]

    def __getitem__(self, position: int) -> int:
        """The sample's number at a position, from 0 without end."""
        chosen = self.turn[position]
        return self.members[chosen][self.within[chosen][position // len(self.members)]]


class PositionBatches(Sampler[list[int]]):
    """Batches of positions without end, from a step on, each process its own part.

    Args:
        batch_size: Positions a batch and process.
        first_step: The step that the first batch belongs to; resuming goes on where a run stopped.
        rank: Number of this process.
        processes: How many there are.
    """

    def __init__(self, batch_size: int, first_step: int, rank: int = 0, processes: int = 1) -> None:
        self.batch_size, self.first_step = batch_size, first_step
        self.rank, self.processes = rank, processes

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            first = (step * self.processes + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1
