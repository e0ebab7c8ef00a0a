"""Listening to what other processes say they have written: a connection of its own, there only while somebody waits.

A notification reaches the connection that listens, so behind a pooler that hands connections out by the transaction
nothing arrives. The server's own number for a connection tells that there is one in between; then nobody listens, and
whoever waits just looks.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Final

import psycopg

from ...errors import HansardError
from ..bells import Bells
from .connecting import Connection, execute
from .pool import Database

CHANNEL: Final = "hansard"
ANYTHING: Final = "*"
"""Said instead of marks: any session may have grown."""

_IDLE_S: Final = 30.0
"""Nobody has waited for so long: the connection is given up. While somebody waits, it is tried as often."""
_PAUSE_S: Final = 0.2
_PAUSE_MAX_S: Final = 10.0


class Listener:
    """Rings the bells of those who wait for what another process says it has written."""

    def __init__(self, db: Database, bells: Bells) -> None:
        """Listen to nothing yet."""
        self._db = db
        self._bells = bells
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop: socket.socket | None = None
        self._closing = False
        self.state = "not needed yet"
        """For people."""
        self._hears = False
        self._useless = db.settings.notify == "off"
        if self._useless:
            self.state = "no: switched off by ?notify=off"

    def listen(self) -> bool:
        """Have a thread that listens, if that is of use; whether it hears already."""
        if not self._useless and self._thread is None:
            with self._mutex:
                if self._thread is None and not self._closing:
                    self._start()
        return self._hears

    def _start(self) -> None:
        stop, stopped = socket.socketpair()
        thread = threading.Thread(target=self._work, args=(stop, stopped), name="hansard-listener", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self.state = f"no: {error}"
            stop.close()
            stopped.close()
        else:
            self._thread, self._stop = thread, stop

    def close(self) -> None:
        """Return when the thread has ended."""
        with self._mutex:
            self._closing = True
            thread = self._thread
            if self._stop is not None:
                # Not only closed: a forked child may have it, too.
                self._stop.shutdown(socket.SHUT_RDWR)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _work(self, stop: socket.socket, stopped: socket.socket) -> None:
        with stop, stopped:
            self._try(stopped)
            with self._mutex:
                self._thread = self._stop = None

    def _try(self, stopped: socket.socket) -> None:
        """Listen until the store is closed or nobody waits, whatever becomes of connections."""
        pause = _PAUSE_S
        while not (self._closing or self._useless):
            con: Connection | None = None
            try:
                con = self._db.connect()
                if self._begin(con):
                    pause = _PAUSE_S
                    self._hear(con, stopped)
                    return
            except (HansardError, psycopg.Error, OSError) as error:
                self.state = f"no: {error}"
            finally:
                self._hears = False
                if con is not None:
                    con.close()
            # Those who relied on it look by themselves from now on.
            self._bells.ring_all()
            select.select([stopped], [], [], pause)
            pause = min(pause * 2, _PAUSE_MAX_S)

    def _begin(self, con: Connection) -> bool:
        """Whether the connection listens from now on; what was written before was said to nobody, so all look again."""
        own = execute(con, "SELECT pg_backend_pid()")[0][0] == con.info.backend_pid
        if not own and self._db.settings.notify != "on":
            self._useless = True
            self.state = "no: a pooler stands before the server; ?notify=on says that it keeps connections apart"
            return False
        execute(con, "LISTEN hansard")
        self._hears = True
        self.state = "yes"
        self._bells.ring_all()
        return True

    def _hear(self, con: Connection, stopped: socket.socket) -> None:
        """Ring until the store is closed or nobody has waited for long."""
        poll = select.poll()
        poll.register(con.pgconn.socket, select.POLLIN)
        poll.register(stopped, select.POLLIN)
        waited_at = tried_at = time.monotonic()
        while not self._closing:
            arrived = poll.poll(_IDLE_S * 1000)
            con.pgconn.consume_input()
            while (said := con.pgconn.notifies()) is not None:
                self._ring(bytes(said.extra).decode("ascii", "replace"))
            now = time.monotonic()
            if self._bells.waited_for:
                waited_at = now
            elif now - waited_at >= _IDLE_S:
                self.state = "not needed any more"
                return
            if not arrived and now - tried_at >= _IDLE_S:
                tried_at = now
                execute(con, "SELECT 1")

    def _ring(self, marks: str) -> None:
        if marks == ANYTHING:
            self._bells.ring_all()
        for mark in marks.split():
            self._bells.ring(mark)
