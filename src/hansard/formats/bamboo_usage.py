"""The token log of a bamboo session: one line for each call of a model, appended without care, torn ends included."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..errors import Invalid
from ..model.counts import count, odd
from ..model.entry import Json
from .bundles import Damage, Item, Payload
from .planning import moment, word
from .source import Line, lines_of

PREFIX = "usage:"
"""Ids of these entries are `usage:<line>:<digest>`."""


_COUNTS: Final = {
    "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens", "reasoning": "thinking_tokens",
}  # fmt: skip


def usage_items(path: Path, damage: list[Damage], notes: list[str]) -> list[Item]:
    """The calls in a token log, in its order; a line that can't be read is told, and kept if it is whole.

    So are counts that can't be, in `notes`.
    """
    items: list[Item] = []
    try:
        for line in lines_of(path):
            if line.torn:
                damage.append(
                    Damage(f"{path.name}:{line.number}", "the last line was not written to its end; not imported")
                )
                break
            items.append(_item(path, line, damage))
            if isinstance(line.value, dict) and (wrong := odd(line.value, _COUNTS.values())):
                notes.append(f"{path.name}:{line.number}: {wrong}")
    except FileNotFoundError:
        return []
    except (OSError, Invalid) as error:
        damage.append(Damage(path.name, str(error)))
    return items


def _item(path: Path, line: Line, damage: list[Damage]) -> Item:
    identity, payload = f"{PREFIX}{line.id}", Payload("bamboo-usage", line.data)
    record = line.value
    if not isinstance(record, dict):
        damage.append(Damage(f"{path.name}:{line.number}", "no record of a call; kept as it is"))
        return Item(identity, "event", {"type": "bamboo.usage_line"}, payload=payload)
    body = usage_of(record)
    return Item(identity, "usage", body, at=moment(record.get("ts")), payload=payload)


def usage_of(record: dict[str, Json]) -> dict[str, Json]:
    """The body of a usage entry."""
    body: dict[str, Json] = {name: count(record.get(member)) for name, member in _COUNTS.items()}
    for name in ("model", "provider"):
        if word(record.get(name)):
            body[name] = record[name]
    gauge = gauge_of(record)
    return {**body, "context": gauge} if gauge else body


def gauge_of(record: dict[str, Json]) -> dict[str, Json]:
    """How full the context is, by a record of the token log or a header's `token_usage`."""
    used, most = count(record.get("total_tokens")), count(record.get("max_context_tokens"))
    if not used:
        return {}
    gauge: dict[str, Json] = {"used": used}
    if most:
        gauge |= {"max": most, "percent": round(100 * used / most, 2)}
    names = {
        "cached": "cache_read_input_tokens", "truncated": "truncation_occurred", "budget": "budget_limit",
        "system": "system_tokens", "summary": "summary_tokens", "window": "window_tokens",
        "segments_removed": "segments_removed",
    }  # fmt: skip
    return gauge | {name: record[member] for name, member in names.items() if record.get(member) is not None}


def opening_balance(header: dict[str, Json], at: str) -> list[Item]:
    """One entry for the totals of a session that has no token log."""
    runtime = header.get("agent_runtime_state")
    turns = runtime.get("round") if isinstance(runtime, dict) else None
    if not isinstance(turns, dict):
        return []
    body: dict[str, Json] = {
        "input": count(turns.get("total_prompt_tokens")),
        "output": count(turns.get("total_completion_tokens")),
    }
    if not body["input"] and not body["output"]:
        return []
    body["opening_balance"] = True
    gauge = header.get("token_usage")
    if isinstance(gauge, dict) and gauge_of(gauge):
        body["context"] = gauge_of(gauge)
    return [Item("opening", "usage", body, at=at)]
