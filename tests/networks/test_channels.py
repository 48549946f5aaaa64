import pytest
import torch

from refine.networks.channels import with_channels


def test_gray_images_become_equal_channels_and_others_stay() -> None:
    gray, color = torch.rand(2, 1, 3, 4), torch.rand(2, 3, 3, 4)
    assert torch.equal(with_channels(gray, 3), torch.cat([gray, gray, gray], dim=1))
    assert torch.equal(with_channels(gray, 1), gray)
    assert torch.equal(with_channels(color, 3), color)


@pytest.mark.parametrize(
    ("found", "channels", "message"), [(3, 1, "RGB images cannot"), (2, 3, "images of 2 channels")]
)
def test_what_does_not_fit_is_refused_in_words(found: int, channels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_channels(torch.zeros(1, found, 2, 2), channels)
