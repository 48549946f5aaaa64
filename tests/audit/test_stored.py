import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from refine.audit.judges import Judges, Member
from refine.audit.pairs import Pairs
from refine.audit.result import JUDGES
from refine.audit.stored import INDEX, LABELS, load_stored, require_free, store
from refine.errors import InputError
from refine.labels import LabelKind
from refine.methods.task import Task
from tests.audit.scenes import draws


def pairs(kind: LabelKind = "class") -> Pairs:
    images = torch.randint(0, 256, (4, 3, 16, 12), generator=draws(), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 1, 0])
    if kind == "mask":
        labels = torch.randint(0, 2, (4, 16, 12), generator=draws(), dtype=torch.uint8)
    return Pairs(kind, ("a", "b"), ("one.png", "ä/two.png", "three.png", "four.png"), images, images, labels)


FOLDS = torch.tensor([0, 1, 0, 1])


def family(kind: LabelKind = "class", name: str = "content") -> Judges:
    tasks = (Task(["a", "b"], channels=3, width=4, seed=seed, kind=kind).eval() for seed in (0, 1))
    return Judges(name, tuple(Member("small-0", fold, task) for fold, task in enumerate(tasks)))


@pytest.mark.parametrize("kind", ["class", "mask"])
def test_what_was_stored_comes_back(tmp_path: Path, kind: LabelKind) -> None:
    whole, judges = pairs(kind), family(kind)
    store(tmp_path, whole, FOLDS, (judges, family(kind, "real")))
    found = load_stored(tmp_path)
    assert (found.kind, found.names, found.size, found.channels) == (kind, ("a", "b"), (16, 12), 3)
    assert found.places == {key: place for place, key in enumerate(whole.keys)}
    assert torch.equal(found.labels, whole.labels)
    assert torch.equal(found.folds, FOLDS)
    assert [one.name for one in found.families] == ["content", "real"]
    images = whole.synthetic / 127.5 - 1
    for before, after in zip(judges.answers(images, FOLDS), found.families[0].answers(images, FOLDS), strict=True):
        assert torch.equal(before, after)


def test_no_competent_judge_is_no_reason_to_fail(tmp_path: Path) -> None:
    store(tmp_path, pairs(), FOLDS, ())
    assert load_stored(tmp_path).families == ()


def test_what_an_interrupted_audit_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f".{JUDGES}.tmp").mkdir()
    store(tmp_path, pairs(), FOLDS, (family(), family(name="real")))
    require_free(tmp_path)
    store(tmp_path, pairs(), FOLDS, (family(),))
    assert {path.name for path in (tmp_path / JUDGES).iterdir()} == {INDEX, LABELS, "content-0", "content-1"}
    assert [path.name for path in tmp_path.iterdir()] == [JUDGES]


def test_a_folder_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    require_free(tmp_path)
    (tmp_path / JUDGES).mkdir()
    with pytest.raises(InputError, match="holds something else than an audit's judges; choose another --output"):
        require_free(tmp_path)


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        store(tmp_path / "file", pairs(), FOLDS, (family(),))


def change(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda about: about.update(values)


def lead_out(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda about: about["families"][0]["members"][0].update(bundle=name)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lead_out("../judges/content-0"), "leads out of the folder"),
        (lead_out("/etc"), "leads out of the folder"),
        (lead_out(".."), "leads out of the folder"),
        (lead_out(""), "leads out of the folder"),
        (lead_out("content-9"), "content-9"),
        (change(keys=["one.png"]), "1 keys, labels of (4,) and folds of (4,)"),
        (change(keys=None), "cannot be read"),
        (change(families=[3]), "cannot be read"),
        (change(families={"a": 3}), "cannot be read"),
        (change(size=[16]), "cannot be read"),
        (change(channels="many"), "cannot be read"),
        (lambda about: about.pop("kind"), "cannot be read"),
    ],
)
def test_a_damaged_index_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], object], said: str) -> None:
    store(tmp_path, pairs(), FOLDS, (family(),))
    index = tmp_path / JUDGES / INDEX
    about = json.loads(index.read_text())
    damage(about)
    index.write_text(json.dumps(about))
    with pytest.raises(InputError, match="audit again") as raised:
        load_stored(tmp_path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    store(tmp_path, pairs(), FOLDS, (family(),))
    whole = (tmp_path / JUDGES / LABELS).read_bytes()
    torn = whole[:70] + bytes(8) + whole[78:]
    damages = [(INDEX, b"{"), (INDEX, b"[]"), *((LABELS, content) for content in (b"PK\x03\x04 no zip", b"", torn))]
    for name, content in damages:
        store(tmp_path, pairs(), FOLDS, (family(),))
        (tmp_path / JUDGES / name).write_bytes(content)
        with pytest.raises(InputError, match=r"cannot be read|judges\.json: not JSON"):
            load_stored(tmp_path)
    store(tmp_path, pairs(), FOLDS, (family(),))
    (tmp_path / JUDGES / "content-1" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="content-1"):
        load_stored(tmp_path)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    store(tmp_path, pairs(), FOLDS, (family(),))
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / JUDGES / LABELS, labels=objects, folds=objects)
    with pytest.raises(InputError, match="cannot be read"):
        load_stored(tmp_path)
