from io import StringIO

from rich.console import Console

from refine.report.kit.table import FigureTable, latex, markdown, plain_latex, terminal_table, without_empty

TABLE = FigureTable(["name\n(all)", "", "value"], [["[bold]a", "", "1.5"], ["b_c", "", "-2"]])


def printed(width: int, framed: bool = True) -> list[str]:
    console = Console(file=(text := StringIO()), width=width)
    console.print(terminal_table(TABLE, console, framed=framed))
    return text.getvalue().splitlines()


def test_columns_without_anything_are_left_out() -> None:
    assert without_empty(TABLE) == FigureTable(["name\n(all)", "value"], [["[bold]a", "1.5"], ["b_c", "-2"]])


def test_a_terminal_shows_names_as_they_are_and_breaks_headings_only_where_it_is_narrow() -> None:
    assert any("[bold]a" in line for line in printed(60))
    assert not any("name (all)" in line for line in printed(60))
    assert any("name (all)" in line for line in printed(10_000))
    assert not any("┃" in line for line in printed(60, framed=False))


def test_markdown_and_latex_show_every_sign_as_it_is() -> None:
    assert markdown(TABLE).splitlines()[1:] == ["| --- | ---: | ---: |", r"| \[bold\]a |  | 1.5 |", r"| b\_c |  | -2 |"]
    assert latex(TABLE).splitlines()[0] == r"\begin{tabular}{lrr}"
    assert r"  b\_c &  & $-$2 \\" in latex(TABLE).splitlines()
    assert plain_latex("< 0.1 %\n& 5 ± 1") == r"$<$ 0.1 \% \& 5 $\pm$ 1"
