"""`--device`: one flag for every command, and one line where the device is not there."""

from pathlib import Path

import pytest
import torch

from refine.benchmark import store
from refine.benchmark.fit import Protocol
from refine.benchmark.plan import Plan
from refine.cli import main
from refine.devices import choose_device, devices_of_jobs, threads_of_job
from refine.errors import InputError
from refine.files import ARCHIVE

FOLDERS = ["--synthetic", "a", "--refined", "b", "--real", "c"]
COMMANDS = [
    ["apply", "--checkpoint", "model.ckpt", "--input", "a", "--output", "d"],
    ["audit", "--synthetic", "a", "--refined", "b", "--output", "c"],
    ["benchmark", *FOLDERS, "--output", "d"],
    ["evaluate", *FOLDERS],
    ["inspect", "a", "--features", "inception-64"],
    ["tune-strength", "--checkpoint", "m", "--synthetic", "a", "--real", "b", "--judge", "j", "--output", "o"],
    ["fit", "-c", "models/simgan.yaml", "-c", "datasets/traffic-lights.yaml"],
]


def only(monkeypatch: pytest.MonkeyPatch, *devices: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)


@pytest.mark.parametrize(
    ("there", "name", "found"),
    [
        (["cuda", "mps"], "auto", "cuda"),
        (["mps"], "auto", "mps"),
        ([], "auto", "cpu"),
        (["cuda"], "cpu", "cpu"),
        (["cuda", "mps"], "mps", "mps"),
    ],
)
def test_auto_takes_the_first_that_is_there(
    there: list[str], name: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *there)
    assert choose_device(name).type == found


def test_what_is_not_there_or_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "mps")
    with pytest.raises(InputError, match="--device cuda: no CUDA device is available here; use --device mps"):
        choose_device("cuda")
    with pytest.raises(InputError, match="--device 'tpu': expected auto, cpu, cuda or mps"):
        choose_device("tpu")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: str(words[0]))
def test_every_command_refuses_it_in_one_line_before_any_work(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    only(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    for name in ("model.ckpt", "m", "j"):
        (tmp_path / name).write_bytes(ARCHIVE)
    assert main([*command, "--device", "cuda"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("refine: --device cuda: no CUDA device is available here")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "j", "m", "model.ckpt"]


def test_fit_takes_a_device_or_an_accelerator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*COMMANDS[-1], "--device", "cpu", "--trainer.accelerator", "cpu"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert main([*COMMANDS[-1], "--device", "tpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "device" in line


def test_jobs_are_spread_over_the_gpus_and_share_the_threads() -> None:
    assert devices_of_jobs("cuda", 5, 2) == ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]
    assert devices_of_jobs("cpu", 3, 0) == ["cpu"] * 3
    assert devices_of_jobs("mps", 2, 0) == ["mps"] * 2
    torch.set_num_threads(5)
    assert [threads_of_job(jobs) for jobs in (1, 2, 5, 9)] == [5, 2, 1, 1]


def test_each_process_of_a_benchmark_has_its_device_and_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    torch.set_num_threads(4)
    plan = Plan({}, {}, [], ("a", "b"), Protocol(1, 2, 0, False, device="cuda"), seeds=1, single_seeds=1)
    shares = store._shares(plan, 3)
    assert [share.plan.protocol.device for share in shares] == ["cuda:0", "cuda:1", "cuda:0"]
    assert {share.threads for share in shares} == {1}
