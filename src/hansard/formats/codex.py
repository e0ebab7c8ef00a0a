"""Codex rollouts of both eras: enveloped lines since September 2025, a header and bare items before.

What the lines mean here:

- `response_item` is the content: messages, reasoning, calls and outputs become messages in the order of the file. The
  `event_msg` copies for the screen are events; only where a prompt has no response item (some writers leave it out)
  a message is derived from its event, before the answer.
- Injected user items (environment, instructions, aborted turns) are marked `metadata.meta`.
- `compacted` becomes a compaction, `thread_rolled_back` a `head` entry to before the n-th last prompt.
- Usage sums `last_token_usage` and skips a report whose total is that of the one before.
- A second `session_meta` is that of the session this one was copied from: the lines belong to the first.
"""

from __future__ import annotations

import re
from typing import Final

from ..model.counts import count, odd
from ..model.entry import Json
from ..payloads.openai_responses import content_parts
from .planning import (
    START,
    Clock,
    Facts,
    Key,
    Planned,
    Spot,
    derived,
    moment,
    moment_of_name,
    odd_event,
    raw_event,
    raw_message,
    word,
)
from .source import Line

FORMAT: Final = "codex"

_TOKENS: Final = (
    "input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens",
)  # fmt: skip
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROLES: Final = {"user": "user", "assistant": "assistant", "developer": "system", "system": "system", "tool": "tool"}
# Tuples, as what a hostile line gives as its type may be no text, and nothing that can be hashed.
_CALLS: Final = (
    "reasoning", "function_call", "custom_tool_call", "local_shell_call", "web_search_call", "tool_search_call",
    "image_generation_call", "file_search_call", "code_interpreter_call", "mcp_call",
)  # fmt: skip
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "tool_search_output")
INJECTED: Final = re.compile(
    r"\s*(<(environment_context|user_instructions|turn_aborted|user_shell_command|permissions instructions|"
    r"collaboration_mode|subagent_notification|skill|apps_instructions|INSTRUCTIONS)\b|# AGENTS\.md instructions)"
)
_SUMMARY_MAX: Final = 64 * 1024


class CodexReader:
    """Reads one rollout: one session a file."""

    format = FORMAT

    def __init__(self, stem: str, head: list[dict[str, Json]], start: str) -> None:
        """`stem` is the file's name without its ending, `head` its first objects, `start` a time if no line has one."""
        meta, stamp = _meta(head)
        self._meta = meta
        found = _UUID.findall(stem)
        self._key: Key = (word(meta.get("id")) or word(meta.get("session_id")) or (found[-1] if found else stem), None)
        rows = (at for row in head if (at := moment(row.get("timestamp"))))
        self._at = moment(meta.get("timestamp")) or moment(stamp) or next(rows, "") or moment_of_name(stem) or start
        self._model = next((model for row in head if (model := _model_of(row))), None)
        self._cwd = word(meta.get("cwd")) or next((cwd for row in head if (cwd := _cwd_of(row))), None)

    def key(self, line: Line) -> Key:  # noqa: ARG002 - the interface
        """The one session of the file."""
        return self._key

    def facts(self, key: Key, line: Line) -> Facts:  # noqa: ARG002 - the interface
        """What the header says."""
        meta = self._meta
        said = meta.get("git")
        git: dict[str, Json] = said if isinstance(said, dict) else {}
        known = {
            "version": meta.get("cli_version"),
            "originator": meta.get("originator"),
            "forked_from": meta.get("forked_from_id"),
            "agent_nickname": meta.get("agent_nickname"),
            "agent_role": meta.get("agent_role"),
            "git_branch": git.get("branch"),
            "git_commit": git.get("commit_hash"),
            "git_url": git.get("repository_url"),
        }
        metadata = {name: value for name, value in known.items() if word(value)}
        return Facts(
            native=self._key[0],
            parent=_parent(meta),
            cwd=self._cwd,
            model=self._model,
            at=self._at,
            metadata=metadata,
        )

    def planner(self, facts: Facts) -> CodexPlanner:
        """A planner for the session."""
        return CodexPlanner(facts)


def _meta(head: list[dict[str, Json]]) -> tuple[dict[str, Json], Json]:
    """The payload and time of the first header line; empty if there is none."""
    for row in head:
        payload = row.get("payload")
        if row.get("type") == "session_meta" and isinstance(payload, dict):
            inner = payload.get("meta")
            return ({**inner, **payload} if isinstance(inner, dict) else payload), row.get("timestamp")
        if "type" not in row and "record_type" not in row and "id" in row and "timestamp" in row:
            return row, row.get("timestamp")
    return {}, None


