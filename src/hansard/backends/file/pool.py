"""The open logs of one store object, and the queue of appends that wait for each."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from ...backend import Answer, Request
from ...errors import HansardError, NotFound, Unavailable
from ...limits import COMMIT_BYTES_MAX, OPEN_LOGS_MAX
from ..commit import Group
from . import disk
from .following import Surroundings
from .log import Log

_GROUP_BYTES_MAX = COMMIT_BYTES_MAX // 16


class Waiter:
    """One append that waits, and its answer once there is one."""

    __slots__ = ("answer", "done", "request")

    def __init__(self, request: Request, done: Callable[[Answer], None] | None = None) -> None:
        """Wait without an answer; `done` is called with it, if given."""
        self.request = request
        self.done = done
        self.answer: Answer | None = None


class Begun(NamedTuple):
    """A group that was written and has to be synced. Its log is locked, and this thread holds its mutex."""

    log: Log
    waiters: list[Waiter]
    group: Group


def _give(waiters: list[Waiter], answers: list[Answer]) -> None:
    for waiter, answer in zip(waiters, answers, strict=True):
        waiter.answer = answer


def _tell(waiters: list[Waiter]) -> None:
    for waiter in waiters:
        if waiter.done is not None and waiter.answer is not None:
            waiter.done(waiter.answer)


class Pool:
    """Logs by session id, least recently used closed first, and their waiting appends."""

    def __init__(self, around: Surroundings, after: Callable[[Log], None], before: Callable[[Log], None]) -> None:
        """`before` is called before a log is written to, `after` once the write is durable and the lock released."""
        self._around = around
        self._after = after
        self._before = before
        self._mutex = threading.Lock()
        self._logs: OrderedDict[str, Log] = OrderedDict()
        self._waiting: dict[str, deque[Waiter]] = {}

    @contextlib.contextmanager
    def using(self, session: str) -> Generator[Log]:
        """The log of a session, for this thread alone.

        Raises:
            NotFound: nothing stands for the id.
        """
        while True:
            log = self._get(session)
            with log.mutex:
                if log.closed:
                    continue
                try:
                    yield log
                except BaseException as error:
                    self._drop_unless_whole(log, error)
                    raise
                return

    def _get(self, session: str) -> Log:
        with self._mutex:
            log = self._logs.get(session)
            if log is not None and not log.closed:
                self._logs.move_to_end(session)
                return log
        place = self._around.layout.find(session)
        if place is None:
            msg = f"session {session!r} does not exist in {self._around.layout.root}"
            raise NotFound(msg)
        return self.add(Log(self._around, session, place))

    def add(self, log: Log) -> Log:
        """Keep a log open; the one that is kept, if another thread was faster."""
        with self._mutex:
            there = self._logs.get(log.session)
            if there is not None and not there.closed:
                return there
            self._logs[log.session] = log
            self._evict(log)
        return log

    def _evict(self, new: Log) -> None:
        """Close what is over the limit and not in use. `new` is about to be used: who closed it would close it again."""
        for session, log in list(self._logs.items()):
            if len(self._logs) <= OPEN_LOGS_MAX:
                return
            if log is new:
                continue
            try:
                if log.mutex.acquire(blocking=False):
                    try:
                        log.close()
                        del self._logs[session]
                    finally:
                        log.mutex.release()
            except BaseException:
                # An interrupt: whether the lock was taken is not known, so nobody is to wait for it.
                self._logs.pop(session, None)
                raise

    def drop(self, log: Log) -> None:
        """Close a log whose mutex this thread holds, and forget it."""
        log.close()
        with self._mutex:
            if self._logs.get(log.session) is log:
                del self._logs[log.session]

    def _drop_unless_whole(self, log: Log, error: BaseException) -> None:
        """After an error: whoever comes next looks up the place and reads the file anew, where that may be needed.

        The session was deleted, perhaps to be made anew elsewhere; or something was broken off between two steps, by an
        interrupt or for want of memory, and the log may no longer know what the file says.
        """
        if isinstance(error, NotFound) or not isinstance(error, HansardError | OSError):
            self.drop(log)

    def append(self, session: str, request: Request) -> Answer:
        """The answer to one append, once it is durable. Whoever gets the log first commits for all who wait."""
        waiter = Waiter(request)
        try:
            self.enqueue(session, waiter)
            while waiter.answer is None:
                self.commit_waiting(session)
        except BaseException:
            self._withdraw(session, waiter)
            raise
        return waiter.answer

    def _withdraw(self, session: str, waiter: Waiter) -> None:
        """What nobody waits for any more is not appended, unless somebody is at it."""
        with self._mutex:
            waiting = self._waiting.get(session)
            if waiting is not None and waiter in waiting:
                waiting.remove(waiter)
                if not waiting:
                    del self._waiting[session]

    def enqueue(self, session: str, waiter: Waiter) -> None:
        """Have an append wait for its session."""
        with self._mutex:
            self._waiting.setdefault(session, deque()).append(waiter)

    def commit_waiting(self, session: str) -> None:
        """Commit one group of what waits for a session. Afterwards each of the group has its answer."""
        group: list[Waiter] = []
        try:
            self._commit_group(session, group)
        except BaseException as error:  # noqa: BLE001 - raised again if it is more than an error
            self._break_off(session, group, error)
        _tell(group)

    def _commit_group(self, session: str, group: list[Waiter]) -> None:
        """Put what waits into `group`, and commit it."""
        while True:
            log = self._get(session)
            # A plain `with`: between it and the lock no signal can come, so an interrupt never leaves the lock behind.
            with log.mutex:
                if log.closed:
                    continue
                if session not in self._waiting:
                    return
                try:
                    planned = self._begin(log, group, wait=True)
                    if planned is None:
                        continue
                    if planned.lines:
                        log.end(planned)
                    self._after(log)
                except BaseException as error:
                    # An interrupt may have come between two steps, when no step had the lock in its care.
                    log.unlock()
                    self._drop_unless_whole(log, error)
                    raise
            _give(group, planned.answers)
            return

    def _begin(self, log: Log, group: list[Waiter], *, wait: bool) -> Group | None:
        """Lock a log whose mutex is held, and write what waits by then; None if it is in other hands."""
        if not log.begun:
            # A log that is lost has to be told from one that somebody takes away, and it is those who note it first.
            log.check_begun()
        self._before(log)
        as_before = log.lock(wait=wait)
        if as_before is None:
            return None
        group += self._next_group(log.session)
        return log.begin([waiter.request for waiter in group], as_before=as_before)

    def begin_waiting(self, session: str, begun: list[Begun]) -> bool:
        """The first half of `commit_waiting`, which waits for nobody: what was written and has to be synced is in `begun`.

        False: the log is not open, or in other hands; nothing was done. Called on the thread that calls `end`.
        """
        with self._mutex:
            log = self._logs.get(session)
        if log is None or not log.mutex.acquire(blocking=False):
            return False
        group: list[Waiter] = []
        written: Group | None = None
        try:
            planned = None if log.closed else self._begin(log, group, wait=False)
            if planned is None:
                return False
            if planned.lines:
                written = planned
            else:
                self._after(log)
                _give(group, planned.answers)
        except BaseException as error:  # noqa: BLE001 - raised again if it is more than an error
            self._drop_unless_whole(log, error)
            self._break_off(session, group, error)
        finally:
            if written is None:
                log.mutex.release()
        if written is None:
            _tell(group)
        else:
            begun.append(Begun(log, group, written))
        return True

    def end(self, begun: list[Begun]) -> None:
        """The second half: what was written is durable, and everybody has an answer."""
        failed: Sequence[BaseException | None]
        try:
            failed = disk.datasync_each([one.log.fd for one in begun])
        except BaseException as error:  # noqa: BLE001 - what came of the syncs is not known, so each has failed
            failed = [error] * len(begun)
        errors = [self._end(one, error) for one, error in zip(begun, failed, strict=True)]
        # Whoever is told goes on at once, and has the interpreter then: so all locks are given back before.
        for one in begun:
            _tell(one.waiters)
        for error in errors:
            if error is not None:
                raise error

    def _end(self, begun: Begun, failed: BaseException | None) -> BaseException | None:
        """Everybody has an answer, and the log is free; what is more than an error is returned, to be raised."""
        log, group = begun.log, begun.waiters
        try:
            try:
                log.end_synced(begun.group, failed)
                self._after(log)
            except BaseException as error:
                self._drop_unless_whole(log, error)
                raise
            finally:
                log.mutex.release()
            _give(group, begun.group.answers)
        except BaseException as error:  # noqa: BLE001 - told to those who wait
            self._answer_all(log.session, group, error)
            return None if isinstance(error, Exception) else error
        return None

    def _break_off(self, session: str, group: list[Waiter], error: BaseException) -> None:
        """As `_answer_all`; what is more than an error is told, and raised again."""
        self._answer_all(session, group, error)
        if not isinstance(error, Exception):
            _tell(group)
            raise error

    def _answer_all(self, session: str, group: list[Waiter], error: BaseException) -> None:
        """Whatever went wrong, each of the group has its answer: nobody waits for what will not come."""
        if isinstance(error, HansardError):
            self._refuse(session, group, error)
            return
        why = str(error) if isinstance(error, OSError) else f"the commit was broken off by {type(error).__name__}"
        answer = Unavailable(f"session {session!r}: {why}. It may or may not be there; repeat it with the same ids")
        answer.__cause__ = error
        self._refuse(session, group, answer)

    def _refuse(self, session: str, group: list[Waiter], error: HansardError) -> None:
        if not group:
            # The log could not even be reached: the same is true for all who wait now.
            group += self._next_group(session)
        for waiter in group:
            if waiter.answer is None:
                waiter.answer = error

    def _next_group(self, session: str) -> list[Waiter]:
        group: list[Waiter] = []
        size = 0
        with self._mutex:
            waiting = self._waiting.get(session)
            if waiting is None:
                return group
            while waiting:
                if len(waiting) > 1 or group:
                    size += sum([sealed.size for sealed in waiting[0].request.sealed])
                    if group and size > _GROUP_BYTES_MAX:
                        return group
                group.append(waiting.popleft())
            del self._waiting[session]
        return group

    def has_waiting(self, session: str) -> bool:
        """Whether an append waits for this session."""
        with self._mutex:
            return session in self._waiting

    def close(self) -> None:
        """Close every log, waiting for the commits under way."""
        with self._mutex:
            logs = list(self._logs.values())
            self._logs.clear()
        for log in logs:
            with log.mutex:
                log.close()
