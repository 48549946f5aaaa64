import pytest
import torch

from refine.audit.box_measures import BoxSuspicion, box_suspicion

LABEL = torch.tensor([[[0.0, 0, 0, 10, 10], [1, 20, 20, 30, 30], [-1, -1, -1, -1, -1]]])
EMPTY = torch.full((1, 2, 5), -1.0)


def found(*rows: tuple[float, ...], label: torch.Tensor = LABEL) -> BoxSuspicion:
    return box_suspicion(torch.tensor([[*rows, (-1.0,) * 6]]), label, 2)


def test_an_object_counts_as_found_by_class_and_overlap() -> None:
    first, second = (0, 0.9, 0, 0, 10, 10), (1, 0.8, 20, 20, 30, 30)
    assert found(first, second).doubt.tolist() == pytest.approx([0.2])
    assert found(first, (0, *second[1:])).doubt.tolist() == [1.0]
    assert found(first, (1, 0.8, 20, 20, 30, 24)).doubt.tolist() == [1.0]
    assert found().doubt.tolist() == [1.0]


def test_two_detections_of_one_object_find_it_once_and_the_second_is_extra() -> None:
    both = found((0, 0.9, 0, 0, 10, 10), (0, 0.7, 0, 0, 10, 9))
    assert both.overlap_deficit.tolist() == [0.5]
    assert both.appeared.tolist() == pytest.approx([0.7])


def test_the_overlap_is_the_mean_over_labeled_objects() -> None:
    half = found((0, 0.9, 0, 0, 10, 6), (1, 0.9, 20, 20, 30, 30))
    assert half.overlap_deficit.tolist() == pytest.approx([1 - (0.6 + 1.0) / 2])
    assert found((0, 0.9, 0, 0, 10, 6)).overlap_deficit.tolist() == pytest.approx([1 - 0.6 / 2])


def test_the_least_certain_object_makes_the_doubt() -> None:
    assert found((0, 0.9, 0, 0, 10, 10), (1, 0.25, 20, 20, 30, 30)).doubt.tolist() == pytest.approx([0.75])
    assert found((0, 0.9, 0, 0, 10, 10)).doubt.tolist() == [1.0]


def test_images_without_objects_have_nothing_to_lose_but_something_may_appear() -> None:
    assert [score.tolist() for score in found(label=EMPTY)] == [[0.0]] * 3
    assert found((1, 0.4, 0, 0, 5, 5), label=EMPTY).appeared.tolist() == pytest.approx([0.4])


def test_each_image_has_its_own_scores() -> None:
    right, wrong = torch.tensor([[1.0, 0.9, 0, 0, 5, 5]]), torch.tensor([[0.0, 0.6, 0, 0, 5, 5]])
    label = torch.tensor([[[1.0, 0, 0, 5, 5]]] * 3)
    scores = box_suspicion(torch.stack([right, wrong, right]), label, 2)
    assert scores.appeared.tolist() == pytest.approx([0.0, 0.6, 0.0])
    assert scores.doubt.tolist() == pytest.approx([0.1, 1.0, 0.1])


def test_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="expected rows of 6 and 5"):
        box_suspicion(LABEL, LABEL, 2)
