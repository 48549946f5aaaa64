from refine.report.kit.plot import LONGEST, short


def test_a_long_name_of_joined_rows_is_broken_after_a_plus_and_no_other_name_changes() -> None:
    assert short("translator+agreed+self_training") == "translator+agreed+\nself_training"
    assert short("gan+synthetic") == "gan+synthetic"
    assert short("x" * (LONGEST + 3)) == "x" * LONGEST + "\nxxx"
    assert short("+".join(["long_name"] * 9)).endswith("…")
