from refine.apply.manifest import Audited, Entry, failed
from refine.apply.summary import SHOWN, summarize


def done(key: str, kind: str, **more: int) -> Entry:
    entry: Entry = {"key": key, "kind": kind, "status": "done"}
    return {**entry, **more}  # type: ignore[typeddict-item]  # numbers of a container's line


def test_images_of_this_run_and_of_before_are_told_apart() -> None:
    entries = [done("a.png", "image"), done("b.png", "image"), done("a.txt", "carried"), done("c", "link")]
    found = summarize(entries, kept={"a.png"})
    assert (found.done, found.kept, found.carried, found.failed, found.exit_code) == (1, 1, 2, 0, 0)
    assert found.text() == "refined 1 image (1 more stood from before), carried 2 files"


def test_images_in_containers_count_as_images() -> None:
    found = summarize([done("0.tar", "container", images=5), done("1.tar", "container", images=4)], kept={"1.tar"})
    assert (found.done, found.kept, found.carried) == (5, 4, 0)


def test_failures_are_listed_in_order_up_to_a_number_and_the_layout_stands_first() -> None:
    entries = [failed(f"{number:03d}.png", "image", "damaged") for number in reversed(range(SHOWN + 2))]
    found = summarize(entries, set())._replace(note="in: layout carla (why)")
    assert found.exit_code == 3
    lines = found.text().splitlines()
    assert lines[0] == "in: layout carla (why)"
    assert lines[2] == f"{SHOWN + 2} not written:"
    assert lines[3] == "  000.png: damaged"
    assert lines[-1] == "  … and 2 more, all in refine-manifest.jsonl"


def audited(key: str, verdict: str, strength: float, after: str | None, status: str = "done") -> Entry:
    audit: Audited = {"verdict": verdict, "strength": strength, "after": after}
    return {"key": key, "kind": "image", "status": status, "audit": audit}


def test_what_was_done_about_an_audit_is_counted_and_told() -> None:
    entries: list[Entry] = [
        audited("a.png", "pass", 1.0, "pass"),
        audited("b.png", "fail", 0.75, "pass"),
        audited("c.png", "fail", 0.25, "pass"),
        audited("d.png", "review", 0.25, "pass"),
        audited("e.png", "fail", 0.0, None),
        audited("f.png", "fail", 0.0, None, "left-out"),
        audited("g.png", "inconclusive", 1.0, "inconclusive"),
        {"key": "f.txt", "kind": "carried", "status": "left-out"},
    ]
    found = summarize(entries, kept={"a.png", "e.png", "f.png"})
    assert (found.done, found.kept, found.carried, found.exit_code) == (4, 1, 0, 0)
    assert found.text().splitlines()[1:] == [
        "after the audit: 3 images at less strength (0.75: 1, 0.25: 2), 1 image kept as in the input, "
        "1 image left out with 1 label file",
        "refined in full though the audit does not say pass (inconclusive: 1)",
    ]


def test_files_that_still_name_what_is_left_out_are_told_up_to_a_number() -> None:
    found = summarize([], set())._replace(shared=["a", "b", "c", "d", "e"])
    assert found.text().endswith("left out stand in it: a, b, c and 2 more")
