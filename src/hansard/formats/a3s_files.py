"""The files of one session of a3s-code, put together from their pieces: the reverse of taking them apart."""

from __future__ import annotations

from typing import Final

import msgspec

from .a3s_paths import FRAGMENTS, place_of
from .a3s_reading import ENVELOPE_LISTS, SESSION_LISTS
from .a3s_runs import EVENTS, together
from .jsontext import Piece, spelled, write_list, write_object
from .record import short

_SNAPSHOT_ORDER: Final = (
    "schema_version", "session", "artifacts", "retained_artifact_uris", "trace_events", "run_records",
    "verification_reports", "subagent_tasks",
)  # fmt: skip


class Parts(msgspec.Struct):
    """All pieces of a session."""

    fields: dict[str, Piece]
    order: dict[str, list[str]]
    lists: dict[str, list[Piece]]

    def text_of(self, path: str) -> str:
        """The text of one of its files."""
        kind = place_of(path).kind
        whole = self.fields.get(f"{kind}//")
        if whole is not None:
            return spelled(whole, 0)
        if kind == "session":
            return self._session(0)
        if kind == "snapshot":
            return self._snapshot()
        if kind == "artifacts":
            return self._object("artifacts", ("artifacts",), 0)
        if kind in FRAGMENTS:
            return self._list(FRAGMENTS[kind], 0)
        return spelled(self.lists[f"loop_checkpoints/{short(place_of(path).name)}"][0], 0)

    def _session(self, level: int) -> str:
        return self._object("session", SESSION_LISTS, level)

    def _object(self, prefix: str, lists: tuple[str, ...], level: int) -> str:
        found: list[tuple[str, str]] = []
        for name in self.order.get(prefix, lists):
            field = self.fields.get(f"{prefix}/{name}")
            if field is not None:
                found.append((name, spelled(field, level + 1)))
            elif name in lists:
                found.append((name, self._list(name, level + 1)))
        return write_object(found, level)

    def _snapshot(self) -> str:
        found: list[tuple[str, str]] = []
        for name in self.order.get("", _SNAPSHOT_ORDER):
            field = self.fields.get(name)
            if name == "session":
                found.append((name, self._session(1)))
            elif field is not None:
                found.append((name, spelled(field, 1)))
            elif name in ENVELOPE_LISTS:
                found.append((name, self._list(name, 1)))
            elif name in _SNAPSHOT_ORDER:
                found.append((name, "1" if name == "schema_version" else "[]"))
        return write_object(found, 0)

    def _list(self, name: str, level: int) -> str:
        pieces = self.lists.get(name, [])
        if name != "run_records":
            return write_list([spelled(one, level + 1) for one in pieces], level)
        used: dict[str, int] = {}
        return write_list([self._run(one, level + 1, used) for one in pieces], level)

    def _run(self, one: Piece, level: int, used: dict[str, int]) -> str:
        snapshot = one.value.get("snapshot") if isinstance(one.value, dict) else None
        run = snapshot.get("id") if isinstance(snapshot, dict) else None
        if not isinstance(run, str) or type(one.value.get("events")) is not int:
            return spelled(one, level)
        base = EVENTS + short(run)
        used[base] = used.get(base, 0) + 1
        name = base if used[base] == 1 else f"{base}~{used[base]}"
        return together(one, [spelled(event, level + 2) for event in self.lists.get(name, ())], level=level)
