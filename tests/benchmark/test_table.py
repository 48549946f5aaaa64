import io
from pathlib import Path

from rich.console import Console

from refine.benchmark.result import Benchmark, Comparison, Row
from refine.benchmark.table import benchmark_latex, benchmark_markdown, notes, print_table, warning_of, write_tables


def row(mean: float, p: float | None = None, less: float = 0.0) -> Row:
    """A row of two classes, with a difference of ``less`` to the synthetic one."""
    made: Row = {
        "accuracy": [mean - 0.01, mean + 0.01],
        "balanced_accuracy": [0.5, 0.6],
        "by_class": {"red": [0.25, 0.35], "gre|en_1": [0.7, 0.8]},
        "mean": mean,
        "std": 0.012,
        "interval": [mean - 0.1, mean + 0.1],
        "confusion": [[1]],
        "n_train": 142,
        "n_test": 86,
    }
    if p is not None:
        made["difference"] = {"value": less, "interval": [less - 0.05, less + 0.05], "p": p}
    return made


def benchmark(**rows: Row) -> Benchmark:
    """With the rows ``synthetic``, ``target_supervised`` and some between them."""
    every = {"synthetic": row(0.25), **rows, "target_supervised": row(0.75, 0.0002, 0.5)}
    return {
        "metric": "accuracy",
        "higher_is_better": True,
        "classes": ["red", "gre|en_1"],
        "rows": every,
        "gap_closed": {name: (made["mean"] - 0.25) / 0.5 for name, made in rows.items()},
        "clusters": 86,
        "protocol": "Every row_s the same.",
        "provenance": {},
    }


def test_shows_each_row_in_per_cent() -> None:
    result, text = benchmark(**{"cycle[gan]": row(0.6)}), io.StringIO()
    print_table(result, Console(file=text, width=100))
    lines = text.getvalue().splitlines()
    assert any("86 real images of red, gre|en_1; 2 seeds" in line for line in lines)
    shown = next(line for line in lines if "cycle[gan]" in line)
    for figure in ("142", "60.0 ± 1.2", "50–70", "55.0", "70 %"):  # noqa: RUF001  # a range
        assert figure in shown


RESULT = benchmark(**{"my_gan|50%": row(0.2, 0.3, -0.05)})


def test_markdown_has_a_line_for_each_row_and_shows_names_as_they_are() -> None:
    text = benchmark_markdown(RESULT)
    assert text.startswith("accuracy in % on 86 real images of red, gre\\|en\\_1; 2 seeds.\n\n| trained on | images |")
    assert (
        "| my\\_gan\\|50% | 142 | 20.0 ± 1.2 | 10.0 to 30.0 | -5.0 (-10.0 to +0.0) | 0.30 | -10 % |"
        in text.splitlines()
    )
    assert "| synthetic | 142 | 25.0 ± 1.2 | 15.0 to 35.0 |  |  |  |" in text.splitlines()
    assert "| trained on | red | gre\\|en\\_1 |" in text.splitlines()
    assert "| target\\_supervised | 30.0 | 75.0 |" in text.splitlines()
    assert text.endswith("\n\nEvery row\\_s the same.\n")


def test_a_row_of_several_translators_says_so_and_a_gap_has_its_interval_or_is_not_defined() -> None:
    several = row(0.2, 0.02, -0.05)
    several["translator_means"] = [0.1, 0.2, 0.3]
    result = benchmark(gan=several, cut=row(0.3, 0.5))
    result["rows"]["gan"]["difference"]["p_holm"] = 0.04
    result["gap_closed"]["cut"] = None
    result["gap_closed_interval"] = {"gan": [-0.2, 0.123], "cut": None}
    text = benchmark_markdown(result)
    assert "2 seeds of each translator; ± over translators where there are several." in text
    assert "| to synthetic (95 %) | p (Holm) | gap closed (95 %) |" in text
    assert "| gan (3 translators) | 142 |" in text
    assert "| 0.04 | -10 % (-20 to 12) |" in text
    assert "| 0.50 | not defined |" in text


def test_a_warning_is_the_first_line_of_both() -> None:
    warned = {**RESULT, "warning": "WARNING: it is_worse"}
    assert benchmark_markdown(warned).startswith("**WARNING: it is\\_worse**\n\n")  # type: ignore[arg-type]  # a copy of a Benchmark
    assert benchmark_latex(warned).startswith("% WARNING: it is_worse\n")  # type: ignore[arg-type]  # a copy of a Benchmark


