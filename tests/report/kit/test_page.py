from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.kit.page import breakable, facts, template


def test_a_template_has_the_shared_parts_and_style_and_escapes(tmp_path: Path) -> None:
    file = tmp_path / "page.html.j2"
    file.write_text("{% from 'parts.html.j2' import head %}{{ head(title) }}{{ title }}{{ '5 %'|tied }}")
    page = template(file).render(title="<b>")
    assert "--ink:" in page
    assert "default-src 'none'" in page
    assert page.endswith("&lt;b&gt;5\u00a0%")
    assert "<title>&lt;b&gt;" in page


def test_a_path_may_break_after_a_slash_or_underscore_and_is_escaped() -> None:
    assert breakable("a/b_<i>.png") == "a/<wbr>b_<wbr>&lt;i&gt;<wbr>.png"


def test_facts_name_every_value_by_its_way() -> None:
    assert facts({"a": {"b": 1, "c": None}, "d": [1, "x"]}) == [("a.b", "1"), ("a.c", "null"), ("d", '[1, "x"]')]


def test_objects_in_objects_without_end_are_refused() -> None:
    value: dict[str, object] = {}
    for _ in range(900):
        value = {"a": value}
    with pytest.raises(InputError, match=r"more than 100 levels"):
        facts(value)
