import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.cli import main
from refine.data.layouts import ClassFolders, Table
from refine.data.open_layout import open_layout
from refine.errors import DiskFull, InputError
from refine.labels.targets import values
from refine.simulators import rendering
from refine.simulators.digits import DigitImage, DigitsParameters, draw_digit
from refine.simulators.rendering import DigitsData, RenderedImages, ensure_rendered, render_digits
from tests.conftest import WriteImages


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        render_digits(tmp_path / name, 20, seed)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert all(a[key] != c[key] for key in a)


def test_a_longer_rendering_begins_with_the_shorter_one(tmp_path: Path) -> None:
    render_digits(tmp_path / "short", 10, 0)
    render_digits(tmp_path / "long", 20, 0)
    short, long = contents(tmp_path / "short"), contents(tmp_path / "long")
    assert all(long[key] == short[key] for key in short if key.endswith(".png"))


def test_it_is_a_dataset_of_class_folders_with_names_that_are_unique(tmp_path: Path) -> None:
    render_digits(tmp_path / "digits", 25, 0)
    layout = ClassFolders(tmp_path / "digits")
    assert layout.label_space.names == tuple("0123456789")
    labels = [int(layout.label(record)) for record in layout.records()]
    assert np.bincount(labels).tolist() == [3] * 5 + [2] * 5
    assert len({record.image.name for record in layout.records()}) == 25
    with Image.open(tmp_path / "digits/3/digit-00013-3.png") as image:
        assert (image.mode, image.size) == ("L", (28, 28))


def test_fewer_images_than_classes_leave_no_empty_class(tmp_path: Path) -> None:
    render_digits(tmp_path / "digits", 3, 0)
    assert ClassFolders(tmp_path / "digits").label_space.names == ("0", "1", "2")


def test_each_line_of_parameters_draws_its_image_again(tmp_path: Path) -> None:
    render_digits(tmp_path / "digits", 20, 5)
    lines = (tmp_path / "digits/parameters.jsonl").read_text().splitlines()
    assert len(lines) == 20
    for line in lines:
        values = json.loads(line)
        with Image.open(tmp_path / "digits" / values.pop("path")) as image:
            assert np.array_equal(np.asarray(image), draw_digit(DigitImage(**values)))


def test_the_lines_are_a_table_of_targets(tmp_path: Path) -> None:
    render_digits(tmp_path / "digits", 10, 0, DigitsParameters(rotation=(3.0, 3.0)))
    table = Table(tmp_path / "digits", targets=("digit", "rotation"))
    assert [table.label(record).tolist() for record in table.records()] == [[digit, 3.0] for digit in range(10)]


def test_what_it_was_made_with_stands_beside_it(tmp_path: Path) -> None:
    render_digits(tmp_path / "digits", 10, 5, DigitsParameters(noise=(1, 2)))
    made = json.loads((tmp_path / "digits/render.json").read_text())
    assert (made["simulator"], made["seed"], made["count"]) == ("digits", 5, 10)
    assert made["parameters"]["noise"] == [1.0, 2.0]
    assert made["versions"].keys() == {"renderer", "pillow", "freetype", "matplotlib", "numpy"}


def test_the_same_rendering_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render_digits(tmp_path / "digits", 10, 0)
    monkeypatch.setattr(rendering, "draw_digit", None)
    render_digits(tmp_path / "digits", 10, 0)


def test_a_folder_with_anything_else_is_left_alone_and_refused(tmp_path: Path) -> None:
    output = tmp_path / "digits"
    render_digits(output, 10, 0)
    before = contents(output)
    with pytest.raises(InputError, match=r"another rendering \(its count and seed differ\); name another output"):
        render_digits(output, 20, 1)
    with pytest.raises(InputError, match="its parameters differ"):
        render_digits(output, 10, 0, DigitsParameters(noise=(0, 1)))
    assert contents(output) == before
    (output / "3/digit-00003-3.png").unlink()
    with pytest.raises(InputError, match="holds 9 of its 10 images"):
        render_digits(output, 10, 0)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/mine.txt").write_text("mine")
    for name in ("file", "folder"):
        with pytest.raises(InputError, match=f"{name}: holds something other than a rendering"):
            render_digits(tmp_path / name, 10, 0)


