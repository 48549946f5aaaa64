from refine.report.words import at_most, two


def test_two_numbers_that_differ_look_different() -> None:
    assert two(0.12341, 0.12343) == ("0.12341", "0.12343")
    assert two(0.5, 0.5) == ("0.5", "0.5")


def test_an_upper_bound_is_never_rounded_down() -> None:
    assert [at_most(share) for share in (0.0, 0.0001, 0.031, 0.0311, 1.0)] == [
        "0.0 %",
        "0.1 %",
        "3.1 %",
        "3.2 %",
        "100.0 %",
    ]
