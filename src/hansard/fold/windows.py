"""The newest part of a history that fits into a number of messages or tokens, with every call beside its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..codec import values
from ..errors import Invalid
from ..model.info import Message


def count_tokens(message: Message) -> int:
    """A rough count: a token is about four bytes of the message's parts."""
    return (len(values.encode(list(message.parts))) + 3) // 4


def window(
    messages: Sequence[Message],
    *,
    limit: int | None = None,
    max_tokens: int | None = None,
    count: Callable[[Message], int] | None = None,
) -> list[Message]:
    """The newest messages that fit into `limit` messages and `max_tokens` tokens, in their order.

    A message with calls and the results that follow it stay together or go together. What stands before the
    conversation (system messages, the summary of a compaction) is kept if it fits beside the newest of these units.
    `count` says how many tokens a message has.

    Raises:
        Invalid: a bound is negative.
    """
    for name, bound in (("limit", limit), ("max_tokens", max_tokens)):
        if bound is not None and bound < 0:
            msg = f"{name}: {bound}; a window holds 0 or more"
            raise Invalid(msg)
    if limit is None and max_tokens is None:
        return list(messages)
    weigh = count or count_tokens
    lead = 0
    while lead < len(messages) and _leads(messages[lead]):
        lead += 1
    room = _Room(limit, max_tokens, weigh)
    start = _unit_start(messages, len(messages), lead)
    if not room.takes(messages[start:]):
        # Nothing of the conversation fits; what stands before it would be no history.
        return list(messages[:lead]) if lead == len(messages) and room.takes(messages[:lead]) else []
    kept = room.takes(messages[:lead])
    while start > lead:
        earlier = _unit_start(messages, start, lead)
        if not room.takes(messages[earlier:start]):
            break
        start = earlier
    return [*(messages[:lead] if kept else ()), *messages[start:]]


class _Room:
    """What is left of the bounds."""

    def __init__(self, limit: int | None, max_tokens: int | None, weigh: Callable[[Message], int]) -> None:
        self._limit = limit
        self._tokens = max_tokens
        self._weigh = weigh

    def takes(self, messages: Sequence[Message]) -> bool:
        """Whether they fit, and if so they are in."""
        if self._limit is not None and len(messages) > self._limit:
            return False
        if self._tokens is not None:
            tokens = sum(map(self._weigh, messages))
            if tokens > self._tokens:
                return False
            self._tokens -= tokens
        if self._limit is not None:
            self._limit -= len(messages)
        return True


def _leads(message: Message) -> bool:
    return message.role == "system" or (message.synthetic and message.role == "user")


def _unit_start(messages: Sequence[Message], end: int, lead: int) -> int:
    """Where the unit that ends before `end` begins: a message, or a message with calls and what answers it."""
    start = end - 1
    while start > lead and any(part.get("type") == "tool_result" for part in messages[start].parts):
        if any(part.get("type") == "tool_call" for part in messages[start].parts):
            break
        start -= 1
    return max(start, lead)
