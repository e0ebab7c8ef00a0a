"""Runs: one stretch of an agent's work on a session, with a status, a sign of life, and what it took."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from ..codec import times
from ..codec.names import check_id, new_id
from ..errors import HansardError, Invalid, LeaseLost
from ..fold.meaning import add_usage, read_parts
from ..model.entry import Entry, Json, event
from ..model.info import Usage
from .changes import KeyChanges
from .given import GivenEntries
from .leases import LeaseHandle
from .writing import Writing

STARTED: Final = "run.started"
ENDED: Final = "run.ended"
OUTPUT: Final = "run.output"

OUTPUT_BYTES: Final = 4096
"""Characters of streamed output that are gathered before they become an event."""


class RunHandle:
    """A run that is to be entered: `with session.run() as run`.

    While it lasts the session's status is `running`, its lease is the run's, and a thread renews it. At the end the
    status says how it went: completed, error with the exception, or cancelled; a status that the session was given
    meanwhile, such as `paused`, stays.
    """

    def __init__(
        self,
        session: Writing,
        *,
        id: str,  # noqa: A002 - the field's name
        agent: str | None,
        task: str | None,
        ttl_s: float,
        data: dict[str, Json],
    ) -> None:
        """Begin nothing yet."""
        self._session = session
        self._id = id
        self._agent = agent
        self._task = task
        self._ttl_s = ttl_s
        self._data = data
        self._lease: LeaseHandle | None = None
        self._first = 0
        self._begun_us = 0
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None
        self._output: list[str] = []
        self._result: Json = None

    @property
    def session(self) -> Any:
        """The session that the run is on."""
        return self._session

    @property
    def id(self) -> str:
        """The id of the run; each entry that it appends says it."""
        return self._id

    @property
    def fence(self) -> int:
        """The number of the lease under which the run writes: a run can be given as `lease=`.

        Raises:
            Invalid: the run was not entered.
        """
        return self._held.fence

    @property
    def _held(self) -> LeaseHandle:
        if self._lease is None:
            msg = f"run {self.id!r} was not begun: use it as `with session.run() as run`"
            raise Invalid(msg)
        return self._lease

    def __enter__(self) -> Self:
        place = self.session._place  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - a run is a part of its session
        lease = self.session.lease(self.id, self._ttl_s)
        self._lease = lease
        self._begun_us = place.clock()
        said: dict[str, Json] = {"run": self.id, "agent": self._agent, "task": self._task, **self._data}
        started = event(STARTED, {key: value for key, value in said.items() if value is not None})
        try:
            self._first = self.append(started, status="running", set={"run_id": self.id})
        except BaseException:
            lease.release()
            raise
        self._heart = threading.Thread(target=self._beat, name="hansard-run", daemon=True)
        self._heart.start()
        return self

    def _beat(self) -> None:
        """Renew the lease until the run ends, or somebody else has taken it: the next append tells that."""
        while not self._stop.wait(self._ttl_s / 3):
            try:
                self._held.renew()
            except LeaseLost:
                return
            except HansardError:
                # The medium does not answer now; whether the lease outlives that is decided by its time alone.
                continue

    def append(
        self,
        entries: GivenEntries = (),
        *,
        key: str | None = None,
        expect: int | None = None,
        state: KeyChanges | None = None,
        status: str | None = None,
        set: Mapping[str, Json] | None = None,  # noqa: A002 - as in Session.append
    ) -> int:
        """As Session.append, under the run's lease, each entry marked as the run's.

        Raises:
            LeaseLost: the run was taken for dead, and another one goes on.
        """
        self.flush()
        return self.session.append(
            entries, key=key, expect=expect, state=state, status=status, set=set, lease=self._held, run=self.id,
            agent=self._agent,
        )  # fmt: skip

    def output(self, text: str) -> None:
        """A piece of streamed output: pieces are gathered, and become an event now and then, and before the next append."""
        self._output.append(text)
        if sum(map(len, self._output)) >= OUTPUT_BYTES:
            self.flush()

    def flush(self) -> None:
        """The output so far is durable."""
        if self._output:
            text, self._output = "".join(self._output), []
            self.session.append(event(OUTPUT, {"text": text}), lease=self._held, run=self.id, agent=self._agent)

    def finish(self, result: Json) -> None:
        """What the run came to, for its record; it ends with its block."""
        self._result = result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lease is None:
            return
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        try:
            self._end(error)
        except HansardError:
            if error is None:
                raise
        finally:
            self._held.release()

    def _end(self, error: BaseException | None) -> None:
        status = "completed" if error is None else "error" if isinstance(error, Exception) else "cancelled"
        told = None if error is None else {"type": type(error).__name__, "message": str(error)}
        self.flush()
        tally = Tally()
        for entry in self.session.entries(after=self._first):
            if entry.run == self.id:
                tally.count(entry)
        now_us = self.session._place.clock()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as above
        said: dict[str, Json] = {
            "run": self.id,
            "status": status,
            "error": told,
            "result": self._result,
            "steps": tally.steps,
            "usage": msgspec.to_builtins(tally.usage),
            "duration_ms": (now_us - self._begun_us) / 1000,
        }
        info = self.session.info
        kept = info.status != "running" and error is None
        fields: dict[str, Json] = {"error": told} if status != "cancelled" else {}
        self.append(
            event(ENDED, {key: value for key, value in said.items() if value is not None}),
            status=None if kept else status,
            set=fields,
        )

    def __repr__(self) -> str:
        return f"RunHandle({self.id!r} on {self.session!r})"


class Tally:
    """What the entries of a run add up to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.steps = 0
        """Tool calls, and steps that stand alone."""
        self.usage = Usage()
        self._calls: set[str] = set()

    def count(self, entry: Entry) -> None:
        """One more entry of the run."""
        body = entry.body
        if not isinstance(body, dict):
            return
        if entry.kind == "usage":
            self.usage = add_usage(self.usage, body)
        elif entry.kind == "message":
            for part in read_parts(body):
                if isinstance(part, dict) and part.get("type") == "tool_call":
                    self._step(part.get("id"))
        elif entry.kind == "event" and body.get("type") in ("step", "tool_step"):
            self._step(body.get("tool_call_id"))

    def _step(self, call: Json) -> None:
        if isinstance(call, str) and call:
            if call in self._calls:
                return
            self._calls.add(call)
        self.steps += 1


def run_of(
    session: Writing,
    *,
    id: str | None,  # noqa: A002 - the field's name
    agent: str | None,
    task: str | None,
    ttl_s: float,
    data: Mapping[str, Json] | None,
) -> RunHandle:
    """A run that is to be entered.

    Raises:
        Invalid: a value can't be taken.
    """
    for name, value in (("agent", agent), ("task", task)):
        if value is not None and not isinstance(value, str):
            msg = f"{name}: a str or None, not {type(value).__name__}"
            raise Invalid(msg)
    own: dict[str, Any] = dict(data or {})
    return RunHandle(
        session, id=new_id() if id is None else check_id(id, "run"), agent=agent, task=task, ttl_s=ttl_s, data=own
    )


def between_ms(first: str, last: str) -> float:
    """Milliseconds between two times of entries."""
    return (times.microseconds(last) - times.microseconds(first)) / 1000
