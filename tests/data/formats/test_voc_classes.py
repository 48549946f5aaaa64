from refine.data.formats.voc_classes import BY_ID, NAMES, listed, voc_table


def test_the_palette_is_vocs() -> None:
    colors = {entry.name: entry.color for entry in voc_table(NAMES, background=True).entries}
    # http://host.robots.ox.ac.uk/pascal/VOC/voc2012/segexamples/ shows them
    assert colors["background"] == (0, 0, 0)
    assert colors["aeroplane"] == (128, 0, 0)
    assert colors["bottle"] == (128, 0, 128)
    assert colors["cat"] == (64, 0, 0)
    assert colors["person"] == (192, 128, 128)
    assert colors["tvmonitor"] == (0, 64, 128)
    assert colors["border"] == (224, 224, 192)


def test_ids_go_from_1_on_and_255_is_void() -> None:
    table = voc_table(("car", "truck"), background=False)
    assert [(entry.id, entry.name, entry.ignore) for entry in table.entries] == [
        (0, "background", True),
        (1, "car", False),
        (2, "truck", False),
        (255, "border", True),
    ]
    assert table.name == "the dataset"
    assert table.space().names == ("car", "truck")


def test_the_background_may_be_a_class() -> None:
    table = voc_table(NAMES, background=True)
    assert table.name == "VOC"
    assert table.space().names == ("background", *NAMES)
    assert len(NAMES) == 20


def test_many_names_are_cut_short() -> None:
    assert listed(("a", "b")) == "a, b"
    assert listed(("a", "b", "c"), 2) == "a, b, …"
    assert listed(("a", "b"), 2) == "a, b"
    assert BY_ID.endswith("`layout: voc`, `classes: [car, truck]`")
