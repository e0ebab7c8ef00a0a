"""Whether a history of concurrent operations could have happened one after another: the log is the order that counts.

Every operation has a moment between its begin and its end at which it took effect. For a session that is a log, that
order is the order of the entries, so three questions decide: does each answer fit its place in the log, does each
operation stand behind all that ended before it began, and did no read see what had not begun when it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hansard import Entry


def problems(log: Sequence[Entry], operations: Sequence[dict[str, Any]]) -> list[str]:
    """What can't have happened, of one session. Operations without `end` were cut off: they may have happened or not."""
    seqs = {entry.id: entry.seq for entry in log}
    found = [] if [entry.seq for entry in log] == list(range(1, len(log) + 1)) else ["the numbers of the log have gaps"]
    for one in operations:
        found += _of_one(one, log, seqs)
    return found + _real_time(operations, seqs) + _twice(log)


def _twice(log: Sequence[Entry]) -> list[str]:
    ids = [entry.id for entry in log]
    return [] if len(ids) == len(set(ids)) else ["an id stands in the log twice"]


def _of_one(one: dict[str, Any], log: Sequence[Entry], seqs: dict[str, int]) -> list[str]:
    name = f"{one['verb']} {one['ids'][0]}"
    present = [seqs[identity] for identity in one["ids"] if identity in seqs]
    if one["verb"] in ("read", "find", "lease"):
        return []
    if "error" in one:
        return [f"{name} was refused and is there"] if present else []
    if present and (len(present) != len(one["ids"]) or present != list(range(present[0], present[0] + len(present)))):
        return [f"{name} is there by halves: {present}"]
    if "end" not in one:
        return []
    if not present or present[-1] != one["seq"]:
        return [f"{name} was acknowledged as {one['seq']} and stands at {present}"]
    between = [entry.kind for entry in log if one.get("expect", present[0]) < entry.seq < present[0]]
    if set(between) - {"lease"}:
        return [f"{name} expected {one['expect']} and came after {between}"]
    newer = [
        entry.seq
        for entry in log
        if entry.kind == "lease" and one.get("fence") and entry.body["fence"] > one["fence"] and entry.seq < present[0]
    ]
    return [f"{name} under fence {one['fence']} came after the lease at {newer}"] if newer else []


def _real_time(operations: Sequence[dict[str, Any]], seqs: dict[str, int]) -> list[str]:
    """What stands before something that had ended when it began, and reads that saw the future."""
    found: list[str] = []
    ended = sorted((one for one in operations if "seq" in one and one["verb"] != "lease"), key=lambda one: one["end"])
    begun = {seqs[identity]: one["begin"] for one in operations for identity in one["ids"] if identity in seqs}
    begins = sorted(ended, key=lambda one: one["begin"])
    bound, position = 0, 0
    for one in begins:
        while position < len(ended) and ended[position]["end"] < one["begin"]:
            bound = max(bound, ended[position]["seq"])
            position += 1
        reading = one["verb"] in ("read", "find")
        if one["seq"] < bound + (not reading):
            found.append(f"{one['verb']} {one['ids'][0]} gave {one['seq']} after {bound} had been acknowledged")
        if reading and begun.get(one["seq"], 0) > one["end"]:
            found.append(f"{one['verb']} {one['ids'][0]} saw {one['seq']} before that had begun")
    return found