def test_an_empty_folder_is_filled_even_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "digits"
    output.mkdir()
    monkeypatch.chdir(output)
    render_digits(Path(), 10, 0)
    assert len(ClassFolders(output).records()) == 10


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (PermissionError(errno.EACCES, "Permission denied"), PermissionError),
    ],
)
def test_interrupted_rendering_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException, expected: type[BaseException]
) -> None:
    def interrupted(image: DigitImage) -> object:
        if image.digit == 5:
            raise raised
        return draw_digit(image)

    monkeypatch.setattr(rendering, "draw_digit", interrupted)
    with pytest.raises(expected):
        render_digits(tmp_path / "digits", 10, 0)
    assert list(tmp_path.iterdir()) == []


def test_when_another_process_is_faster_its_rendering_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "digits"

    def other_first(image: DigitImage) -> object:
        if image.digit == 9:
            monkeypatch.setattr(rendering, "draw_digit", draw_digit)
            render_digits(output, 10, 0)
        return draw_digit(image)

    monkeypatch.setattr(rendering, "draw_digit", other_first)
    render_digits(output, 10, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]


def test_what_takes_the_place_meanwhile_is_kept_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place_taken(image: DigitImage) -> object:
        (tmp_path / "digits").write_text("mine")
        return draw_digit(image)

    monkeypatch.setattr(rendering, "draw_digit", place_taken)
    with pytest.raises(InputError, match="digits: "):
        render_digits(tmp_path / "digits", 1, 0)
    assert (tmp_path / "digits").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("count", "seed", "says"), [(0, 0, "count: .* found 0"), (1, -1, "seed: .* found -1")])