def _parent(meta: dict[str, Json]) -> str | None:
    source = meta.get("source")
    inner = source.get("subagent") if isinstance(source, dict) else None
    spawn = inner.get("thread_spawn") if isinstance(inner, dict) else None
    found = word(spawn.get("parent_thread_id")) if isinstance(spawn, dict) else None
    return found or word(meta.get("parent_thread_id"))


def _model_of(row: dict[str, Json]) -> str | None:
    payload = row.get("payload")
    return word(payload.get("model")) if row.get("type") == "turn_context" and isinstance(payload, dict) else None


def _cwd_of(row: dict[str, Json]) -> str | None:
    payload = row.get("payload")
    return word(payload.get("cwd")) if row.get("type") == "turn_context" and isinstance(payload, dict) else None


class CodexPlanner:
    """The entries of one rollout's lines."""

    def __init__(self, facts: Facts) -> None:
        self._clock = Clock(facts.at)
        self._model = ""
        self._cwd: str | None = None
        self._head = START
        self._turns: list[Spot] = []
        self._total: Json = None
        self._said = False
        self._unsaid: tuple[tuple[int, int], str, str] | None = None

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Nothing: each report of tokens is counted with its own line."""

    def end(self) -> list[Planned]:
        """Nothing waits for the end of the file."""
        return []

    def plan(self, line: Line) -> list[Planned]:
        """The entries of one line."""
        row = line.value
        payload = row.get("payload") if isinstance(row, dict) else None
        inner = payload.get("timestamp") if isinstance(payload, dict) else None
        at = self._clock.at(row.get("timestamp", inner) if isinstance(row, dict) else None)
        odd = odd_event(FORMAT, line, at)
        if odd is not None:
            return [odd]
        kind = word(row.get("type"))
        if not isinstance(payload, dict):
            if kind is None and "role" not in row:
                name = "state" if row.get("record_type") == "state" else "session_meta" if "id" in row else "record"
                return [raw_event(FORMAT, name, line, at)]
            return self._item(row, line, at)
        if kind == "response_item":
            return self._item(payload, line, at)
        if kind == "event_msg":
            return self._event(payload, line, at)
        planned = [raw_event(FORMAT, kind or "record", line, at)]
        if kind == "compacted":
            return planned + self._compacted(payload, line, at)
        if kind in ("turn_context", "session_meta"):
            return planned + self._about(payload, line, at, first=kind == "session_meta")
        return planned

    def _item(self, item: dict[str, Json], line: Line, at: str) -> list[Planned]:
        kind = item.get("type", "message")
        role = (
            _ROLES.get(str(item.get("role")))
            if kind == "message"
            else "assistant" if kind in _CALLS else "tool" if kind in _OUTPUTS else None
        )  # fmt: skip
        if role is None:
            return [raw_event(FORMAT, str(kind), line, at)]
        if role == "user":
            return self._prompt(item, line, at)
        before: list[Planned] = []
        if role == "assistant":
            before += self._unsaid_prompt()
            self._said = False
        self._head = Spot()
        entry = raw_message(FORMAT, role, line, at, self._head)
        if role == "assistant" and self._model:
            entry.body["model"] = self._model
        if word(item.get("phase")):
            entry.body["phase"] = item["phase"]
        return [*before, entry]

    def _prompt(self, item: dict[str, Json], line: Line, at: str) -> list[Planned]:
        texts = [str(part["text"]) for part in content_parts(item.get("content")) if part["type"] == "text"]
        meta = bool(texts) and all(INJECTED.match(text) for text in texts)
        if not meta:
            self._turns.append(self._head)
            self._said, self._unsaid = True, None
        self._head = Spot()
        entry = raw_message(FORMAT, "user", line, at, self._head)
        if meta:
            entry.body["metadata"] = {"meta": True}
        return [entry]

    def _unsaid_prompt(self) -> list[Planned]:
        """The message of a prompt that only an event tells of."""
        if self._unsaid is None:
            return []
        (place, text, at), self._unsaid = self._unsaid, None
        self._turns.append(self._head)
        self._head = Spot()
        body: dict[str, Json] = {"role": "user", "parts": [{"type": "text", "text": text}]}
        entry = derived("message", ":message", body, place, at)
        entry.spot = self._head
        return [entry]

    def _event(self, event: dict[str, Json], line: Line, at: str) -> list[Planned]:
        kind = word(event.get("type")) or "record"
        planned = [raw_event(FORMAT, str(kind), line, at)]
        if kind == "user_message" and isinstance(event.get("message"), str):
            if not self._said and not INJECTED.match(event["message"]):
                planned = [*self._unsaid_prompt(), *planned]
                self._unsaid = ((line.number, line.digest), event["message"], at)
        elif kind == "token_count":
            planned[0].note = _odd_tokens(event.get("info"))
            planned += self._tokens(event.get("info"), line, at)
        elif kind == "thread_name_updated" and word(event.get("thread_name")):
            planned.append(derived("update", ":title", {"set": {"title": event["thread_name"]}}, line, at))
        elif kind == "thread_rolled_back":
            planned += self._rolled_back(count(event.get("num_turns")), line, at)
        return planned

    def _tokens(self, info: Json, line: Line, at: str) -> list[Planned]:
        if not isinstance(info, dict):
            return []
        total, last = info.get("total_token_usage"), info.get("last_token_usage")
        if isinstance(total, dict):
            if total == self._total:
                return []
            before, self._total = self._total, total
            if not isinstance(last, dict):
                last = {name: count(n) - count((before or {}).get(name)) for name, n in total.items()}
        elif not isinstance(last, dict):
            last = info
        entering, cached, written = (
            count(last.get(name)) for name in ("input_tokens", "cached_input_tokens", "cache_write_input_tokens")
        )
        numbers: dict[str, Json] = {
            "input": max(0, entering - cached - written),
            "output": count(last.get("output_tokens")),
            "cache_read": cached,
            "cache_write": written,
            "reasoning": count(last.get("reasoning_output_tokens")),
        }
        if not any(numbers.values()):
            return []
        body: dict[str, Json] = {"model": self._model} if self._model else {}
        body |= {kind: n for kind, n in numbers.items() if n or kind in ("input", "output")}
        window = count(info.get("model_context_window"))
        body["context"] = {"used": entering + count(last.get("output_tokens")), **({"max": window} if window else {})}
        return [derived("usage", ":usage", body, line, at)]

    def _rolled_back(self, turns: int, line: Line, at: str) -> list[Planned]:
        """A head entry to before the last prompts; more than there are: to before the first."""
        if not turns or not self._turns:
            return []
        to = self._turns[-turns] if turns <= len(self._turns) else self._turns[0]
        del self._turns[-turns:]
        if to is self._head:
            return []
        self._head = to
        entry = derived("head", ":head", {"to": 0}, line, at)
        entry.refers = ("to", to)
        return [entry]

    def _compacted(self, payload: dict[str, Json], line: Line, at: str) -> list[Planned]:
        if self._head is START:
            return []
        body: dict[str, Json] = {"summary": word(payload.get("message")) or _replacement(payload), "covers": 0}
        entry = derived("compaction", ":compact", body, line, at)
        entry.refers = ("covers", self._head)
        entry.spot = self._head = Spot()
        return [entry]

    def _about(self, payload: dict[str, Json], line: Line, at: str, *, first: bool) -> list[Planned]:
        """An update where the model or the working directory is another than before."""
        fields: dict[str, Json] = {}
        model, cwd = word(payload.get("model")), word(payload.get("cwd"))
        if model is not None and model != self._model:
            self._model = fields["model"] = model
        if cwd is not None and cwd != self._cwd and not (first and self._cwd is not None):
            self._cwd = fields["workspace"] = cwd
        provider = word(payload.get("model_provider"))
        if first and provider and self._head is START:
            fields["provider"] = provider
        return [derived("update", ":about", {"set": fields}, line, at)] if fields else []


def _odd_tokens(info: Json) -> str:
    """What a report of tokens counts that can't be, in words; "" if nothing."""
    last = info.get("last_token_usage", info.get("total_token_usage", info)) if isinstance(info, dict) else None
    return odd(last, _TOKENS) if isinstance(last, dict) else ""


def _replacement(payload: dict[str, Json]) -> str | None:
    """What a compaction without words left in place of the history, as text."""
    history = payload.get("replacement_history")
    pieces: list[str] = []
    size = 0
    for item in history if isinstance(history, list) else ():
        if not isinstance(item, dict) or item.get("role") not in ("user", "assistant"):
            continue
        texts = [part["text"] for part in content_parts(item.get("content")) if part["type"] == "text"]
        text = "\n".join(text for text in texts if not INJECTED.match(text))
        size += len(text)
        if size > _SUMMARY_MAX:
            break
        if text:
            pieces.append(f"{item['role']}: {text}")
    return "\n\n".join(pieces) or None
