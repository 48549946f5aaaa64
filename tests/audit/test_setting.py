import pytest

from refine.audit.setting import MOST_STEPS, STEPS, Setting
from refine.errors import InputError


def test_more_images_take_more_steps_up_to_a_limit() -> None:
    assert Setting().steps_for("class", 0) == STEPS["class"]
    assert Setting().steps_for("class", 8000) == STEPS["class"] + 1000
    assert Setting().steps_for("class", 10**6) == MOST_STEPS
    assert Setting(steps=7).steps_for("class", 10**6) == 7


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (Setting(folds=1), "--folds is 1; judges that never saw an image take 2 or more"),
        (Setting(steps=0), "--steps is 0; expected 1 or more"),
        (Setting(batch_size=-1), "--batch-size is -1; expected 1 or more"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(setting: Setting, said: str) -> None:
    with pytest.raises(InputError, match=said):
        setting.require()


def test_the_usual_setting_is_taken() -> None:
    Setting().require()
    Setting(networks=("unet",)).require_networks("mask")


def test_networks_of_another_kind_of_label_are_refused() -> None:
    with pytest.raises(InputError, match="--networks unet: does not learn class labels; choose small-cnn, lenet"):
        Setting(networks=("lenet", "unet")).require_networks("class")
