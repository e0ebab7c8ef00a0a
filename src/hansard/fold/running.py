"""The fold: what a session is after each entry of its log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from ..codec import values
from ..limits import PATH_RANGES_MAX
from ..model.entry import Entry, Json
from ..model.info import SessionInfo
from . import meaning
from .facts import Facts, make_info
from .path import Path, Trail
from .standing import Standing

FOLD_VERSION: Final = 4
"""Raised whenever the same log would fold to another info: what was dumped by another version is made anew."""


_T = TypeVar("_T")


class _Dump(msgspec.Struct):
    version: int
    facts: Facts
    trail: Trail


class _Version(msgspec.Struct):
    version: int


# Made here, not at the first use: two threads that plan one type at once crash the interpreter.
_version_decoder: Final = msgspec.json.Decoder(_Version)
_dump_decoder: Final = msgspec.json.Decoder(_Dump)


class Fold(Standing):
    """The state of one session while its log is read entry by entry.

    Entries are applied in the order of the log, for a fork those of the prefix first. After an erasure the log has to
    be folded anew: the bodies that made titles and counts are gone.
    """

    __slots__ = ()

    def __init__(self, *, tree: bool = False) -> None:
        """The state before the first entry; `tree` keeps a table of all nodes, so that every head move is exact."""
        self._facts = Facts()
        self._path = Path(tree=tree)
        self._info: SessionInfo | None = None

    @classmethod
    def of(cls, entries: Iterable[tuple[Entry, int]], *, tree: bool = False) -> Fold:
        """The fold of entries with the bytes of their lines; 0 for entries that lie in another session's log."""
        fold = cls(tree=tree)
        apply = fold.apply
        for entry, size in entries:
            apply(entry, size)
        return fold

    def apply(self, entry: Entry, size: int = 0) -> None:
        """Fold in the next entry, whose line has `size` bytes. Never raises, whatever the body holds.

        Values of `created` and `update` bodies are kept, not copied: nobody may change them later.
        """
        facts = self._facts
        self._info = None
        kind = entry.kind
        facts.seq = entry.seq
        facts.hash = entry.hash
        facts.updated_at = entry.at
        facts.size += size
        facts.entry_count += 1
        if entry.commit is not None and entry.commit[1] > facts.touched_us:
            facts.touched_us = entry.commit[1]
        if kind != "lease":
            facts.last_counted = entry.seq
        if facts.unknown and kind not in ("created", "upgrade"):
            return
        if kind == "message":
            code = meaning.on_message(facts, entry)
            self._path.add(entry.seq, entry.parent, code, entry.at, None)
        elif kind in meaning.MEANINGS:
            meaning.MEANINGS[kind](facts, entry)
        elif kind == "compaction":
            self._path.add(entry.seq, entry.parent, 0, entry.at, meaning.read_cut(entry))
        elif kind == "head":
            to = meaning.on_head(facts, entry)
            if to is not None:
                self._path.move(to)
        elif kind == "created" and meaning.is_beginning(entry, facts):
            facts.entry_count, facts.size = 1, size
            meaning.on_created(facts, entry)

    def settle(self, *, size: int, hash: str, touched_us: int) -> None:  # noqa: A002 - the field's name
        """Add what became known after the last entries were applied: the bytes of their lines, and the commit's clock.

        `hash` is that of the last entry. The fold is then as if each had been applied with its hash and size.
        """
        facts = self._facts
        self._info = None
        facts.hash = hash
        facts.size += size
        facts.touched_us = max(facts.touched_us, touched_us)

    def info(self) -> SessionInfo:
        """What the session is now."""
        info = self._info
        if info is None:
            info = self._info = make_info(self._facts, self._path)
        return info

    def copy(self) -> Fold:
        """An equal fold; entries applied to one do not show in the other."""
        return self._with(self._path.copy())

    def light(self) -> Fold:
        """The same fold without the table of nodes: small and quick to copy, exact for the next few hundred undos."""
        return self._with(self._path.light())

    def _with(self, path: Path) -> Fold:
        other = Fold.__new__(Fold)
        other._facts, other._path = msgspec.structs.replace(self._facts), path  # noqa: SLF001 - of its own class
        other._info = self._info  # noqa: SLF001 - the same
        return other

    def dump(self, *, state: bool = True) -> bytes:
        """The fold in bytes, small whatever the length of the log. A table of nodes is left out; without `state`, that too."""
        self._path.ranges()
        trail = self._path.trail
        if len(trail.closed) >= PATH_RANGES_MAX:
            trail = msgspec.structs.replace(trail, closed=(), lost=True)
        facts = self._facts if state or not self._facts.state else msgspec.structs.replace(self._facts, state={})
        dump = _Dump(FOLD_VERSION, facts, trail)
        try:
            return msgspec.json.encode(dump)
        except UnicodeEncodeError:
            return values.encode(msgspec.to_builtins(dump))

    @classmethod
    def load(cls, data: bytes, *, state: dict[str, Json] | None = None) -> Fold:
        """The fold that was dumped, with its `state` if it was dumped without; entries that came later can be applied.

        Raises:
            ValueError: it was dumped by another version, or is no dump.
        """
        found = _decode(data, _version_decoder).version
        if found != FOLD_VERSION:
            msg = f"a fold of version {found}; this is version {FOLD_VERSION}. Fold the log anew"
            raise ValueError(msg)
        dump = _decode(data, _dump_decoder)
        if state is not None:
            dump.facts.state = state
        fold = cls()
        fold._facts, fold._path = dump.facts, Path(dump.trail)
        return fold

    def on_path(self, seq: int) -> bool:
        """Whether an entry is on the visible path, or belongs to a message that is."""
        return 1 <= seq <= self._facts.seq and self._path.holds(seq)

    def ranges(self) -> tuple[tuple[int, int | None], ...]:
        """The visible path as in `SessionInfo.path`, however many ranges it has."""
        return self._path.ranges()


def _decode(data: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            return msgspec.convert(values.decode(data), decoder.type)
        except ValueError as error:
            msg = f"no fold: {error}. Fold the log anew"
            raise ValueError(msg) from None
