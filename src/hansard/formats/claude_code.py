"""Claude Code transcripts: one JSON object a line, one API message spread over many lines, sub-agents in side files.

What the lines mean here:

- `user` and `assistant` records are messages in the order of the file. Their uuid tree is not followed: nearly every
  fork in it is a progress record or a parallel tool call. Only a human prompt beside another human prompt (the same
  parent) is a rewind; it gets a `head` entry before it, so the text that was left stays on a branch.
- A record that holds only tool results has role tool. What the client put in (commands, reminders, notifications,
  caveats) is marked `metadata.meta`, so that titles and counts take what a person typed.
- A compact boundary and its summary become one compaction that covers what was on the path before the boundary.
- Records of a sub-agent belong to a session of their own, also where old versions wrote them into the main file.
- Everything else is an event. Each line is kept whole.
"""

from __future__ import annotations

import re
from typing import Final

from ..model.entry import Json
from .claude_code_usage import UsageLedger, odd_usage
from .planning import (
    START,
    Clock,
    Facts,
    Key,
    Planned,
    Spot,
    derived,
    last_name,
    moment,
    odd_event,
    raw_event,
    raw_message,
    word,
)
from .source import Line

FORMAT: Final = "claude-code"

_ROLES: Final = {
    "user": "user", "human": "user", "assistant": "assistant", "model": "assistant", "ai": "assistant",
    "system": "system", "developer": "system", "tool": "tool", "tool_result": "tool", "function": "tool",
}  # fmt: skip
_TAGGED: Final = re.compile(
    r"\s*<(command-name|command-message|command-args|command-contents|local-command-[a-z]+|system-reminder|"
    r"task-notification|ide_[a-z_]+|bash-(?:input|stdout|stderr)|user-prompt-submit-hook|environment_context)\b"
    r"[^>]*>.*?(?:</\1>|\Z)",
    re.DOTALL,
)
_OPENINGS: Final = ("[Request interrupted by user", "Caveat: The messages below were generated")
_TITLES: Final = {"summary": ("summary", 1), "ai-title": ("aiTitle", 2), "custom-title": ("customTitle", 3)}


class ClaudeCodeReader:
    """Reads one file. Lines without a session id belong to the session of the line before, the first to the first."""

    format = FORMAT

    def __init__(self, stem: str, head: list[dict[str, Json]], start: str, *, spawner: str | None = None) -> None:
        """`stem` is the file's name without its ending, `head` its first objects, `start` a time if no line has one.

        `spawner` is the session whose folder of sub-agents the file lies in.
        """
        self._spawner = spawner
        self._agent = stem.removeprefix("agent-") if stem.startswith("agent-") else None
        self._start = start
        self._last: Key = (next((found for row in head if (found := word(row.get("sessionId")))), stem), self._agent)
        self._head = head
        first = next((key for row in head if (key := self._key_of(row)) is not None), None)
        self._last = first or self._last

    def key(self, line: Line) -> Key:
        """The session of a line, the sub-agent within it included."""
        if isinstance(line.value, dict):
            self._last = self._key_of(line.value) or self._last
        return self._last

    def _key_of(self, row: dict[str, Json]) -> Key | None:
        native = word(row.get("sessionId"))
        if native is None:
            return None
        if self._agent is not None:
            return native, self._agent
        # Old versions wrote sub-agents into the main file, without an id for them.
        return native, (word(row.get("agentId")) or "sidechain") if row.get("isSidechain") is True else None

    def facts(self, key: Key, line: Line) -> Facts:
        """What the first lines of a session say about it."""
        rows = [row for row in self._head if self._key_of(row) == key]
        if not rows and isinstance(line.value, dict):
            rows = [line.value]
        known = {name: _first(rows, name) for name in ("cwd", "version", "gitBranch", "entrypoint", "slug")}
        names = {"version": "version", "gitBranch": "git_branch", "entrypoint": "entrypoint", "slug": "plan"}
        native, agent = key
        return Facts(
            native=native,
            agent=agent,
            parent=(self._spawner or native) if agent is not None else None,
            cwd=known["cwd"],
            at=next((at for row in rows if (at := moment(row.get("timestamp")))), self._start),
            metadata={names[name]: value for name, value in known.items() if name in names and value},
        )

    def planner(self, facts: Facts) -> ClaudeCodePlanner:
        """A planner for one session of the file."""
        return ClaudeCodePlanner(facts)


def _first(rows: list[dict[str, Json]], name: str) -> str | None:
    return next((found for row in rows if (found := word(row.get(name)))), None)


