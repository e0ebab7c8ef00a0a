"""Writers that go on through a fail-over: each appends to its own session and repeats what it had no answer to."""

from __future__ import annotations

import threading
import time

import hansard

SESSIONS = 8


class Writers:
    """Eight threads, each with a session; what was acknowledged, when, and how often an answer was missing."""

    def __init__(self, url: str) -> None:
        self._store = hansard.open(url)
        self._sessions = [self._store.create(id=f"session-{number}").id for number in range(SESSIONS)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(one,)) for one in self._sessions]
        self.acknowledged: dict[str, list[tuple[str, float]]] = {one: [] for one in self._sessions}
        self.unanswered = 0
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _write(self, session: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            key = f"k{number}"
            while not self._append(session, key):
                if self._stop.is_set():
                    return

    def _append(self, session: str, key: str) -> bool:
        try:
            self._store.get(session).append([hansard.user(f"{key} a"), hansard.assistant(f"{key} b")], key=key)
        except hansard.Unavailable:
            self.unanswered += 1
            return False
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.errors.append(f"{session} {key}: {error!r}")
            self._stop.set()
            return False
        self.acknowledged[session].append((key, time.monotonic()))
        return True

    def count(self) -> int:
        return sum(len(one) for one in self.acknowledged.values())

    def first_after(self, moment: float) -> float:
        """When the slowest of them was first acknowledged again after a moment."""
        return max(
            min((at for _, at in one if at > moment), default=float("inf")) for one in self.acknowledged.values()
        )

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._store.close()


def problems(url: str, acknowledged: dict[str, list[tuple[str, float]]]) -> tuple[list[str], int]:
    """What is lost, doubled or does not verify; and how many acknowledged groups are lost."""
    found: list[str] = []
    lost = 0
    with hansard.open(url) as store:
        found += [one.message for one in store.check() if one.severity == "damage"]
        for session, keys in acknowledged.items():
            ids = [entry.id for entry in store.get(session).entries() if entry.kind == "message"]
            if len(ids) != len(set(ids)):
                found.append(f"{session}: ids twice")
            there = set(ids)
            missing = [key for key, _ in keys if not {f"{key}.0", f"{key}.1"} <= there]
            lost += len(missing)
            found += [f"{session}: {key} was acknowledged and is gone" for key in missing[:3]]
    return found, lost
