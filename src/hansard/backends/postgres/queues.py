"""Appends that wait: whoever comes first commits for all who wait for the same session, so that they share a commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from ...backend import Answer, Request
from ...errors import HansardError, Unavailable
from ...limits import COMMIT_BYTES_MAX

Commit: TypeAlias = Callable[[str, Sequence[Request]], list[Answer]]

_GROUP_BYTES_MAX: Final = COMMIT_BYTES_MAX // 16
_THREADS: Final = 8
"""Commits of different sessions wait for the server side by side."""


class _Waiter:
    """One append that waits, and its answer once there is one."""

    __slots__ = ("answer", "done", "request")

    def __init__(self, request: Request, done: Callable[[Answer], None] | None = None) -> None:
        self.request = request
        self.done = done
        self.answer: Answer | None = None


class _Line(msgspec.Struct):
    """Those who wait for one session."""

    unanswered: int = 0
    """Those who wait, and those for whom somebody commits now: while there is one, all stand in this line."""
    turn: Any = msgspec.field(default_factory=threading.Lock)
    """Held by the thread that commits."""
    waiting: deque[_Waiter] = msgspec.field(default_factory=deque)


class Queues:
    """The appends of one open store that wait, by session, and the threads that commit what was only handed in."""

    def __init__(self, commit: Commit) -> None:
        """`commit` writes one group. No thread is started before something is handed in."""
        self._commit = commit
        self._mutex = threading.Lock()
        self._ready_or_closing = threading.Condition(self._mutex)
        self._lines: dict[str, _Line] = {}
        self._ready: deque[str] = deque()
        self._active: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closing = False

    def append(self, session: str, request: Request) -> Answer:
        """The answer to one append, once it is durable."""
        with self._mutex:
            line = None if session in self._lines else self._lines.setdefault(session, _Line(1))
            if line is not None:
                line.turn.acquire()
        if line is not None:
            return self._alone(session, line, request)
        waiter = _Waiter(request)
        with self._mutex:
            line = self._join(session, waiter)
        while waiter.answer is None:
            self._serve(session, line)
        return waiter.answer

    def _alone(self, session: str, line: _Line, request: Request) -> Answer:
        """The answer to an append that found nobody there; who comes meanwhile waits for the turn."""
        try:
            return self._commit(session, (request,))[0]
        except HansardError as error:
            return error
        finally:
            line.turn.release()
            self._answered(session, line, 1)

    def _answered(self, session: str, line: _Line, count: int) -> None:
        with self._mutex:
            line.unanswered -= count
            if not line.unanswered:
                del self._lines[session]

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """Commit this append soon; `done` is called on another thread.

        Raises:
            Unavailable: the store is being closed, or no thread can be started.
        """
        with self._mutex:
            if self._closing:
                msg = f"session {session!r}: this store is being closed; open it again"
                raise Unavailable(msg)
            self._join(session, _Waiter(request, done))
            if session not in self._active:
                self._active.add(session)
                self._hand_out(session)

    def _join(self, session: str, waiter: _Waiter) -> _Line:
        line = self._lines.get(session)
        if line is None:
            line = self._lines[session] = _Line()
        line.waiting.append(waiter)
        line.unanswered += 1
        return line

    def _serve(self, session: str, line: _Line) -> None:
        """Commit one group of those who wait. Afterwards each of the group has its answer."""
        group: list[_Waiter] = []
        with line.turn:
            group = self._next_group(line)
            if group:
                self._answer(session, line, group)
        for waiter in group:
            if waiter.done is not None and waiter.answer is not None:
                waiter.done(waiter.answer)

    def _answer(self, session: str, line: _Line, group: list[_Waiter]) -> None:
        try:
            answers = self._commit(session, [waiter.request for waiter in group])
            for waiter, answer in zip(group, answers, strict=True):
                waiter.answer = answer
        except HansardError as error:
            _refuse(group, error)
        except BaseException as error:
            why = f"the commit was broken off by {type(error).__name__}"
            answer = Unavailable(f"session {session!r}: {why}. It may or may not be there; repeat it with the same ids")
            answer.__cause__ = error
            _refuse(group, answer)
            if not isinstance(error, Exception):
                raise
        finally:
            self._answered(session, line, len(group))

    def _next_group(self, line: _Line) -> list[_Waiter]:
        group: list[_Waiter] = []
        size = 0
        with self._mutex:
            waiting = line.waiting
            while waiting:
                request = waiting[0].request
                size += sum(sealed.size for sealed in request.sealed)
                # One that carries documents is committed alone: if those are refused, nothing else is.
                if group and (size > _GROUP_BYTES_MAX or request.documents):
                    break
                group.append(waiting.popleft())
                if request.documents:
                    break
        return group

    def _hand_out(self, session: str) -> None:
        self._ready.append(session)
        # Who was called and has not woken yet still counts as idle: one for each session that is ready.
        if self._idle < len(self._ready) and len(self._threads) < _THREADS:
            self._start_one()
        self._ready_or_closing.notify()

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._work, name="hansard-committer", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if self._threads:
                return
            self._ready.clear()
            self._active.clear()
            msg = f"no thread can be started ({error}). What was handed in may or may not be there; append it again"
            raise Unavailable(msg) from error
        self._threads.append(thread)

    def _work(self) -> None:
        while True:
            with self._mutex:
                self._idle += 1
                while not self._ready and not self._closing:
                    self._ready_or_closing.wait()
                self._idle -= 1
                if not self._ready:
                    return
                session = self._ready.popleft()
                line = self._lines.get(session)
            if line is not None:
                self._serve(session, line)
            with self._mutex:
                # What was handed in while we committed found the session active and left it to us.
                line = self._lines.get(session)
                if line is not None and line.waiting:
                    self._hand_out(session)
                else:
                    self._active.discard(session)

    def close(self) -> None:
        """Return once everything handed in has its answer and the threads have ended."""
        with self._mutex:
            self._closing = True
            self._ready_or_closing.notify_all()
        # One that is at work may start another one to help it.
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()


def _refuse(group: list[_Waiter], error: HansardError) -> None:
    for waiter in group:
        if waiter.answer is None:
            waiter.answer = error
