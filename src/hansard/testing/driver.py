"""What the tests of the suite hold a backend by: its clock, the way to open it again, and short forms of its verbs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec
import pytest

from ..backend import Answer, Backend, Request
from ..codec.line import seal
from ..model.entry import Entry, NewEntry, user
from ..model.requests import Appended, Changes, Clock, Created, Creation

T = TypeVar("T")

START_US = 1_790_000_000_000_000
"""What a fresh ManualClock says."""

MakeBackend: TypeAlias = Callable[[Clock], Backend]
"""Opens the test's medium with a clock. Called again in the same test, it opens the same medium a second time, if the
backend is persistent; else it makes an empty one."""


def requires(capability: str) -> Callable[[type[T]], type[T]]:
    """Have the tests of a class run only where a capability is declared."""
    return lambda tests: _noted(tests, capability, declared=True)


def without(capability: str) -> Callable[[type[T]], type[T]]:
    """Have the tests of a class run only where a capability is not declared."""
    return lambda tests: _noted(tests, capability, declared=False)


def _noted(tests: type[T], capability: str, *, declared: bool) -> type[T]:
    for name, function in vars(tests).items():
        if name.startswith("test_"):
            function.capability = (capability, declared)
    return tests


@contextlib.contextmanager
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Meanwhile the system gives no thread to anybody."""

    def refuse(_thread: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        yield


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now_us: int = START_US) -> None:
        """Stand at `now_us` microseconds since 1970."""
        self.now_us = now_us

    def __call__(self) -> int:
        """The time."""
        return self.now_us

    def advance(self, *, seconds: float) -> None:
        """Move by so many seconds; a negative number turns the clock back."""
        self.now_us += round(seconds * 1_000_000)


class Backdoor(Protocol):
    """The way to a session's stored bytes past the backend: what a disk, an editor or an attacker would do."""

    def log(self, session: str) -> bytes:
        """The bytes of the session's own log, as they are stored."""
        ...

    def replace(self, session: str, data: bytes) -> None:
        """Store other bytes as the session's own log. The backend is not told."""
        ...

    def replace_attachment(self, session: str, sha256: str, data: bytes | None) -> None:
        """Store other bytes under an attachment's hash, or (None) take it away."""
        ...


class Driver:
    """One open backend and its surroundings."""

    def __init__(self, make: MakeBackend, clock: ManualClock) -> None:
        """Open the backend."""
        self.make = make
        self.clock = clock
        self.backend = make(clock)

    def close(self) -> None:
        """Close the backend."""
        self.backend.close()

    def has(self, capability: str) -> bool:
        """Whether the backend declares a capability."""
        return capability in self.backend.capabilities

    def need(self, capability: str) -> None:
        """Skip the test if the backend does not declare a capability."""
        if not self.has(capability):
            pytest.skip(f"{self.backend.name} does not declare {capability!r}")

    def reopen(self) -> None:
        """Close the backend and open the same medium again; skips the test if it is not persistent."""
        self.need("persistent")
        self.backend.close()
        self.backend = self.make(self.clock)

    def seal(self, entries: Sequence[NewEntry]) -> Request:
        """A request to append these entries."""
        return Request(sealed=tuple(seal(entry, now_us=self.clock()) for entry in entries))

    def create(
        self,
        id: str = "",  # noqa: A002 - the field's name
        *,
        first: Sequence[NewEntry] = (),
        reuse: Literal["", "id", "pair"] = "",
        **fields: Any,
    ) -> Created:
        """Make a session whose first commit also holds `first`."""
        return self.backend.create(Creation(id=id, **fields), self.seal(first), reuse=reuse)

    def new(self, id: str = "", **fields: Any) -> str:  # noqa: A002 - the field's name
        """The id of a new session."""
        return self.create(id, **fields).id

    def append(self, session: str, *entries: NewEntry, changes: Changes | None = None, **asked: Any) -> Appended:
        """Append entries and changes; further keywords are those of Request."""
        return self.backend.append(session, msgspec.structs.replace(self.seal(entries), changes=changes, **asked))

    def submit(self, session: str, *entries: NewEntry, done: Callable[[Answer], None], **asked: Any) -> None:
        """Submit entries; further keywords are those of Request."""
        self.backend.submit(session, msgspec.structs.replace(self.seal(entries), **asked), done)

    def set(self, session: str, **fields: Any) -> Appended:
        """Set fields of a session."""
        return self.append(session, changes=Changes(set=fields))

    def say(self, session: str, *texts: str) -> Appended:
        """Append one user message for each text, in one commit."""
        return self.append(session, *map(user, texts))

    def lease(self, session: str, fence: int, *, owner: str = "worker", **members: Any) -> Appended:
        """Append a lease entry."""
        body = {"owner": owner, "fence": fence, "ttl_ms": 60_000, **members}
        return self.append(session, NewEntry(kind="lease", body=body))

    def entries(self, session: str, **asked: Any) -> list[Entry]:
        """The entries of a session; keywords are those of the verb."""
        return list(self.backend.entries(session, **asked))

    def texts(self, session: str) -> list[str]:
        """The text of every message on record, whether on the visible path or not, in the order of the log."""
        return [said(entry) for entry in self.entries(session) if entry.kind == "message"]

    def log(self, session: str) -> bytes:
        """The lines of a session, joined."""
        return b"".join(self.backend.lines(session))

    def findings(self, session: str | None = None) -> list[str]:
        """The severities of all that check() finds."""
        return [finding.severity for finding in self.backend.check(session)]


def said(entry: Entry) -> str:
    """The text of a message entry's first part; "" of an erased one."""
    return "" if entry.erased else entry.body["parts"][0]["text"]


def together(*calls: Callable[[], T]) -> list[T | Exception]:
    """Run each call in a thread of its own, all at once, and give their results or errors in order."""
    results: list[T | Exception] = [TimeoutError("the call did not return within a minute")] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], T]) -> None:
        gate.wait()
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001 - handed to the test, which knows what it expects
            results[number] = error

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def promptly(call: Callable[[], T]) -> T:
    """The result of a call that must not wait for ever; fails the test after a minute."""
    result = together(call)[0]
    if isinstance(result, Exception):
        raise result
    return result
