from pathlib import Path
from typing import Any

import pytest

from refine.audit.options import MOST_STEPS, AuditOptions, usual_steps
from refine.errors import InputError


def options(**flags: Any) -> AuditOptions:
    return AuditOptions(output=Path("audit"), **flags)


def test_more_images_take_more_steps_up_to_a_limit() -> None:
    assert [usual_steps(400, images) for images in (0, 8000, 10**6)] == [400, 1400, MOST_STEPS]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"folds": 1}, "--folds is 1; judges that never saw an image take 2 or more"),
        ({"steps": 0}, "--steps is 0; expected 1 or more"),
        ({"batch_size": -1}, "--batch-size is -1; expected 1 or more"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(flags: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        options(**flags)
