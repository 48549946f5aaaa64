"""Flags, records and command lines from one dataclass."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from refine.options import (
    Device,
    File,
    Files,
    Flag,
    Positive,
    Size,
    Words,
    add_flags,
    as_phrase,
    flag_words,
    read_options,
    recorded,
    spelled,
    with_dashes,
)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A command."""

    place: Annotated[Path, Flag("DIR", positional=True)]
    """Where it is."""
    weights_file: File
    """Weights of 100 % of it."""
    seeds: Positive = 3
    """Of what is drawn."""
    size: Size | None = None
    """HxW of all (default: theirs)."""
    names: Words = ("a",)
    """Names, a by default."""
    judge: Files = ()
    """May be given again."""
    how: Literal["one", "other"] | None = None
    """How."""
    flip: bool = False
    """Mirror."""
    drop: bool | None = None
    """Drop."""
    device: Device = "auto"


def parser(required: bool = True) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(exit_on_error=False)
    add_flags(made, Own, required)
    return made


def parsed(*words: str) -> Own:
    return read_options(Own, vars(parser().parse_args(words)))


LEAST = ("here", "--weights-file", "w")
EVERY = (
    *("here", "--weights-file", "w", "--seeds", "5", "--size", "4x6", "--names", "b", "c"),
    *("--judge", "x", "--judge", "y", "--how", "other", "--flip", "--device", "cpu"),
)


def test_flags_are_the_fields_and_what_is_not_given_has_their_defaults() -> None:
    assert parsed(*LEAST) == Own(place=Path("here"), weights_file=Path("w"))
    assert parsed(*EVERY) == Own(
        place=Path("here"),
        weights_file=Path("w"),
        seeds=5,
        size=(4, 6),
        names=("b", "c"),
        judge=(Path("x"), Path("y")),
        how="other",
        flip=True,
        device="cpu",
    )
    assert parsed(*LEAST, "--no-drop").drop is False


def test_a_command_is_printed_as_it_is_typed_from_options_and_from_their_record() -> None:
    for values in (vars(parsed(*EVERY)), recorded(parsed(*EVERY))):
        assert flag_words(Own, values) == list(EVERY)
    damaged: dict[str, Any] = {"seeds": {"a": 1}, "size": None, "names": 3.5, "judge": "x", "flip": 1, "more": 1}
    assert flag_words(Own, {**damaged, "how": ["one"], "device": None}) == ["--names", "3.5", "--judge", "x"]


def test_help_is_the_docstring_with_the_default_where_it_tells_none() -> None:
    shown = " ".join(parser().format_help().split())
    for text in (
        "DIR where it is",
        "--weights-file FILE weights of 100 % of it",
        "--seeds N of what is drawn (default: 3)",
        "--size HxW HxW of all (default: theirs)",
        "names, a by default --judge",
        "--how {one,other} how --flip mirror",
        "--device {auto,cpu,cuda,mps} where networks run: auto (default) takes cuda",
    ):
        assert text in shown
    assert as_phrase("A .ckpt.") == "a .ckpt"
    assert as_phrase("YAML of\n    it.") == "YAML of it"


@pytest.mark.parametrize(
    "words", [("here",), (*LEAST, "--seeds", "0"), (*LEAST, "--size", "4"), (*LEAST, "--how", "x")]
)
def test_values_are_checked(words: tuple[str, ...]) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parser().parse_args(words)
    assert vars(parser(required=False).parse_args(["here"])) == {"place": Path("here")}


def test_names_of_flags_are_spelled_one_way_and_values_stay() -> None:
    given = ["fit", "--data.batch_size=a_b", "--ckpt-path", "c_d-e", "-c", "x_y", "--"]
    assert spelled(given, "-") == ["fit", "--data.batch-size=a_b", "--ckpt-path", "c_d-e", "-c", "x_y", "--"]
    assert spelled(given, "_") == ["fit", "--data.batch_size=a_b", "--ckpt_path", "c_d-e", "-c", "x_y", "--"]
    assert with_dashes("a_b: --data.max_file_size 3, --model.init-args.a_b") == (
        "a_b: --data.max-file-size 3, --model.init-args.a-b"
    )
