"""Runs of a3s-code: each record without its events, its events as they happened, and what the calls of models took."""

from __future__ import annotations

from typing import Final

import msgspec

from ..model.counts import count, is_amount, odd
from ..model.entry import Json
from .jsontext import Piece, elements, members, piece, pretty, write_list
from .planning import moment, word
from .record import Call, Item, Record, short

EVENTS: Final = "events/"
_STATUSES: Final = {"completed": "completed", "failed": "error", "cancelled": "cancelled"}
"""Of runs that have ended."""
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")
_COST: Final = ("cost_usd",)
_DELTAS: Final = frozenset(("text_delta", "reasoning_delta", "tool_input_delta", "tool_output_delta"))
"""Streamed output: neighbours of one kind and one tool call are kept together."""


class Run(msgspec.Struct):
    """One run, taken apart."""

    run: str
    items: list[Item]
    turns: list[tuple[str, Json]]
    """Key and event of each call of a model."""


def run_items(one: Piece, *, level: int, start: str, session: Record, names: set[str]) -> Run:
    """The items of a run record that stands at `level`. One that is not as it should be is kept whole.

    `names` are the lists of events that runs before it have taken; its own is added.
    """
    value = one.value
    snapshot = value.get("snapshot") if isinstance(value, dict) else None
    events = value.get("events") if isinstance(value, dict) else None
    run = word(snapshot.get("id")) if isinstance(snapshot, dict) else None
    if run is None or not isinstance(events, list) or not isinstance(snapshot, dict):
        return Run("", [Item("run_records", one, type="a3s.run", at=start)], [])
    owner = snapshot.get("session_id")
    if owner != session.native:
        session.report.notes.append(f"its run {run} says that it is of session {str(owner)[:80]!r}")
    name = EVENTS + short(run)
    number = 1
    while name in names:
        number += 1
        name = f"{EVENTS}{short(run)}~{number}"
    names.add(name)
    head, pieces = _apart(one, value, events, level)
    at = moment(snapshot.get("created_at_ms")) or start
    items = [_head(head, snapshot, events, run, at)]
    turns: list[tuple[str, Json]] = []
    for event in pieces:
        item = _event(event, name, run, at)
        at = item.at
        items.append(item)
        if item.type == "a3s.turn_end":
            turns.append((f"{run}/{event.value.get('sequence')}", event.value))
    return Run(run, items, turns)


def _head(piece: Piece, snapshot: dict[str, Json], events: list[Json], run: str, at: str) -> Item:
    """What a run did, in the terms of `Store.runs`."""
    status = _STATUSES.get(str(snapshot.get("status")))
    begun, ended = snapshot.get("created_at_ms"), snapshot.get("updated_at_ms")
    kinds = [
        event["event"].get("type")
        for event in events
        if isinstance(event, dict) and isinstance(event.get("event"), dict)
    ]
    said: dict[str, Json] = {
        "run": run, "task": snapshot.get("prompt"), "status": status, "error": snapshot.get("error"),
        "result": snapshot.get("result_text"), "started_at": at, "ended_at": moment(ended) or None,
        "steps": kinds.count("tool_end"),
        "duration_ms": ended - begun if type(begun) is int and type(ended) is int else None,
    }  # fmt: skip
    kept = {name: value for name, value in said.items() if value is not None}
    return Item("run_records", piece, type="run.ended" if status else "run.started", at=at, run=run, body=kept)


def _apart(one: Piece, value: dict[str, Json], events: list[Json], level: int) -> tuple[Piece, list[Piece]]:
    """The record with a number where its events were, and the events."""
    small = {name: len(events) if name == "events" else item for name, item in value.items()}
    if one.text is None:
        return Piece(small), [Piece(event) for event in events]
    begin, end = next((start, stop) for name, start, stop in members(one.text) if name == "events")
    text = f"{one.text[:begin]}{len(events)}{one.text[end:]}"
    inner = [piece(one.text[start:stop], event, level + 2) for event, start, stop in elements(one.text, begin)]
    return piece(text, small, level), inner


def together(head: Piece, events: list[str], *, level: int) -> str:
    """The text of a run record at a level, its events spelled for two levels below."""
    whole = write_list(events, level + 1)
    text = head.text
    if text is None:
        text = pretty(head.value, level)
    for name, begin, end in members(text):
        if name == "events":
            return text[:begin] + whole + text[end:]
    return text


def _event(event: Piece, name: str, run: str, before: str) -> Item:
    value: dict[str, Json] = event.value if isinstance(event.value, dict) else {}
    said = value.get("event")
    said = said if isinstance(said, dict) else {}
    kind = word(said.get("type")) or "unknown"
    group = f"{kind} {said.get('id')}" if kind in _DELTAS else ""
    at = moment(value.get("timestamp_ms")) or before
    return Item(name, event, type=f"a3s.{kind}", at=at, run=run, group=group)


def calls_of(costs: list[Json], turns: list[tuple[str, Json]], data: dict[str, Json]) -> list[Call]:
    """The single calls of models: those of the cost records, or else the ends of turns."""
    from .a3s_reading import model_of

    provider, model = model_of(data)
    found: list[Call] = []
    for place, cost in enumerate(costs):
        if isinstance(cost, dict):
            body = _body(cost, word(cost.get("provider")) or provider, word(cost.get("model")) or model)
            price = cost.get("cost_usd")
            if is_amount(price) and price:
                body["cost"] = price
            found.append(Call(f"cost/{place}", body, moment(cost.get("timestamp"))))
    if found:
        return found
    for key, turn in turns:
        usage = turn["event"].get("usage")
        if isinstance(usage, dict):
            found.append(Call(key, _body(usage, provider, model) | {"call": key}, moment(turn.get("timestamp_ms"))))
    return found


def odd_of(costs: list[Json], turns: list[tuple[str, Json]], data: dict[str, Json]) -> list[str]:
    """What these calls and totals count that can't be, in words."""
    said: list[tuple[str, Json]] = [(f"cost_records[{place}]", cost) for place, cost in enumerate(costs)]
    said += [(key, turn["event"].get("usage")) for key, turn in turns]
    said.append(("total_usage", data.get("total_usage")))
    found = [
        f"{place}: {wrong}" for place, one in said if isinstance(one, dict) and (wrong := odd(one, _TOKENS, _COST))
    ]
    wrong = odd(data, (), ("total_cost",))
    return [*found, wrong] if wrong else found


def _body(usage: dict[str, Json], provider: str | None, model: str | None) -> dict[str, Json]:
    body: dict[str, Json] = tokens_of(usage)
    return body | {name: text for name, text in (("provider", provider), ("model", model)) if text is not None}


def tokens_of(usage: dict[str, Json]) -> dict[str, Json]:
    """Tokens in our terms: what was read from or written to a cache is no part of `input`."""
    read, written = count(usage.get("cache_read_tokens")), count(usage.get("cache_write_tokens"))
    whole = count(usage.get("prompt_tokens"))
    cached = read + written if read + written <= whole else 0
    found = {"input": whole - cached, "output": count(usage.get("completion_tokens"))}
    return found | {name: number for name, number in (("cache_read", read), ("cache_write", written)) if number}


def totals_of(data: dict[str, Json]) -> dict[str, float]:
    """What the session says that it took in all."""
    usage = data.get("total_usage")
    total: dict[str, float] = {**tokens_of(usage)} if isinstance(usage, dict) else {}
    cost = data.get("total_cost")
    if is_amount(cost) and cost:
        total["cost"] = cost
    return total
