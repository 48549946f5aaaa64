import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features.extractor import cached_weights, described, read_weights, resized, standardized
from tests.hostile_checkpoints import BYTEARRAY
from tests.hostile_files import Writer, opcodes, raw, tuples_as_key, two_directories, written
from tests.metrics.features.files import Malicious


def levels(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (2, channels, height, width), generator=generator, dtype=torch.uint8)


def by_pillow(images: Tensor, side: int) -> Tensor:
    """clean-fid's own way: each channel as a float image."""
    channels = [
        np.asarray(Image.fromarray(channel.numpy().astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))
        for channel in images.flatten(0, 1)
    ]
    return torch.from_numpy(np.stack(channels).clip(0, 255)).reshape(*images.shape[:2], side, side)


@pytest.mark.parametrize("size", [(35, 55), (120, 80), (299, 40), (480, 360)])
def test_clean_is_the_antialiased_bicubic_of_pillow_on_floats(size: tuple[int, int]) -> None:
    images = levels(*size)
    found = resized(to_float(images), 96, "clean")
    assert (found - by_pillow(images, 96)).abs().max() < 0.01  # of 255 levels


def test_clean_stays_among_the_levels_where_a_cubic_overshoots() -> None:
    edge = torch.cat([torch.zeros(1, 3, 8, 4), torch.full((1, 3, 8, 4), 255.0)], dim=3)
    found = resized(to_float(edge), 64, "clean")
    assert found.min() == 0
    assert found.max() == 255


def test_tf1_takes_pixels_at_the_upper_left_without_antialiasing() -> None:
    images = levels(12, 12)
    found = resized(to_float(images), 6, "tf1")
    assert torch.equal(found, images[:, :, ::2, ::2].float())
    assert not torch.equal(found, resized(to_float(images), 6, "clean"))


@pytest.mark.parametrize("resize", ["tf1", "clean"])
def test_an_image_of_the_wanted_size_is_left_as_it_is_and_gray_becomes_three_channels(resize: str) -> None:
    images = levels(16, 16, 1)
    found = resized(to_float(images), 16, resize)  # type: ignore[arg-type]  # both literals
    assert torch.equal(found, images.float().expand(-1, 3, -1, -1))


def test_levels_are_rounded_and_not_cut_off() -> None:
    found = resized(torch.full((1, 3, 4, 4), 99.6 / 127.5 - 1), 4, "tf1")
    assert torch.equal(found, torch.full((1, 3, 4, 4), 100.0))


def test_each_way_is_told_in_words() -> None:
    assert "299x299 as TensorFlow 1" in described("tf1", 299)
    assert "bicubic to 224x224, antialiased" in described("clean", 224)


def test_standardizing_takes_out_each_channels_own_mean_and_deviation() -> None:
    found = standardized(torch.full((1, 3, 2, 2), 127.5), (0.5, 0.25, 0.0), (1.0, 0.5, 2.0))
    assert found[0, :, 0, 0].tolist() == [0.0, 0.5, 0.25]


OLD: tuple[object, ...] = (0x1950A86A20F9469CFC6C, 1001, {})
"""What a file of torch before release 1.6 begins with."""
STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.mark.parametrize("name", ["layer.pth", "layer.safetensors"])
def test_a_state_dict_is_read_with_its_digest_in_full_precision(tmp_path: Path, name: str) -> None:
    path, half = tmp_path / name, {key: value.half() for key, value in STATE.items()}
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(half, path)
    else:
        torch.save(half, path)
    found = read_weights(path, "the weights of a layer", "layer.pth")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    layer = nn.Linear(3, 2)
    found.load(layer)
    assert torch.equal(layer.weight, STATE["weight"])
    assert layer.weight.dtype == torch.float32


def test_weights_of_another_network_are_one_clear_error(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "layer.pth")
    found = read_weights(tmp_path / "layer.pth", "the weights of a layer", "layer-1234.pth")
    for other in (nn.Linear(3, 3), nn.Conv2d(1, 1, 1), nn.Linear(3, 2, bias=False)):
        with pytest.raises(InputError, match=r"layer\.pth: not the weights of a layer .*; expected layer-1234\.pth"):
            found.load(other)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 torn zip", pickle.dumps([1, 2, 3])])
def test_a_file_that_holds_no_weights_is_one_line(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"weights\{suffix}: .*layer-1234\.pth") as error:
        read_weights(path, "the weights of a layer", "layer-1234.pth")
    assert "\n" not in str(error.value)


def test_a_file_with_code_in_it_does_not_run(tmp_path: Path) -> None:
    torch.save({"bias": Malicious(tmp_path / "proof")}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="could run code; refused"):
        read_weights(tmp_path / "weights.pth", "the weights of a layer", "layer.pth")
    assert not (tmp_path / "proof").exists()


HOSTILE: dict[str, Writer] = {
    "tuples as key": opcodes(tuples_as_key(60)),
    "bytearray": opcodes(BYTEARRAY),
    "two directories": two_directories(tuples_as_key(60)),
    "tuples as key in an old file": raw(b"".join(pickle.dumps(part, 2) for part in OLD) + tuples_as_key(60)),
    "a list": written([1]),
    "none": written(None),
    "text": written({"weight": "x"}),
    "a number as name": written({5: torch.ones(1)}),
    "integers": written({name: value.long() for name, value in STATE.items()}),
    "complex": written({name: value.to(torch.complex64) for name, value in STATE.items()}),
    "views": written({name: value.flatten()[:1].expand(10**9) for name, value in STATE.items()}),
}
"""Files that a stranger could have made."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_weights_are_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hostile\.ckpt: .*layer-1234\.pth|hostile\.ckpt: .* as it is") as error:
        read_weights(HOSTILE[name](tmp_path), "the weights of a layer", "layer-1234.pth").load(nn.Linear(3, 2))
    assert "\n" not in str(error.value)


def test_weights_come_from_torch_hubs_cache_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    cached, own = tmp_path / "checkpoints" / "layer.pth", tmp_path / "own.pth"
    with pytest.raises(InputError) as error:
        cached_weights(None, "layer.pth", "https://example.org/layer.pth", "the weights of a layer")
    assert f"{cached}: the weights of a layer are not there; download https://example.org/layer.pth" in str(error.value)
    assert "--weights FILE" in str(error.value)
    assert not cached.exists()
    cached.parent.mkdir()
    torch.save(STATE, cached)
    torch.save({}, own)
    assert cached_weights(None, "layer.pth", "", "").path == cached
    assert cached_weights(own, "layer.pth", "", "").path == own
    with pytest.raises(InputError, match=r"none\.pth: no such file; --weights takes the weights"):
        cached_weights(tmp_path / "none.pth", "layer.pth", "", "the weights of a layer")
