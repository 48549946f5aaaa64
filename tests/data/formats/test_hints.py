import yaml

from refine.data.formats.hints import in_yaml


def test_what_it_says_to_write_is_yaml_that_names_the_layout_and_the_option() -> None:
    hint = in_yaml("voc", "classes: [car, truck]")
    assert hint == "in a YAML file for --layout: `layout: voc`, `classes: [car, truck]`"
    assert yaml.safe_load("\n".join(hint.split("`")[1::2])) == {"layout": "voc", "classes": ["car", "truck"]}
