"""The open logs of one store object, and the queue of appends that wait for each."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator

from ...backend import Answer, Request
from ...errors import HansardError, NotFound, Unavailable
from ...limits import COMMIT_BYTES_MAX, OPEN_LOGS_MAX
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
        log = self._enter(session)
        try:
            yield log
        except NotFound:
            # Deleted, perhaps made anew elsewhere: the next caller looks the place up again.
            self.drop(log)
            raise
        finally:
            log.mutex.release()

    def _enter(self, session: str) -> Log:
        """The open log of a session, its mutex held."""
        while True:
            log = self._get(session)
            log.mutex.acquire()
            if not log.closed:
                return log
            log.mutex.release()

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
            self._evict()
        return log

    def _evict(self) -> None:
        for session, log in list(self._logs.items()):
            if len(self._logs) <= OPEN_LOGS_MAX:
                return
            if log.mutex.acquire(blocking=False):
                try:
                    log.close()
                    del self._logs[session]
                finally:
                    log.mutex.release()

    def drop(self, log: Log) -> None:
        """Close a log whose mutex this thread holds, and forget it."""
        log.close()
        with self._mutex:
            if self._logs.get(log.session) is log:
                del self._logs[log.session]

    def append(self, session: str, request: Request) -> Answer:
        """The answer to one append, once it is durable. Whoever gets the log first commits for all who wait."""
        waiter = Waiter(request)
        self.enqueue(session, waiter)
        while waiter.answer is None:
            self.commit_waiting(session)
        return waiter.answer

    def enqueue(self, session: str, waiter: Waiter) -> None:
        """Have an append wait for its session."""
        with self._mutex:
            self._waiting.setdefault(session, deque()).append(waiter)

    def commit_waiting(self, session: str) -> None:
        """Commit one group of what waits for a session. Afterwards each of the group has its answer."""
        group: list[Waiter] = []
        try:
            log = self._enter(session)
            try:
                group = self._next_group(session)
                if group:
                    self._before(log)
                    answers = log.commit([waiter.request for waiter in group])
                    self._after(log)
                    for waiter, answer in zip(group, answers, strict=True):
                        waiter.answer = answer
            except NotFound:
                self.drop(log)
                raise
            finally:
                log.mutex.release()
        except HansardError as error:
            self._refuse(session, group, error)
        except BaseException:
            msg = f"session {session!r}: the commit was interrupted; it may or may not be there. Repeat it with the same ids"
            self._refuse(session, group, Unavailable(msg))
            raise
        finally:
            for waiter in group:
                if waiter.done is not None and waiter.answer is not None:
                    waiter.done(waiter.answer)

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
