"""Lines of files, changed as no program would have written them."""

from __future__ import annotations

import json

ODD = (
    None, True, -1, 2**70, 1e308, "", "\x00", "\ud800", "\x1b[31m", "<script>", [], {}, [[]], [None], {"": None}, "x" * 5_000,
    {"type": "text"}, [{"type": "text", "text": 3}], "2026-99-99T99:99:99Z", {"role": "user", "content": [1]}, ["a"] * 300,
)  # fmt: skip


def places_in(value, path=()):
    """Where the values inside a JSON value stand."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        found += places_in(item, (*path, key))
    return found


def confuse(line, draw):
    """The line with one value of another type than its program would write, or one member gone."""
    value = json.loads(line)
    *path, last = draw.choice(places_in(value))
    inside = value
    for key in path:
        inside = inside[key]
    if draw.random() < 0.2:
        del inside[last]
    else:
        inside[last] = draw.choice(ODD)
    return json.dumps(value).encode() + b"\n"


def spoil(line, draw):
    """The line with some of its bytes changed."""
    place = draw.randrange(len(line) - 1)
    return draw.choice(
        (
            line[:place] + bytes([draw.randrange(256)]) + line[place + 1 :],
            line[:place] + b"\n" + line[place:],
            line[:place] + b"\n",
            bytes(len(line) - 1) + b"\n",
            b"\n",
            b"[" * draw.choice((10, 300, 50_000)) + b"\n",
            line.replace(b"\n", b"\r\n"),
            line + line,
        )
    )
