"""Mutations of a file's bytes: of any file, of text, and of JSON, XML, YAML and CSV by their grammar."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.values import NUMBERS, STRINGS, YAML, bomb, change_structure

Mutation = Callable[[bytes, Random], bytes]


def truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def flip_bits(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice([1, 1, 3, 20])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_bits_of_the_head(data: bytes, rng: Random) -> bytes:
    return flip_bits(data[:256], rng) + data[256:]


def insert_bytes(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = rng.choice(
        [b"\0", b"\xff\xfe", rng.randbytes(8), b"\0" * 4096, b"\xed\xa0\x80", b"\xc3\x28", b"\xef\xbb\xbf"]
    )
    return data[:at] + new + data[at:]


def remove_bytes(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice([1, 4, 64, 1000]) :]


def repeat_a_part(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    part = data[at : at + rng.choice([4, 64, 1000])]
    return data[:at] + part * rng.choice([2, 20]) + data[at:]


def empty(data: bytes, rng: Random) -> bytes:
    return rng.choice([b"", b"\0", b"\n", b" ", b"\0" * 1000])


def append_rubbish(data: bytes, rng: Random) -> bytes:
    return data + rng.choice([b"\0" * 512, rng.randbytes(100), data, b"}", b"</x>", b"\n,,,\n"])


def other_numbers(data: bytes, rng: Random) -> bytes:
    return _exchange(rb"-?\d+(?:\.\d+)?", NUMBERS, data, rng)


def other_words(data: bytes, rng: Random) -> bytes:
    return _exchange(rb"[A-Za-z_][\w/.-]*", STRINGS, data, rng)


def _exchange(wanted: bytes, values: tuple[str, ...], data: bytes, rng: Random) -> bytes:
    found = list(re.finditer(wanted, data))
    for match in sorted(rng.sample(found, min(len(found), rng.choice([1, 1, 2, 5]))), key=lambda at: -at.start()):
        new = rng.choice(values).encode("utf-8", "surrogatepass")
        data = data[: match.start()] + new + data[match.end() :]
    return data


def change_lines(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b"\n"]
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 3:
        lines[one] = lines[one][: rng.randrange(len(lines[one]) + 1)]
    elif kind == 4:
        lines[one] = lines[one] * rng.choice([2, 5000])
    else:
        rng.shuffle(lines)
    return b"".join(lines)


def change_fields(data: bytes, rng: Random) -> bytes:
    """Fields of a line, between commas, tabs or blanks."""
    lines = data.splitlines() or [b""]
    at = rng.randrange(len(lines))
    mark = max((b",", b"\t", b" ", b";"), key=lines[at].count)
    fields = lines[at].split(mark)
    kind, field = rng.randrange(5), rng.randrange(len(fields))
    if kind == 0:
        del fields[field]
    elif kind == 1:
        fields.insert(field, fields[-1])
    elif kind == 2:
        fields[field] = b'"' + fields[field]
    elif kind == 3:
        fields *= 3000
    else:
        fields[field] = rng.choice([*NUMBERS, *STRINGS]).encode("utf-8", "surrogatepass")
    return b"\n".join([*lines[:at], mark.join(fields), *lines[at + 1 :]])


def other_encoding(data: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice(
        [text.encode("utf-16"), text.encode("utf-8-sig"), text.encode("utf-32"), text.replace("\n", "\r").encode()]
    )


def change_json(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines()
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        if len(lines) < 2:
            return other_numbers(data, rng)
        at = rng.randrange(len(lines))  # JSON lines
        return b"\n".join([*lines[:at], change_json(lines[at], rng), *lines[at + 1 :]])
    for _ in range(rng.choice([1, 1, 1, 3])):
        _, value = change_structure(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def json_grammar(data: bytes, rng: Random) -> bytes:
    """A key twice, thousands of levels, numbers that are none, an array of many entries."""
    kind = rng.randrange(4)
    if kind == 0:
        return re.sub(rb'("[^"]+"): ?([^,{}\[\]]+)', rb"\1: \2, \1: 7", data, count=rng.randrange(1, 4))
    if kind == 1:
        return data[: rng.randrange(len(data) + 1)] + rng.choice([b"[", b'{"a":']) * rng.choice([900, 100_000])
    if kind == 2:
        return _exchange(rb"-?\d+(?:\.\d+)?", ("NaN", "Infinity", "-Infinity", "9" * 5000, "1e999", "-0"), data, rng)
    return re.sub(rb"\[", b"[" + rng.choice([b"0,", b"{},", b"[[]],"]) * 200_000, data, count=1)


def change_xml(data: bytes, rng: Random) -> bytes:
    kind = rng.randrange(7)
    tags = list(re.finditer(rb"</?[\w]+>", data)) or list(re.finditer(rb"$", data))
    tag = rng.choice(tags)
    if kind == 0:
        return data[: tag.start()] + data[tag.end() :]
    if kind == 1:
        return data[: tag.start()] + tag.group() * rng.choice([2, 5000]) + data[tag.end() :]
    if kind == 2:
        levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        return _with_doctype(f'<!DOCTYPE annotation [<!ENTITY l0 "ha">{levels}]>', b"&l9;", data, rng)
    if kind == 3:
        target = rng.choice(["file:///etc/passwd", "file:///dev/zero", "http://127.0.0.1:9/x", "../canary/kept.txt"])
        return _with_doctype(f'<!DOCTYPE annotation [<!ENTITY e SYSTEM "{target}">]>', b"&e;", data, rng)
    if kind == 4:
        return re.sub(rb">[^<]*</", b">" + rng.choice(NUMBERS).encode() + b"</", data, count=rng.randrange(1, 9))
    if kind == 5:
        return rng.choice([b'<?xml version="1.0" encoding="utf-16"?>', b"<?xml encoding='x'?>", b"<!--"]) + data
    return data[: tag.start()] + b"<a>" * 50_000 + data[tag.start() :]


def _with_doctype(doctype: str, entity: bytes, data: bytes, rng: Random) -> bytes:
    body = re.sub(rb">[^<]+</", b">" + entity + b"</", data, count=rng.randrange(1, 5))
    return doctype.encode() + re.sub(rb"<\?xml[^>]*\?>", b"", body)


def change_yaml(data: bytes, rng: Random) -> bytes:
    """A value, a line or the whole as YAML's grammar allows it, and nobody writes it."""
    values = list(re.finditer(rb"(?<=[:\-,\[] )[^\n,\[\]{}]+", data))
    new = rng.choice(YAML).encode()
    if not values or rng.random() < 0.1:
        return rng.choice([new, data + new, new + b"\n" + data])
    if rng.random() < 0.15:
        entry = bomb(rng).encode()
        return rng.choice([entry + data, data + entry, entry + data.replace(values[0].group(), b"*a9", 1)])
    match = rng.choice(values)
    return data[: match.start()] + new + data[match.end() :]


ANY: tuple[Mutation, ...] = (
    *(truncate, flip_bits, flip_bits_of_the_head, insert_bytes, remove_bytes, repeat_a_part, empty, append_rubbish),
)
TEXT: tuple[Mutation, ...] = (
    *(other_numbers, other_numbers, other_words, other_words, change_lines, change_fields, other_encoding),
    *(truncate, flip_bits, insert_bytes, remove_bytes, empty),
)
BY_SUFFIX: dict[str, tuple[Mutation, ...]] = {
    ".json": (change_json, change_json, change_json, json_grammar),
    ".jsonl": (change_json, change_json, json_grammar),
    ".xml": (change_xml,),
    ".yaml": (change_yaml,),
    ".yml": (change_yaml,),
    ".csv": (change_fields, change_fields, change_lines),
}


def named(mutation: Callable[..., Any]) -> str:
    """A function's name as words."""
    return mutation.__name__.replace("_", " ")
