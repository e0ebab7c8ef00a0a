"""Usage of Claude Code sessions, counted once for each API message.

One API message is written as several records, each with its usage so far. The message counts when it is closed: another
message or a prompt begins, or the file ends. What counts is the largest number of each kind, less what the log counts
for this message already; so a file that was imported while its last message was being written adds the difference at
the next import, and the totals are exact. (Only `calls` is then one too high: two entries, one call.)
"""

from __future__ import annotations

from typing import Final

from ..model.counts import count, is_amount, odd
from ..model.entry import Json
from .planning import Planned, derived, word
from .source import Line

_KINDS: Final = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_read", "cache_read_input_tokens"),
    ("cache_write", "cache_creation_input_tokens"),
)
_AMOUNTS: Final = (("cost", "costUSD"), ("latency_ms", "durationMs"))
_REMEMBERED_MAX: Final = 50_000
"""API messages whose counts are remembered. One that comes back after so many others is counted again."""


class UsageLedger:
    """The API message that is open, and what was counted for those before."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, ...]] = {}
        self._call = ""
        self._numbers: tuple[int, ...] = (0, 0, 0, 0)
        self._model: str | None = None
        self._extra: dict[str, Json] = {}
        self._place = (0, 0)
        self._at = ""
        self._loose: list[Planned] = []

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Add what a usage entry in the log counts for an API message."""
        self._remember(call, tuple(count(body.get(kind)) for kind, _ in _KINDS))

    def take(self, row: dict[str, Json], line: Line, at: str) -> list[Planned]:
        """Take the usage of an assistant record; the usage entry of the message before if this one is another."""
        message = row["message"]
        usage, model = message.get("usage"), word(message.get("model"))
        if not isinstance(usage, dict) or model == "<synthetic>":
            return []
        numbers = tuple(count(usage.get(name)) for _, name in _KINDS)
        call = word(message.get("id"))
        extra = _extra(row)
        if call is None:
            if any(numbers) or extra:
                self._loose.append(
                    _entry(
                        numbers, sum(numbers), (line.number, line.digest), at=at, call=None, model=model, extra=extra
                    )
                )
            return []
        closed = self.close() if call != self._call else []
        self._call, self._model = call, model or self._model
        self._numbers = tuple(map(max, self._numbers, numbers))
        self._extra |= extra
        self._place, self._at = (line.number, line.digest), at
        return closed

    def loose(self) -> list[Planned]:
        """The usage entry of a record that belongs to no API message by name."""
        taken, self._loose = self._loose, []
        return taken

    def close(self) -> list[Planned]:
        """The usage entry of the open message, if it counts anything that is not counted yet; nothing is open then."""
        if not self._call:
            return []
        before = self._counted.get(self._call)
        missing = self._numbers if before is None else tuple(
            max(0, now - then) for now, then in zip(self._numbers, before, strict=True)
        )  # fmt: skip
        entries: list[Planned] = []
        if any(missing) or (before is None and self._extra):
            extra = self._extra if before is None else {}
            used = sum(self._numbers)
            entry = _entry(missing, used, self._place, at=self._at, call=self._call, model=self._model, extra=extra)
            entries = [entry]
            self._remember(self._call, missing)
        self._call, self._numbers, self._model, self._extra = "", (0, 0, 0, 0), None, {}
        return entries

    def _remember(self, call: str, numbers: tuple[int, ...]) -> None:
        before = self._counted.pop(call, (0, 0, 0, 0))
        self._counted[call] = tuple(map(sum, zip(before, numbers, strict=True)))
        if len(self._counted) > _REMEMBERED_MAX:
            del self._counted[next(iter(self._counted))]


def odd_usage(row: dict[str, Json]) -> str:
    """What an assistant record counts that can't be, in words; "" if nothing."""
    usage = row["message"].get("usage")
    wrong = odd(usage, (name for _, name in _KINDS)) if isinstance(usage, dict) else ""
    return ", ".join(filter(None, (wrong, odd(row, (), (name for _, name in _AMOUNTS)))))


def _extra(row: dict[str, Json]) -> dict[str, Json]:
    """Cost and time as versions before 1.0 wrote them."""
    found: dict[str, Json] = {}
    for name, member in _AMOUNTS:
        value = row.get(member)
        if is_amount(value) and value:
            found[name] = value
    return found


def _entry(
    numbers: tuple[int, ...],
    used: int,
    place: tuple[int, int],
    *,
    at: str,
    call: str | None,
    model: str | None,
    extra: dict[str, Json],
) -> Planned:
    known = {"call": call, "model": model}
    body: dict[str, Json] = {name: value for name, value in known.items() if value is not None}
    body |= {kind: n for (kind, _), n in zip(_KINDS, numbers, strict=True) if n or kind in ("input", "output")}
    body |= extra
    body["context"] = {"used": used}
    return derived("usage", ":usage", body, place, at)
