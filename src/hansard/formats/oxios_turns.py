"""The visible messages of a session as the lists that oxios has: what people said, what was answered, steps, thoughts."""

from __future__ import annotations

from typing import Any, Final

from ..codec import values
from ..model.entry import Json, Part
from ..model.info import Message
from .jsontext import Piece, pretty, spelled
from .oxios_reading import FORMAT, LISTS, OTHERS
from .placing import chrono, writable
from .record import stretch_of
from .recorded import Recorded

_THOUGHT_BYTES: Final = 4096
_SUMMARY_CHARS: Final = 2000


class Turns:
    """The lists, with the elements that came from oxios as they were."""

    def __init__(self, session: Any, recorded: Recorded, name: str) -> None:
        """Read the visible messages; `name` is the session's id in oxios."""
        self.notes: list[str] = []
        self.others: list[Json] = []
        """Messages that are neither a person's nor an answer, for the metadata."""
        self._session = session
        self._name = name
        self._found: dict[str, list[Piece]] = {"user_messages": [], "agent_responses": []}
        self._steps: list[Piece] = recorded.elements("trajectory_steps")
        self._thoughts: list[Piece] = recorded.elements("reasoning_records")
        self._calls: dict[str, dict[str, Json]] = {}
        self._first = len(self._steps)
        """The first step that no answer has yet."""
        self._fresh = 0
        """Messages of other roles that were said here."""
        kept = 0
        for message in session.messages():
            kept += self._take(message)
        self.changed = recorded.own > 0 or kept != sum(map(recorded.count, (*self._found, OTHERS)))
        if self._fresh:
            self.notes.append(f"{self._fresh} messages of other roles are kept in metadata.hansard")

    def lists(self) -> dict[str, list[str]]:
        """The elements of each list, spelled for its place in the file."""
        found = {**self._found, "trajectory_steps": self._steps, "reasoning_records": self._thoughts}
        return {name: [spelled(piece, 2) for piece in found[name]] for name in LISTS}

    def _take(self, message: Message) -> int:
        """Add a message; 1 if it is one that came from oxios, 0 for one of our own."""
        stretch = stretch_of(message.id)
        raw = message.raw if isinstance(message.raw, dict) else {}
        if stretch is not None and stretch.list in self._found and raw.get("format") == FORMAT:
            text = self._session.payload(message)
            value = values.decode(text.encode("utf-8", "surrogatepass"))
            self._found[stretch.list].append(Piece(value, text if raw.get("exact") is True else None))
            return 1
        if stretch is not None and stretch.list == OTHERS and raw.get("format") == FORMAT:
            value = values.decode(self._session.payload(message).encode("utf-8", "surrogatepass"))
            self.others.append({**value, "after": self._said()})
            return 1
        at = chrono(message.at) if message.at else ""
        if message.role == "user":
            self._found["user_messages"].append(Piece(writable({"content": self._text(message), "timestamp": at})))
        elif message.role == "assistant":
            self._answer(message, at)
        elif message.role == "tool":
            self._results(message)
        else:
            said = {"role": message.role, "parts": list(message.parts), "at": message.at}
            self.others.append(writable(said | {"after": self._said()}))
            self._fresh += 1
        return 0

    def _said(self) -> int:
        return sum(map(len, self._found.values()))

    def _text(self, message: Message) -> str:
        found: list[str] = []
        for part in message.parts:
            kind = part.get("type")
            if kind == "text":
                found.append(str(part.get("text", "")))
            elif kind == "file":
                found.append(f"[file {part.get('name') or part.get('mime') or 'without a name'}]")
                self.notes.append("a file is named in the text: messages of oxios hold text only")
            elif kind not in ("reasoning", "tool_call", "tool_result"):
                found.append(pretty(part.get("value", part)))
        return "\n".join(found)

    def _answer(self, message: Message, at: str) -> None:
        for part in message.parts:
            if part.get("type") == "reasoning" and part.get("text"):
                self._think(str(part["text"]), at)
        text = self._text(message)
        calls = [part for part in message.parts if part.get("type") == "tool_call"]
        if text or not calls:
            said: dict[str, Json] = {"content": text, "session_id": self._name, "phase_reached": None}
            said |= {name: message.metadata.get(name) for name in ("phase_reached", "evaluation_passed")}
            said["timestamp"] = at
            if self._first < len(self._steps):
                said["trajectory_range"] = {"start": self._first, "end": len(self._steps)}
                self._first = len(self._steps)
            self._found["agent_responses"].append(Piece(writable(said)))
        for part in calls:
            self._step(part, at)

    def _think(self, text: str, at: str) -> None:
        cut = text.encode("utf-8", "replace")[:_THOUGHT_BYTES].decode("utf-8", "ignore")
        if cut != text:
            self.notes.append("a thought was cut to 4 KiB, which is what oxios keeps")
        self._thoughts.append(Piece(writable({"content": cut, "source": "thinking", "timestamp": at})))

    def _step(self, part: Part, at: str) -> None:
        call = str(part.get("id") or "")
        said: dict[str, Json] = {
            "tool_name": str(part.get("name") or "tool"), "tool_args": writable(part.get("arguments")), "output_summary": "",
            "duration_ms": 0, "is_error": False, "tool_call_id": call, "timestamp": at,
        }  # fmt: skip
        self._calls[call] = said
        self._steps.append(Piece(said))

    def _results(self, message: Message) -> None:
        for part in message.parts:
            step = self._calls.get(str(part.get("call_id") or ""))
            if part.get("type") != "tool_result" or step is None:
                self.notes.append("a result without its call has no place in oxios and was left out")
                continue
            content = part.get("content")
            text = content if isinstance(content, str) else pretty(content)
            if len(text) > _SUMMARY_CHARS:
                self.notes.append("the output of a step was cut: oxios keeps a summary")
            step["output_summary"] = writable(text[:_SUMMARY_CHARS])
            step["is_error"] = part.get("is_error") is True
