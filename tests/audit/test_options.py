import pytest

from refine.audit.options import MOST_STEPS, TRAINING_STEPS, AuditOptions
from refine.errors import InputError


def test_more_images_take_more_steps_up_to_a_limit() -> None:
    assert AuditOptions().steps_for("class", 0) == TRAINING_STEPS["class"]
    assert AuditOptions().steps_for("class", 8000) == TRAINING_STEPS["class"] + 1000
    assert AuditOptions().steps_for("class", 10**6) == MOST_STEPS
    assert AuditOptions(steps=7).steps_for("class", 10**6) == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (AuditOptions(folds=1), "--folds is 1; judges that never saw an image take 2 or more"),
        (AuditOptions(steps=0), "--steps is 0; expected 1 or more"),
        (AuditOptions(batch_size=-1), "--batch-size is -1; expected 1 or more"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: AuditOptions, said: str) -> None:
    AuditOptions().require()
    with pytest.raises(InputError, match=said):
        options.require()
