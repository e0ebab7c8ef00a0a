"""Calls and results brought together: no result without its call, no call without a result, each call answered once.

Providers refuse a history in which the results do not follow directly on the message with the calls. Logs have them
late, twice, spread over messages, mixed with other parts, or not at all.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..model.entry import Json, Part
from ..model.info import Message

INTERRUPTED: Final = "No result: the call was interrupted, or its result is not on record."
"""Content of the result that stands for a missing one."""


class _Turn:
    """A message with calls that something else followed before all were answered."""

    __slots__ = ("end", "late", "open", "place")

    def __init__(self, place: int, end: int, waiting: dict[str, int]) -> None:
        self.place = place
        """Where its message stands among the items."""
        self.end = end
        """Behind its message and the answers that follow on it."""
        self.open = waiting
        """Calls by id that wait for their result. Ids that are missing count as one and are answered in order."""
        self.late: list[Message] = []
        """Answers that came after something else."""


class Pairing:
    """Messages go in one by one in the order of the path; the paired history comes out.

    Calls whose results follow at once, as nearly all do, cost a comparison; a turn is made of the others only.
    """

    __slots__ = ("_all", "_end", "_place", "_turns", "_waiting", "items")

    def __init__(self) -> None:
        """Nothing went in yet."""
        self.items: list[Message] = []
        """What went in so far. A message without calls and results may be appended here directly."""
        self._waiting: list[str] = []
        """Calls of the newest message with calls that no result has come for."""
        self._place = self._end = 0
        """Where that message stands, and the end of it and its answers."""
        self._turns: dict[str, _Turn] = {}
        """By call id the last turn that made a call with it."""
        self._all: list[_Turn] = []

    def add(self, message: Message) -> None:
        """The next message."""
        parts = message.parts
        waiting = self._waiting
        if waiting and len(parts) == 1 and self._end == len(self.items):
            part = parts[0]
            if part.get("type") == "tool_result" and (key := part.get("call_id")) in waiting:
                waiting.remove(key)
                self.items.append(message)
                self._end += 1
                return
        calls: list[str] = []
        results = 0
        for part in parts:
            kind = part.get("type")
            if kind == "tool_call":
                key: Json = part.get("id")
                calls.append(key if key.__class__ is str else "")
            elif kind == "tool_result":
                results += 1
        if not calls and not results:
            self.items.append(message)
            return
        if waiting:
            self._settle()
        if calls:
            self._add_calls(message, calls, results=results)
        else:
            self._add_results(message)

    def _settle(self) -> None:
        """Make a turn of the newest message with calls, which not all are answered at once."""
        waiting: dict[str, int] = {}
        for key in self._waiting:
            waiting[key] = waiting.get(key, 0) + 1
        turn = _Turn(self._place, self._end, waiting)
        self._all.append(turn)
        for key in waiting:
            self._turns[key] = turn
        self._waiting = []

    def _add_calls(self, message: Message, calls: list[str], *, results: int) -> None:
        if self._turns:
            # An id that is used again names the new call from here on.
            for key in calls:
                self._turns.pop(key, None)
        self._waiting, self._place = calls, len(self.items)
        self.items.append(message)
        self._end = len(self.items)
        if not results:
            return
        self._settle()
        turn = self._all[-1]
        kept: list[Part] = []
        for part in message.parts:
            if part.get("type") == "tool_result":
                # A tool that the provider runs itself is answered in the message that calls it.
                owner = self._claim(part)
                if owner is not turn:
                    if owner is not None:
                        owner.late.append(_with(message, [part]))
                    continue
            kept.append(part)
        if len(kept) < len(message.parts):
            self.items[turn.place] = _with(message, kept)

    def _claim(self, part: Part) -> _Turn | None:
        """The turn that waits for this result, which now has it; None if none does."""
        key: Json = part.get("call_id")
        if key.__class__ is not str:
            key = ""
        turn = self._turns.get(key)
        if turn is None:
            return None
        left = turn.open.pop(key, 0)
        if left > 1:
            turn.open[key] = left - 1
        return turn if left else None

    def _answer(self, turn: _Turn, message: Message) -> None:
        if turn.end == len(self.items):
            turn.end += 1
            self.items.append(message)
        else:
            turn.late.append(message)

    def _add_results(self, message: Message) -> None:
        """Results of several calls, or beside other parts: each goes to the message that has its call."""
        owners: list[tuple[_Turn, list[Part]]] = []
        rest: list[Part] = []
        claimed = 0
        for part in message.parts:
            if part.get("type") != "tool_result":
                rest.append(part)
                continue
            owner = self._claim(part)
            if owner is None:
                continue
            claimed += 1
            if owners and owners[-1][0] is owner:
                owners[-1][1].append(part)
            else:
                owners.append((owner, [part]))
        if len(owners) == 1 and claimed + len(rest) == len(message.parts):
            turn = owners[0][0]
            if not rest or (not turn.open and turn.end == len(self.items)):
                self._answer(turn, message)
                return
        for turn, parts in owners:
            self._answer(turn, _with(message, parts))
        if rest:
            self.items.append(_with(message, rest))

    def messages(self, *, live: bool) -> list[Message]:
        """The history; calls still open are pending if the run is live and they are in its last answer."""
        if self._waiting:
            self._settle()
        unlike = [turn for turn in self._all if turn.open or turn.late]
        if not unlike:
            return self.items
        newest = self._newest_answer() if live else -1
        found: list[Message] = []
        done = 0
        for turn in unlike:
            found += self.items[done : turn.place]
            message = self.items[turn.place]
            pending = bool(turn.open) and turn.place == newest
            found.append(msgspec.structs.replace(message, pending=True) if pending else message)
            found += self.items[turn.place + 1 : turn.end]
            found += turn.late
            if not pending:
                found += _missing(message, turn.open)
            done = turn.end
        return found + self.items[done:]

    def _newest_answer(self) -> int:
        """Place of the last message of the assistant, or with calls; -1 if there is none."""
        turn = self._all[-1].place if self._all else -1
        for place in range(len(self.items) - 1, turn, -1):
            if self.items[place].role == "assistant":
                return place
        return turn


def _with(message: Message, parts: list[Part]) -> Message:
    # The payload as a whole says more than these parts, so it must not be sent in their place.
    return msgspec.structs.replace(message, parts=tuple(parts), raw=None)


def _missing(message: Message, calls: dict[str, int]) -> list[Message]:
    """A result for each call that has none."""
    names = {part.get("id"): part.get("name") for part in message.parts if isinstance(part.get("id"), str)}
    found: list[Message] = []
    for key, number in calls.items():
        part: Part = {"type": "tool_result", "call_id": key, "content": INTERRUPTED, "is_error": True}
        if isinstance(names.get(key), str):
            part["name"] = names[key]
        answer = Message(0, "tool", (part,), at=message.at, agent=message.agent, synthetic=True)
        found += [answer] * number
    return found
