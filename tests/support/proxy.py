"""A TCP proxy before a PostgreSQL server: it counts, cuts connections in the middle of a message, and freezes."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Listens on a port of its own and passes everything on, until it is told otherwise."""

    def __init__(self, host, port):
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.syncs = 0
        """How often a client asked the server to finish: one for each round trip."""
        self.passed = {"sent": 0, "answered": 0}
        """Bytes that went through, each way."""
        self.frozen = threading.Event()
        self.connections = 0
        self.cuts = {"sent": 0, "answered": 0}
        """How often a connection was cut where it was to be."""
        self._cut = None
        self._open: list[socket.socket] = []
        self._mutex = threading.Lock()
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, sent=None, answered=None):
        """Close both sides once so many more bytes were sent to the server, or answered by it; once."""
        with self._mutex:
            self._cut = {"sent": sent, "answered": answered}

    def cut_all(self):
        """Close every connection now."""
        with self._mutex:
            gone, self._open = self._open, []
        for one in gone:
            _shut(one)

    def close(self):
        self._closing = True
        self._listener.close()
        self.frozen.clear()
        self.cut_all()

    def _accept(self):
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _shut(client)
                continue
            with self._mutex:
                self._open += [client, server]
                self.connections += 1
            threading.Thread(target=self._pump, args=(client, server, "sent"), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, "answered"), daemon=True).start()

    def _pump(self, source, target, way):
        messages = _Messages() if way == "sent" else None
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                while self.frozen.is_set() and not self._closing:
                    self.frozen_wait()
                allowed = self._allowed(way, len(data))
                if messages is not None:
                    # Before it goes on: whoever has the answer finds it counted.
                    found = messages.syncs_in(data[:allowed])
                    with self._mutex:
                        self.syncs += found
                target.sendall(data[:allowed])
                if allowed < len(data):
                    break
        _shut(source)
        _shut(target)

    def frozen_wait(self):
        threading.Event().wait(0.05)

    def _allowed(self, way, size):
        with self._mutex:
            self.passed[way] += size
            if self._cut is None or self._cut[way] is None:
                return size
            left = self._cut[way]
            if size <= left:
                self._cut[way] = left - size
                return size
            self._cut = None
            self.cuts[way] += 1
            return left


class _Messages:
    """Finds the Sync messages in what a client sends."""

    def __init__(self):
        self._data = b""
        self._started = False

    def syncs_in(self, data):
        self._data += data
        found = 0
        while len(self._data) >= 5:
            if not self._started:
                size = int.from_bytes(self._data[:4])
                # Requests for encryption are eight bytes long and are followed by the true beginning.
                if len(self._data) < size:
                    break
                self._started = size != 8
                self._data = self._data[size:]
                continue
            size = 1 + int.from_bytes(self._data[1:5])
            if len(self._data) < size:
                break
            found += self._data[:1] == b"S"
            self._data = self._data[size:]
        return found


def _shut(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
