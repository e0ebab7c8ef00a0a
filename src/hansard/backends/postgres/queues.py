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


class _Line(msgspec.Struct, eq=False):
    """Those who wait for one session, and those whose answer nobody has taken yet."""

    active: bool = False
    """It waits for a thread of the queues, or one is at it."""
    turn: Any = msgspec.field(default_factory=threading.Lock)
    """Held by the thread that commits."""
    group: list[_Waiter] = msgspec.field(default_factory=list)
    """For whom the thread that has the turn commits now; for whoever gets the turn, those that nobody will answer any more."""
    waiting: deque[_Waiter] = msgspec.field(default_factory=deque)


class Queues:
    """The appends of one open store that wait, by session, and the threads that commit what was only handed in.

    The main thread can be interrupted wherever a call returns: what it leaves behind is at each such place something that
    the next one who comes goes on from. So no lock is taken but by `with`, nobody leaves a line before the answer is
    there, and what was handed in is answered by the threads of the queues alone.
    """

    def __init__(self, commit: Commit) -> None:
        """`commit` writes one group. No thread is started before something is handed in."""
        self._commit = commit
        self._mutex = threading.Lock()
        self._ready_or_closing = threading.Condition(self._mutex)
        self._lines: dict[str, _Line] = {}
        self._ready: deque[tuple[str, _Line]] = deque()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closing = False

    def append(self, session: str, request: Request) -> Answer:
        """The answer to one append, once it is durable."""
        waiter = _Waiter(request)
        try:
            with self._mutex:
                line = self._join(session, waiter)
            while waiter.answer is None:
                self._serve(session, line, waiter)
        except BaseException:
            self._withdraw(session, waiter)
            raise
        return waiter.answer

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """Commit this append soon; `done` is called on another thread.

        Raises:
            Unavailable: the store is being closed, or no thread can be started.
        """
        waiter = _Waiter(request, done)
        try:
            with self._mutex:
                self._check_open(session)
                self._hand_out(session, self._join(session, waiter))
        except BaseException:
            self._withdraw(session, waiter)
            raise

    def _check_open(self, session: str) -> None:
        if self._closing:
            msg = f"session {session!r}: this store is being closed; open it again"
            raise Unavailable(msg)

    def _join(self, session: str, waiter: _Waiter) -> _Line:
        line = self._lines.get(session)
        if line is None:
            line = self._lines[session] = _Line()
        line.waiting.append(waiter)
        return line

    def _withdraw(self, session: str, waiter: _Waiter) -> None:
        """Nobody waits for this answer any more: what was not begun is not done later, among what others append then."""
        with self._mutex:
            line = self._lines.get(session)
            if line is not None and waiter in line.waiting:
                line.waiting.remove(waiter)
                self._leave(session, line)

    def _serve(self, session: str, line: _Line, own: _Waiter | None = None) -> None:
        """Commit one group of those who wait, unless one's own answer came meanwhile. Then each of the group has its answer."""
        with line.turn:
            if own is not None and own.answer is not None:
                return
            if line.group:
                _refuse(line.group, _broken_off(session, "an interrupt"))
            line.group = self._next_group(line)
            try:
                if line.group:
                    self._answer(session, line.group, own)
                line.group = []
            finally:
                with self._mutex:
                    self._leave(session, line)

    def _answer(self, session: str, group: list[_Waiter], own: _Waiter | None) -> None:
        try:
            answers = self._commit(session, [waiter.request for waiter in group])
            for waiter, answer in zip(group, answers, strict=True):
                waiter.answer = answer
        except HansardError as error:
            _refuse(group, error)
        except BaseException as error:
            answer = _broken_off(session, type(error).__name__)
            answer.__cause__ = error
            _refuse(group, answer)
            if own in group or not isinstance(error, Exception):
                raise

    def _next_group(self, line: _Line) -> list[_Waiter]:
        group: list[_Waiter] = []
        size = 0
        with self._mutex:
            for waiter in line.waiting:
                if waiter.answer is not None:
                    continue
                request = waiter.request
                size += sum(sealed.size for sealed in request.sealed)
                # One that carries documents is committed alone: if those are refused, nothing else is.
                if group and (size > _GROUP_BYTES_MAX or request.documents):
                    break
                group.append(waiter)
                if request.documents:
                    break
        return group

    def _leave(self, session: str, line: _Line) -> None:
        """Let those go who have their answer, but for what was handed in: that is told by a thread of the queues."""
        waiting = line.waiting
        while waiting and waiting[0].answer is not None and waiting[0].done is None:
            waiting.popleft()
        if not waiting and not line.active and self._lines.get(session) is line:
            del self._lines[session]

    def _hand_out(self, session: str, line: _Line) -> None:
        if not line.active:
            line.active = True
            self._ready.append((session, line))
        # Who was called and has not woken yet still counts as idle: one for each session that is ready.
        if self._idle < len(self._ready) and len(self._threads) < _THREADS:
            self._start_one()
        self._ready_or_closing.notify()

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._work, name="hansard-committer", daemon=True)
        others = [one for one in self._threads if one.is_alive()]
        # It runs from some moment of its start on: an interrupt later in there leaves it to be waited for.
        self._threads = [*others, thread]
        try:
            thread.start()
        except RuntimeError as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                # Interrupted while it waited for the thread to run, it could not undo its own wait.
                raise error.__context__ from None
            self._threads = others
            if others:
                return
            for _, line in self._ready:
                line.active = False
            self._ready.clear()
            msg = f"no thread can be started ({error}). What was handed in may or may not be there; append it again"
            raise Unavailable(msg) from error

    def _work(self) -> None:
        while True:
            with self._mutex:
                self._idle += 1
                while not self._ready and not self._closing:
                    self._ready_or_closing.wait()
                self._idle -= 1
                if not self._ready:
                    return
                session, line = self._ready.popleft()
            try:
                self._serve(session, line)
                for waiter in self._answered(line):
                    if waiter.done is not None and waiter.answer is not None:
                        waiter.done(waiter.answer)
            finally:
                with self._mutex:
                    # What was handed in while we committed found the session active and left it to us.
                    line.active = False
                    if any(waiter.done is not None for waiter in line.waiting):
                        self._hand_out(session, line)
                    else:
                        self._leave(session, line)

    def _answered(self, line: _Line) -> list[_Waiter]:
        """Those who have their answer; they stand in the line no more."""
        with self._mutex:
            found = [waiter for waiter in line.waiting if waiter.answer is not None]
            for waiter in found:
                line.waiting.remove(waiter)
        return found

    def close(self) -> None:
        """Return once everything handed in has its answer and the threads have ended."""
        with self._mutex:
            self._closing = True
            self._ready_or_closing.notify_all()
        # One that is at work may start another one to help it.
        joined: set[threading.Thread] = {threading.current_thread()}
        while left := [thread for thread in self._threads if thread.is_alive() and thread not in joined]:
            left[0].join()
            joined.add(left[0])


def _broken_off(session: str, what: str) -> Unavailable:
    why = f"the commit was broken off by {what}"
    return Unavailable(f"session {session!r}: {why}. It may or may not be there; repeat it with the same ids")


def _refuse(group: list[_Waiter], error: HansardError) -> None:
    for waiter in group:
        if waiter.answer is None:
            waiter.answer = error
