"""One process of the histories test: does things at random to a few sessions and tells when each began and ended.

Called as: actor.py URL SEED COUNT TASKS SESSION…. Each line it prints is one operation as JSON; `end` is missing in the
line that is printed when it begins, so that the last one of a killed process is known, too.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from typing import Any

import hansard


class Actor:
    """One thread of one process."""

    def __init__(self, store: hansard.Store, sessions: list[str], name: str) -> None:
        self._store = store
        self._sessions = sessions
        self._name = name
        self._draw = random.Random(name)
        self._number = 0
        self._leases: dict[str, hansard.LeaseHandle] = {}

    def act(self) -> None:
        """One operation, told before and after it."""
        self._number += 1
        session = self._draw.choice(self._sessions)
        verb = self._draw.choices(
            ("append", "batch", "cas", "read", "find", "lease", "fenced", "rewind"), (6, 3, 5, 4, 1, 1, 3, 1)
        )[0]
        ids = [f"{self._name}.{self._number}.{part}" for part in range(3 if verb == "batch" else 1)]
        told: dict[str, Any] = {"verb": verb, "session": session, "ids": ids, "begin": time.monotonic_ns()}
        handle = self._store.get(session)
        if verb == "cas":
            told["expect"] = handle.seq
        if verb == "fenced":
            lease = self._leases.get(session)
            told["fence"] = None if lease is None else lease.fence
        _tell(told)
        try:
            told["seq"] = self._do(verb, handle, ids, told)
        except (hansard.Conflict, hansard.LeaseLost) as error:
            told["error"] = type(error).__name__
        told["end"] = time.monotonic_ns()
        _tell(told)

    def _do(self, verb: str, handle: hansard.Session, ids: list[str], told: dict[str, Any]) -> int:
        entries = [hansard.user("x", id=one) for one in ids]
        if verb in ("append", "batch"):
            return handle.append(entries)
        if verb == "cas":
            return handle.append(entries, expect=told["expect"])
        if verb == "read":
            return [entry.seq for entry in handle.entries()][-1]
        if verb == "find":
            return self._store.find(id=handle.id).items[0].seq
        if verb == "rewind":
            return handle.append(hansard.NewEntry(kind="head", body={"to": 0}, id=ids[0]))
        if verb == "lease":
            lease = handle.lease(self._name, ttl_s=self._draw.choice((0.001, 0.05)))
            self._leases[handle.id] = lease
            told["taken"] = lease.fence
            return 0
        return handle.append(entries, lease=told["fence"])


_mutex = threading.Lock()


def _tell(told: dict[str, Any]) -> None:
    with _mutex:
        os.write(1, json.dumps(told).encode() + b"\n")


def main(url: str, seed: str, count: str, tasks: str, *sessions: str) -> None:
    with hansard.open(url) as store:
        actors = [Actor(store, list(sessions), f"{seed}.{number}") for number in range(int(tasks))]
        sys.stdin.readline()

        def work(actor: Actor) -> None:
            for _ in range(int(count)):
                actor.act()

        threads = [threading.Thread(target=work, args=(actor,)) for actor in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
