import torch
from torch import Tensor

from refine.methods.history import HistoryBuffer


def numbered(first: int, count: int = 8) -> Tensor:
    """Images that carry their number in every pixel."""
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()


def numbers(images: Tensor) -> list[int]:
    return images[:, 0, 0, 0].int().tolist()


def test_it_fills_and_holds_past_images() -> None:
    history, generator = HistoryBuffer(10), torch.Generator().manual_seed(0)
    assert sorted(numbers(history.mix(numbered(0), generator))) == list(range(8))  # no past yet
    fills = [history.fill]
    for step in range(1, 4):
        history.mix(numbered(8 * step), generator)
        fills.append(history.fill)
    assert fills == [0.4, 0.8, 1.0, 1.0]
    held = numbers(history.images)
    assert len(set(held)) == 10
    assert min(held) < 24  # not only the newest


def test_once_full_half_of_the_refined_images_are_past_ones_and_half_current() -> None:
    history, generator = HistoryBuffer(12), torch.Generator().manual_seed(0)
    for step in range(5):
        history.mix(numbered(8 * step), generator)
    before = set(numbers(history.images))
    mixed = numbers(history.mix(numbered(1000), generator))
    assert len(mixed) == 8
    assert sum(number >= 1000 for number in mixed) == 4
    after = set(numbers(history.images))  # half of the batch replaces random entries
    assert len(after - before) == 4
    assert all(number >= 1000 for number in after - before)


def test_a_size_of_zero_switches_it_off() -> None:
    history, generator = HistoryBuffer(0), torch.Generator()
    assert sorted(numbers(history.mix(numbered(0), generator))) == list(range(8))
    assert numbers(history.swap(numbered(0), generator)) == list(range(8))
    assert history.fill == 0.0


def test_swapping_returns_current_images_until_full_and_about_half_past_ones_then() -> None:
    history, generator = HistoryBuffer(50), torch.Generator().manual_seed(0)
    assert numbers(history.swap(numbered(0, 50), generator)) == list(range(50))
    past = 0
    for step in range(1, 101):
        past += sum(number < 100 * step for number in numbers(history.swap(numbered(100 * step, 4), generator)))
    assert 150 < past < 250  # of 400, one half


def test_a_swapped_image_takes_the_place_of_the_one_that_left() -> None:
    history, generator = HistoryBuffer(4), torch.Generator().manual_seed(3)
    history.swap(numbered(0, 4), generator)
    out = numbers(history.swap(numbered(100, 4), generator))
    assert sorted(out + numbers(history.images)) == [0, 1, 2, 3, 100, 101, 102, 103]
    assert any(number < 4 for number in out)


def test_a_batch_larger_than_the_buffer_fits() -> None:
    history, generator = HistoryBuffer(3), torch.Generator().manual_seed(0)
    for step in range(3):
        assert len(history.mix(numbered(8 * step), generator)) == 8
        assert len(history.swap(numbered(8 * step), generator)) == 8


def test_a_checkpoint_holds_it_as_tensors_and_the_device_never_holds_the_count() -> None:
    history = HistoryBuffer(6)
    history.mix(numbered(0), torch.Generator().manual_seed(0))
    assert isinstance(history.count, int)
    state = history.state_dict()
    assert {name: (tuple(value.shape), value.dtype) for name, value in state.items()} == {
        "images": ((6, 1, 2, 2), torch.float32),
        "count": ((), torch.int64),
    }
    restored = HistoryBuffer(6)
    restored.load_state_dict(state)
    assert torch.equal(restored.images, history.images)
    assert restored.fill == history.fill > 0
    assert HistoryBuffer(6).load_state_dict({}, strict=False).missing_keys == ["images", "count"]
    assert list(history.buffers()) == []  # DDP would overwrite them with those of the first process
    assert history.to("meta").images.device.type == "meta"  # and yet it moves with its module


def test_the_same_generator_gives_the_same_mix() -> None:
    def run() -> Tensor:
        history, generator = HistoryBuffer(8), torch.Generator().manual_seed(7)
        for step in range(3):
            mixed = history.mix(numbered(8 * step), generator)
        return mixed

    assert torch.equal(run(), run())