def test_latex_is_two_tables_of_booktabs_with_every_sign_escaped() -> None:
    text = benchmark_latex(RESULT)
    assert text.count("\\begin{tabular}{lrrrrrr}") == text.count("\\begin{tabular}{lrr}") == 1
    assert text.count("\\toprule") == text.count("\\midrule") == text.count("\\bottomrule") == 2
    line = r"my\_gan|50\% & 142 & 20.0 $\pm$ 1.2 & 10.0 to 30.0 & $-$5.0 ($-$10.0 to $+$0.0) & 0.30 & $-$10 \% \\"
    assert f"  {line}" in text.splitlines()
    cells = [line.count("&") for line in text.splitlines() if line.endswith("\\\\")]
    assert cells == [6] * 4 + [2] * 4
    assert all(line.startswith("%") for line in text.splitlines() if "Every row_s" in line)


def test_what_stands_in_no_code_page_is_written_all_the_same(tmp_path: Path) -> None:
    write_tables(benchmark(**{"a\udcff\nb": row(0.2, 0.3)}), tmp_path)
    assert "a\\udcff b" in (tmp_path / "benchmark.md").read_text(encoding="utf-8").replace("\\\\", "\\")
    assert (tmp_path / "benchmark.tex").is_file()


def test_a_class_without_real_images_is_told_and_not_called_tested() -> None:
    missing = {**RESULT, "untested": [RESULT["classes"][0]]}
    for text in (benchmark_markdown(missing), benchmark_latex(missing)):  # type: ignore[arg-type]  # a copy of a Benchmark
        assert f"Not tested, since the real images show none: {RESULT['classes'][0]}." in text
        assert f"real images of {RESULT['classes'][0]}" not in text


def test_translators_that_do_not_agree_are_named() -> None:
    kappa = [[1.0, 0.9, 0.2], [0.9, 1.0, 0.4], [0.2, 0.4, 1.0]]
    result: Benchmark = {**RESULT, "agreement": {"gan": {"kappa": kappa, "agreed": [0, 1]}}}
    said = "translators of gan: 2 of 3 agree on the unlabeled images (beyond chance 0.90); {} does not (0.30): it may"
    assert notes(result) == [f"{said.format('number 3')} change labels, look at its pictures"]
    result["provenance"] = {"refined": {"gan": ["a", "b", "c"]}}
    assert notes(result) == [f"{said.format('c')} change labels, look at its pictures"]
    result["agreement"] = {"gan": {"kappa": [row[1:] for row in kappa[1:]], "agreed": []}}
    (line,) = notes(result)
    assert line.startswith("translators of gan: no two of 2 agree on the unlabeled images: some or all change labels")


def test_the_best_recipe_is_named_with_how_sure_that_is() -> None:
    apart: Comparison = {"value": 0.12, "interval": [-0.05, 0.29], "p": 0.2}
    result: Benchmark = {**RESULT, "best": {"row": "gan", "second": "synthetic", "difference": apart}}
    start = "best without real labels: gan; to synthetic, the second, "
    assert notes(result) == [f"{start}no difference shown: +12.0, 95 % -5.0 to +29.0"]
    apart["interval"] = [0.05, 0.19]
    assert notes(result) == [f"{start}+12.0, 95 % +5.0 to +19.0"]


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


def test_a_row_that_is_chosen_without_labels_is_named_with_what_one_folder_cannot_tell() -> None:
    for row, kappa, weak, single in (
        ("gan", 0.8, False, True),
        ("gan+agreed+self_training", 0.8, False, False),
        ("synthetic+self_training", 0.4, True, False),
        ("color_transfer", 0.4, True, False),
    ):
        (said,) = (note for note in notes({**RESULT, "chosen": {"row": row, "consistency": kappa}}) if "chosen" in note)
        assert said.startswith(f"chosen without any real label: {row}, whose task models predict the same when")
        assert f"(agreement beyond chance {kappa:.2f})" in said
        assert ("below 0.6 that says little" in said) is weak
        assert ("one folder of a translator cannot tell whether it changes labels" in said) is single
