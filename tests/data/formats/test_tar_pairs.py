import pytest

from refine.data.formats.tar_pairs import A_FOLDER, named_label


@pytest.mark.parametrize(
    ("keys", "label"),
    [
        (["a.tar/images/1.png", "a.tar/masks/1.png"], "a.tar/masks/1.png"),
        (["a.tar/1_img.png", "a.tar/1_mask.png"], "a.tar/1_mask.png"),
        (["a.tar/1.jpg", "a.tar/1_seg.png"], "a.tar/1_seg.png"),
        (["depth-0.tar/1.png", "rgb-0.tar/1.png"], "depth-0.tar/1.png"),
        (["a.tar/images/1.png", "a.tar/masks/2.png"], None),
        (["a.tar/masks/1.png", "a.tar/masks/2.png"], None),
        (["a.tar/cats/1.png", "a.tar/dogs/1.png"], None),
        ([], None),
    ],
)
def test_a_label_is_named_so_and_has_an_image_of_its_scene(keys: list[str], label: str | None) -> None:
    pair = named_label(keys)
    assert (None if pair is None else pair.label) == label


def test_one_name_by_chance_is_no_folder_of_labels() -> None:
    keys = ["a.tar/images/1.png", *(f"a.tar/masks/{number}.png" for number in range(1, 4))]
    assert named_label(keys) is None
    assert named_label(keys[:3]) is not None


def test_labels_behind_many_images_are_found() -> None:
    images = [f"a.tar/images/{number:04d}.png" for number in range(A_FOLDER + 1)]
    assert named_label([*images, "a.tar/masks/0000.png"]) is not None
