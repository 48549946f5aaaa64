"""Words for the ways out that errors name: options are given in a YAML file, which the command line takes."""


def in_yaml(layout: str, option: str) -> str:
    """How to say it: ``in a YAML file for --layout: `layout: voc`, `classes: [car, truck]```.

    Args:
        layout: The layout's name.
        option: One of its options with a value, as YAML.
    """
    return f"in a YAML file for --layout: `layout: {layout}`, `{option}`"