class ClaudeCodePlanner:
    """The entries of one session's lines. What it remembers grows with the prompts and API messages only."""

    def __init__(self, facts: Facts) -> None:
        self._clock = Clock(facts.at)
        self._cwd = facts.cwd if facts.agent is not None else None
        self._said = {"version": facts.metadata.get("version"), "git_branch": facts.metadata.get("git_branch")}
        self._head = START
        self._prompts: dict[str, tuple[Spot, str | None]] = {}
        self._title: tuple[int, str] = (0, "")
        self._boundary: tuple[tuple[int, int], str, Spot] | None = None
        self._usage = UsageLedger()

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Take over what the log counts already for an API message."""
        self._usage.counted(call, body)

    def plan(self, line: Line) -> list[Planned]:
        """The entries of one line."""
        row = line.value
        at = self._clock.at(row.get("timestamp") if isinstance(row, dict) else None)
        odd = odd_event(FORMAT, line, at)
        if odd is not None:
            return [odd]
        role = _role(row)
        planned = self._event(row, line, at) if role is None else self._message(row, role, line, at)
        return [*planned, *self._about(row, line, at), *self._titled(row, line, at)]

    def end(self) -> list[Planned]:
        """The usage of the last API message as far as it is known; a file that grows adds the difference later."""
        return self._usage.close()

    def _message(self, row: dict[str, Json], role: str, line: Line, at: str) -> list[Planned]:
        if row.get("isCompactSummary") is True and self._summarised_from() is not START:
            return self._compacted(row, line, at)
        before: list[Planned] = []
        if self._boundary is not None:
            before += self._compaction(self._boundary[0], None, self._boundary[1])
        meta = role == "user" and is_meta(row)
        if role == "user" and not meta:
            before += [*self._usage.close(), *self._rewound(row, line, at)]
        spot = Spot()
        entry = raw_message(FORMAT, role, line, at, spot)
        self._head = spot
        message = row["message"]
        if meta:
            entry.body["metadata"] = {"meta": True}
        if role == "assistant":
            model = word(message.get("model"))
            if model == "<synthetic>":
                entry.body["metadata"] = {"synthetic": True}
            elif model is not None:
                entry.body["model"] = model
            entry.note = odd_usage(row)
            before += self._usage.take(row, line, at)
        return [*before, entry, *self._usage.loose()]

    def _rewound(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        """A head entry if another prompt had the same parent: this one was typed after going back there."""
        parent, identity = word(row.get("parentUuid")), word(row.get("uuid"))
        if parent is None:
            return []
        earlier, sibling = self._prompts.setdefault(parent, (self._head, identity))
        # The same record twice is a copy, and a sibling right behind the first was typed without going back.
        if earlier is self._head or (identity is not None and identity == sibling):
            return []
        self._head = earlier
        self._boundary = None
        head = derived("head", ":head", {"to": 0}, line, at)
        head.refers = ("to", earlier)
        return [head]

    def _summarised_from(self) -> Spot:
        return self._boundary[2] if self._boundary is not None else self._head

    def _compacted(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        event = raw_event(FORMAT, "compact_summary", line, at)
        return [event, *self._compaction((line.number, line.digest), _text(row["message"].get("content")), at)]

    def _compaction(self, place: tuple[int, int], summary: str | None, at: str) -> list[Planned]:
        covers = self._summarised_from()
        self._boundary = None
        if covers is START:
            return []
        entry = derived("compaction", ":compact", {"summary": summary, "covers": 0}, place, at)
        entry.refers = ("covers", covers)
        entry.spot = self._head = Spot()
        return [entry]

    def _event(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        name = word(row.get("type")) or "record"
        if name == "system" and word(row.get("subtype")):
            name = f"system.{row['subtype']}"
            if row["subtype"] == "compact_boundary" and self._head is not START:
                self._boundary = ((line.number, line.digest), at, self._head)
        return [raw_event(FORMAT, name, line, at)]

    def _about(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        """An update where the working directory, the branch or the program's version is another than before."""
        cwd = word(row.get("cwd"))
        fields: dict[str, Json] = {}
        if cwd is not None and cwd != self._cwd:
            self._cwd = fields["workspace"] = cwd
        metadata: dict[str, Json] = {}
        for name, member in (("version", "version"), ("git_branch", "gitBranch")):
            value = word(row.get(member))
            if value is not None and value != self._said[name]:
                self._said[name] = metadata[name] = value
        body: dict[str, Json] = {"set": fields} if fields else {}
        if metadata:
            body["metadata"] = {"set": metadata}
        return [derived("update", ":about", body, line, at)] if body else []

    def _titled(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        member, rank = _TITLES.get(str(row.get("type")), ("", 0))
        title = word(row.get(member))
        if title is None or rank < self._title[0] or (rank, title) == self._title:
            return []
        self._title = (rank, title)
        fields: dict[str, Json] = {"title": title} if rank == 3 else {"title": title, "title_source": "generated"}
        return [derived("update", ":title", {"set": fields}, line, at)]


def _role(row: dict[str, Json]) -> str | None:
    """The role of a record that is a message; None for any other record."""
    message = row.get("message")
    if row.get("type") in ("progress", "summary", "system", "attachment") or not isinstance(message, dict):
        return None
    role = _ROLES.get(str(message.get("role") or row.get("type")))
    blocks = message.get("content")
    if role == "user" and isinstance(blocks, list) and any(_kind(block) == "tool_result" for block in blocks):
        spoken = any(_kind(block) == "text" and not is_meta_text(block.get("text")) for block in blocks)
        return "user" if spoken else "tool"
    return role


def _kind(block: Json) -> Json:
    return block.get("type") if isinstance(block, dict) else None


def is_meta(row: dict[str, Json]) -> bool:
    """True if a user record was put in by the program and not typed by a person."""
    origin = row.get("origin")
    if row.get("isMeta") is True or row.get("isVisibleInTranscriptOnly") is True or row.get("isCompactSummary") is True:
        return True
    if isinstance(origin, dict) and origin.get("kind") == "task-notification":
        return True
    content = row["message"].get("content")
    if isinstance(content, str):
        return is_meta_text(content)
    if not isinstance(content, list):
        return True
    return all(_kind(block) == "text" and is_meta_text(block.get("text")) for block in content)


def is_meta_text(text: Json) -> bool:
    """True if a text consists of what the client puts into prompts, or of nothing."""
    if not isinstance(text, str):
        return True
    rest = text
    while found := _TAGGED.match(rest):
        rest = rest[found.end() :]
    return not rest.strip() or rest.lstrip().startswith(_OPENINGS)


def _text(content: Json) -> str | None:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [block["text"] for block in content if isinstance(block, dict) and isinstance(block.get("text"), str)]
        return "\n\n".join(texts) or None
    return None


def project_of(cwd: str | None) -> str | None:
    """The project that a working directory stands for: its last component."""
    return last_name(cwd) if cwd else None
