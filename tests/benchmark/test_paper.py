from pathlib import Path

from refine.benchmark.paper import latex, markdown, write_tables
from tests.benchmark.results import benchmark, row

RESULT = benchmark(**{"my_gan|50%": row(0.2, 0.3, -0.05)})


def test_markdown_has_a_line_for_each_row_and_shows_names_as_they_are() -> None:
    text = markdown(RESULT)
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
    text = markdown(result)
    assert "2 seeds of each translator; ± over translators where there are several." in text
    assert "| to synthetic (95 %) | p (Holm) | gap closed (95 %) |" in text
    assert "| gan (3 translators) | 142 |" in text
    assert "| 0.04 | -10 % (-20 to 12) |" in text
    assert "| 0.50 | not defined |" in text


def test_a_warning_is_the_first_line_of_both() -> None:
    warned = {**RESULT, "warning": "WARNING: it is_worse"}
    assert markdown(warned).startswith("**WARNING: it is\\_worse**\n\n")  # type: ignore[arg-type]  # a copy of a Benchmark
    assert latex(warned).startswith("% WARNING: it is_worse\n")  # type: ignore[arg-type]  # a copy of a Benchmark


def test_latex_is_two_tables_of_booktabs_with_every_sign_escaped() -> None:
    text = latex(RESULT)
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
    for text in (markdown(missing), latex(missing)):  # type: ignore[arg-type]  # a copy of a Benchmark
        assert f"Not tested, since the real images show none: {RESULT['classes'][0]}." in text
        assert f"real images of {RESULT['classes'][0]}" not in text
