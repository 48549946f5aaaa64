from pathlib import Path

from refine.data.formats.groups import IMAGE, Groups

ROOT = Path("data")


def filled(*files: tuple[str, str, str]) -> Groups:
    groups = Groups(ROOT, ("ids", "color"))
    for file in files:
        groups.add(*file)
    return groups


def expected(group: str) -> str:
    return f"{group}_ids.png"


def test_the_parsed_label_comes_first_and_the_others_follow_by_role() -> None:
    groups = filled(("a", "depth", "a_d"), ("a", "color", "a_c"), ("a", IMAGE, "a"), ("a", "ids", "a_i"))
    (record,), faults = groups.records(expected)
    assert faults == []
    assert record.label_files == (ROOT / "a_i", ROOT / "a_c", ROOT / "a_d")
    assert groups.mask(record) == ("ids", ROOT / "a_i")
    assert groups.file(record, "depth") == ROOT / "a_d"
    assert groups.file(record, "flow") is None


def test_the_next_best_mask_stands_in() -> None:
    groups = filled(("a", IMAGE, "a"), ("a", "color", "a_c"))
    (record,), faults = groups.records(expected)
    assert faults == []
    assert groups.mask(record) == ("color", ROOT / "a_c")


def test_a_second_mask_is_a_fault_but_still_a_label() -> None:
    groups = filled(("a", IMAGE, "a"), ("a", "ids", "1"), ("a", "ids", "2"))
    (record,), faults = groups.records(expected)
    assert faults == [f"{ROOT / '2'}: a second mask beside {ROOT / '1'}; keep one of them"]
    assert record.label_files == (ROOT / "1", ROOT / "2")


def test_a_second_image_has_no_mask_of_its_own() -> None:
    groups = filled(("a", IMAGE, "a.jpg"), ("a", IMAGE, "a.png"), ("a", "ids", "1"))
    (first, second), faults = groups.records(expected)
    assert faults == [f"{ROOT / 'a.png'}: shares its mask {ROOT / '1'} with a.jpg; rename one of the images"]
    assert second.label_files == ()
    assert groups.mask(second) is None
    assert groups.mask(first) is not None


def test_what_lacks_a_partner_is_named_and_images_stay() -> None:
    groups = filled(("b", IMAGE, "b"), ("a", "ids", "a_i"), ("b", "depth", "b_d"))
    (record,), faults = groups.records(expected)
    assert (record.key, record.image, record.label_files) == ("b", ROOT / "b", (ROOT / "b_d",))
    assert faults == [
        f"{ROOT / 'a_i'}: a label without an image; add its image, or remove it",
        f"{ROOT / 'b'}: an image without a mask; add b_ids.png",
    ]
    assert groups.mask(record) is None
