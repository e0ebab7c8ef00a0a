"""What an agent did on the way to each answer: tool steps and spans of reasoning, put together from messages and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from ..codec import times
from ..fold.meaning import read_parts
from ..model.entry import Entry, Json, Part

SUMMARY_CHARS: Final = 200
"""Characters of a summary that is made from an output."""

_STEP_TYPES: Final = frozenset(("step", "tool_step", "reasoning"))


class Step(msgspec.Struct, frozen=True):
    """One tool call with its result, or one span of reasoning."""

    seq: int
    """The entry where it begins."""
    kind: str
    """tool or reasoning."""
    answer: int = 0
    """The message that it led to; 0 while there is none."""
    tool_call_id: str = ""
    name: str = ""
    """Of the tool."""
    arguments: Json = None
    output: Json = None
    """What the tool gave back, whole; or the reasoning."""
    summary: str = ""
    """As said by the event of the step, else the beginning of the output."""
    started_at: str = ""
    duration_ms: float | None = None
    error: Json = None
    """What went wrong: a text where one was given, else True; None if nothing did."""
    run: str | None = None


def trajectory(entries: Iterable[Entry], *, answer: int | None = None) -> list[Step]:
    """The steps that the entries tell of, in the order of their beginning; with `answer` those that led to it."""
    walk = _Walk()
    for entry in entries:
        if entry.kind == "message" and isinstance(entry.body, dict):
            walk.message(entry, entry.body)
        elif entry.kind == "event" and isinstance(entry.body, dict):
            walk.event(entry, entry.body)
    steps = walk.finished()
    return steps if answer is None else [step for step in steps if step.answer == answer]


class _Walk:
    """The steps so far. A step is a dict of the fields of Step until the walk ends."""

    def __init__(self) -> None:
        self._steps: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        """Those whose answer is not known yet."""
        self._calls: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, int] = {}
        self._last_answer = 0

    def message(self, entry: Entry, body: dict[str, Json]) -> None:
        """A message: its calls and its reasoning begin steps, its results end them."""
        role = body.get("role")
        self._ids[entry.id] = entry.seq
        parts = [part for part in read_parts(body) if isinstance(part, dict)]
        if role == "user" and not any(part.get("type") == "tool_result" for part in parts):
            self._settle(self._last_answer)
            self._last_answer = 0
            return
        for part in parts:
            self._part(entry, part)
        if role == "assistant" and not any(part.get("type") == "tool_call" for part in parts):
            self._last_answer = entry.seq
            self._settle(entry.seq)

    def _part(self, entry: Entry, part: Part) -> None:
        kind = part.get("type")
        if kind == "tool_call":
            step = self._call(entry, part.get("id"))
            step["name"], step["arguments"] = _text(part.get("name")), part.get("arguments")
            step.setdefault("started_at", entry.at)
        elif kind == "tool_result":
            step = self._call(entry, part.get("call_id"))
            step["output"] = part.get("content")
            step.setdefault("ended_at", entry.at)
            if part.get("is_error") is True:
                step.setdefault("error", True)
        elif kind == "reasoning" and isinstance(part.get("text"), str) and part["text"]:
            self._begin({"seq": entry.seq, "kind": "reasoning", "output": part["text"], "started_at": entry.at}, entry)

    def event(self, entry: Entry, body: dict[str, Json]) -> None:
        """An event: one that names a call adds to its step, one of a step's type is a step."""
        call = body.get("tool_call_id")
        if not call and body.get("type") not in _STEP_TYPES:
            return
        if body.get("type") == "reasoning":
            said = body.get("text", body.get("content"))
            step = self._begin({"seq": entry.seq, "kind": "reasoning", "output": said}, entry)
        else:
            step = self._call(entry, call)
        step |= {name: value for name, value in _told(body, entry).items() if value is not None}

    def _call(self, entry: Entry, call: Json) -> dict[str, Any]:
        """The step of a call; a new one if the call is not known, or has no id."""
        known = self._calls.get(call) if isinstance(call, str) and call else None
        if known is not None:
            return known
        step = self._begin({"seq": entry.seq, "kind": "tool"}, entry)
        if isinstance(call, str) and call:
            step["tool_call_id"] = call
            self._calls[call] = step
        return step

    def _begin(self, step: dict[str, Any], entry: Entry) -> dict[str, Any]:
        if entry.run is not None:
            step["run"] = entry.run
        self._steps.append(step)
        self._open.append(step)
        return step

    def _settle(self, answer: int) -> None:
        for step in self._open:
            step["answer"] = answer
        self._open.clear()

    def finished(self) -> list[Step]:
        """All steps, as they are known at the end."""
        self._settle(self._last_answer)
        return [_finish(step, self._ids) for step in self._steps]


def _told(body: dict[str, Json], entry: Entry) -> dict[str, Any]:
    """What the event of a step says, whoever wrote it."""
    error = body.get("error")
    if error is None and body.get("is_error") is True:
        error = True
    return {
        "name": body.get("name", body.get("tool_name")),
        "arguments": body.get("arguments", body.get("tool_args")),
        "output": body.get("output"),
        "summary": body.get("summary", body.get("output_summary")),
        "started_at": body.get("started_at", body.get("timestamp")) or entry.at,
        "duration_ms": body.get("duration_ms"),
        "error": error or None,
        "link": body.get("answer"),
    }


def _finish(step: dict[str, Any], ids: dict[str, int]) -> Step:
    link = step.pop("link", None)
    if type(link) is int:
        step["answer"] = link
    elif isinstance(link, str) and link in ids:
        step["answer"] = ids[link]
    ended, started = step.pop("ended_at", ""), step.get("started_at", "")
    if not isinstance(step.get("duration_ms"), int | float):
        step["duration_ms"] = _between(started, ended)
    if not _text(step.get("summary")):
        step["summary"] = _summary(step.get("output"))
    for name in ("name", "summary", "started_at"):
        step[name] = _text(step.get(name))
    return Step(**step)


def _between(started: Json, ended: str) -> float | None:
    try:
        return (times.microseconds(ended) - times.microseconds(started)) / 1000
    except ValueError:
        return None


def _summary(output: Json) -> str:
    text = " ".join(" ".join(_strings(output)).split())
    return text if len(text) <= SUMMARY_CHARS else text[: SUMMARY_CHARS - 1] + "…"


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in ("type", "mime", "attachment", "data", "signature"):
                yield from _strings(item)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
