from refine.benchmark.warning import warning_of
from tests.benchmark.results import benchmark, row


def test_nothing_is_said_where_no_refined_row_is_worse() -> None:
    assert warning_of(benchmark(gan=row(0.25, 1.0), color_transfer=row(0.1, 0.001, -0.15)), ["gan"]) is None


def test_the_worst_row_is_told_with_how_sure_that_is_and_others_by_name() -> None:
    result = benchmark(gan=row(0.2, 0.3, -0.05), cut=row(0.1, 0.001, -0.15), good=row(0.5, 0.01, 0.25))
    assert warning_of(result, ["gan", "cut", "good"]) == (
        "WARNING: cut is worse than synthetic: accuracy in % 10.0 against 25.0 "
        "(difference -15.0, 95 % -20.0 to -10.0, p = 0.001 (Holm))"
    )
    assert str(warning_of(result, ["gan", "good"])) == (
        "no difference shown of gan to synthetic: accuracy in % 20.0 against 25.0 "
        "(difference -5.0, 95 % -10.0 to +0.0, p = 0.30 (Holm))"
    )


def test_what_is_significant_alone_may_be_chance_among_several_rows() -> None:
    result = benchmark(gan=row(0.2, 0.03, -0.05))
    result["rows"]["gan"]["difference"]["p_holm"] = 0.06
    assert str(warning_of(result, ["gan"])).startswith("no difference shown of gan to synthetic")


def test_of_errors_more_is_worse() -> None:
    result = benchmark(gan=row(0.2, 0.3, -0.05), cut=row(0.3, 0.001, 0.05))
    result["metric"], result["higher_is_better"] = "mean_angular_error_degrees", False
    assert str(warning_of(result, ["gan", "cut"])).startswith(
        "WARNING: cut is worse than synthetic: angular error in degrees 0.30 against 0.25 (difference +0.05, "
    )