def test_count_and_seed_out_of_range_are_refused(tmp_path: Path, count: int, seed: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        render_digits(tmp_path / "digits", count, seed)


def test_a_cache_holds_each_rendering_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ensure_rendered(tmp_path / "cache", "digits", 10, 0)
    assert first == ensure_rendered(tmp_path / "cache", "digits", 10, 0)
    others = {
        ensure_rendered(tmp_path / "cache", "digits", 11, 0),
        ensure_rendered(tmp_path / "cache", "digits", 10, 1),
        ensure_rendered(tmp_path / "cache", "digits", 10, 0, DigitsParameters(noise=(0, 1))),
    }
    monkeypatch.setattr(rendering, "pillow_version", "another")  # other versions draw other pixels
    others.add(ensure_rendered(tmp_path / "cache", "digits", 10, 0))
    assert len(others | {first}) == 5 == len(list((tmp_path / "cache").iterdir()))


@pytest.fixture
def real(tmp_path: Path, write_images: WriteImages) -> Path:
    """Gray images of the digits' size."""
    return write_images(tmp_path / "real", size=(28, 28), mode="L")


def first_image(real: Path, **parameters: tuple[float, float]) -> torch.Tensor:
    # settings from the parameters
    data = DigitsData(real, count=20, batch_size=4, parameters=DigitsParameters(**parameters))  # type: ignore[arg-type]  # any
    data.prepare_data()
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["synthetic"].image.shape == batch["real"].shape == (4, 1, 28, 28)
    image: torch.Tensor = batch["synthetic"].image
    return image


def test_what_is_missing_is_rendered_always_the_same(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = []
    for name in ("one", "two"):
        monkeypatch.setenv("REFINE_CACHE", str(tmp_path / name))
        images.append(first_image(real))
        assert len(list((tmp_path / name).glob("digits-*/*/*.png"))) == 20
    assert torch.equal(*images)


def test_other_parameters_are_another_rendering(real: Path) -> None:
    dark = first_image(real, foreground=(60.0, 60.0), background=(0.0, 0.0), noise=(0.0, 0.0))
    bright = first_image(real, foreground=(250.0, 250.0), background=(0.0, 0.0), noise=(0.0, 0.0))
    assert bright.max() > dark.max()


def test_labels_are_the_digits(real: Path) -> None:
    data = DigitsData(real, count=20, batch_size=30)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    for key, label in zip(batch["synthetic"].key, batch["synthetic"].label, strict=True):
        assert key.startswith(f"{int(label)}/")


DATASETS = Path(__file__).resolve().parents[2] / "datasets"


def test_rendered_meters_are_read_as_the_shipped_file_says(tmp_path: Path) -> None:
    output = tmp_path / "meter"
    (tmp_path / "ranges.yaml").write_text("bright: [240, 250]\n")
    command = ["render", "meter", "--count", "12", "--parameters", str(tmp_path / "ranges.yaml")]
    assert main([*command, "--output", str(output)]) == 0
    layout = open_layout(str(DATASETS / "meter" / "labels.yaml"), output)
    assert layout.faults == []
    labels = torch.stack([layout.label(record) for record in layout.records()])
    read = values(labels, layout.label_space.names)[:, 0]
    assert torch.allclose(read, torch.arange(12) / 10, atol=1e-5)
    assert layout.image(layout.records()[0], 3).shape == (3, 32, 20)
    lines = [json.loads(line) for line in (output / "parameters.jsonl").read_text().splitlines()]
    assert all(240 <= line["bright"] <= 250 for line in lines)
    before = contents(output)
    assert main([*command, "--output", str(output)]) == 0
    assert contents(output) == before


def test_rendered_nuclei_have_a_mask_of_each_that_the_shipped_file_reads(tmp_path: Path) -> None:
    output = tmp_path / "nuclei"
    assert main(["render", "nuclei", "--count", "3", "--output", str(output)]) == 0
    layout = open_layout(str(DATASETS / "nuclei" / "labels.yaml"), output)
    assert layout.faults == []
    assert len(layout.records()) == 3
    for record in layout.records():
        found = layout.annotation(record)
        assert found.mask is not None
        assert found.instances is not None
        assert torch.equal(found.mask, (found.instances > 0).long())
        assert int(found.instances.max()) > 1
    next((output / "images").iterdir()).unlink()
    with pytest.raises(InputError, match="holds 2 of its 3 images"):
        rendering.render("nuclei", output, 3, 0)


def test_a_recipe_names_the_simulator_and_its_ranges(
    tmp_path: Path, write_images: WriteImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFINE_CACHE", str(tmp_path / "cache"))
    photos = write_images(tmp_path / "photos", size=(32, 20))
    ranges = {"noise": [0, 0], "fonts": ["cmss10.ttf"]}
    layout = {"layout": "table", "targets": ["value"], "periods": {"value": 10}}
    data = RenderedImages(photos, "meter", layout, count=12, batch_size=4, parameters=ranges)
    data.prepare_data()
    data.setup("fit")
    assert data.label_space.names == ("value mod 10 cosine", "value mod 10 sine")
    batch = next(iter(data.train_dataloader()))
    assert batch["synthetic"].image.shape == batch["real"].shape == (4, 3, 32, 20)
    assert batch["synthetic"].label.norm(dim=1).tolist() == pytest.approx([1.0] * 4)
    lines = [json.loads(line) for line in (data.synthetic / "parameters.jsonl").read_text().splitlines()]
    assert {(line["font"], line["noise"]) for line in lines} == {("cmss10.ttf", 0.0)}
    with pytest.raises(InputError, match="no parameter 'nois'; there are: fonts, size"):
        RenderedImages(photos, "meter", parameters={"nois": [0, 0]})
