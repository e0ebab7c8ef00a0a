"""Syncs of several files that run side by side while one thread waits for all of them.

A thread for each sync has to take the interpreter again when its sync is done, one after the other; with sixteen files
that cost more than the syncs. Linux takes them all in one call and tells of all in another: io_submit(2) with
IOCB_CMD_FDSYNC or IOCB_CMD_FSYNC, which the kernel's own workers do as they do fdatasync and fsync. Elsewhere, and where a sandbox
forbids these calls, nothing is done here, and the caller does it.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

MOST: Final = 64
"""So many files are synced at once."""

_FSYNC: Final = 2
_FDSYNC: Final = 3
_CALLS: Final = {"x86_64": (206, 209, 208), "aarch64": (0, 2, 4)}
"""The numbers of io_setup, io_submit and io_getevents in the kernel's tables of system calls."""

_LATER: Final = (errno.EAGAIN, errno.ENOMEM)
"""Why there may be no queue now, though there may be one later: the system's bound, fs.aio-max-nr, is reached."""


def usable() -> bool:
    """Whether syncs can run side by side here, as far as is known without trying."""
    return _queues.usable


def sync(fds: Sequence[int], *, names: bool = False) -> list[OSError | None]:
    """What came of syncing the first of these files (each its error or None), as many as the system took: often all.

    With `names`, as fsync does, which folders need; else as fdatasync does.
    """
    queue = _queues.take()
    if queue is None:
        return []
    found, known = queue.sync(fds[:MOST], _FSYNC if names else _FDSYNC)
    # A queue in which something may still be under way is not used again.
    if known:
        _queues.give_back(queue)
    return found


class _Queue:
    """A queue of the kernel's, and the memory through which we talk with it. Used by one thread at a time."""

    def __init__(self, call: Callable[..., int], numbers: tuple[int, int, int]) -> None:
        """Ask the kernel for a queue.

        Raises:
            OSError: there is none to be had.
        """
        import ctypes

        request, event = _shapes(ctypes)
        self._ctypes = ctypes
        self._call = call
        self._submit, self._get = (ctypes.c_long(number) for number in numbers[1:])
        self._requests = (request * MOST)()
        self._places = (ctypes.c_void_p * MOST)()
        for number in range(MOST):
            self._places[number] = ctypes.addressof(self._requests) + number * ctypes.sizeof(request)
        self._events = (event * MOST)()
        self._id = ctypes.c_ulong(0)
        if call(ctypes.c_long(numbers[0]), ctypes.c_long(MOST), ctypes.byref(self._id)) < 0:
            raise OSError(ctypes.get_errno(), "io_setup")

    def sync(self, fds: Sequence[int], operation: int) -> tuple[list[OSError | None], bool]:
        """What came of each sync that the kernel took, and whether all of those are known to have ended."""
        for number, fd in enumerate(fds):
            request = self._requests[number]
            request.opcode, request.fd, request.data = operation, fd, number
        ctypes = self._ctypes
        taken = 0
        while taken < len(fds):
            rest = ctypes.byref(self._places, taken * ctypes.sizeof(ctypes.c_void_p))
            count = self._call(self._submit, self._id, ctypes.c_long(len(fds) - taken), rest)
            if count <= 0:
                break
            taken += count
        found: list[OSError | None] = [None] * taken
        waiting = taken
        while waiting:
            many = ctypes.c_long(waiting)
            count = self._call(self._get, self._id, many, many, self._events, None)
            if count < 0:
                number = ctypes.get_errno()
                if number != errno.EINTR:
                    return [OSError(number, os.strerror(number))] * taken, False
                continue
            for place in range(count):
                event = self._events[place]
                if event.result:
                    found[event.data] = OSError(-event.result, os.strerror(-event.result))
            waiting -= count
        return found, True


def _shapes(ctypes: Any) -> tuple[Any, Any]:
    """What linux/aio_abi.h calls struct iocb and struct io_event, where the low byte comes first."""
    u16, u32, u64, i64 = ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64

    class Request(ctypes.Structure):
        _fields_ = (
            ("data", u64), ("key", u32), ("flags", u32), ("opcode", u16), ("priority", ctypes.c_int16), ("fd", u32),
            ("buffer", u64), ("size", u64), ("offset", i64), ("reserved", u64), ("options", u32), ("bell", u32),
        )  # fmt: skip

    class Event(ctypes.Structure):
        _fields_ = (("data", u64), ("request", u64), ("result", i64), ("more", i64))

    return Request, Event


class _Queues:
    """The queues of this process: as many as were ever used at a time."""

    def __init__(self) -> None:
        """Have none. A forked child begins like this, too: its parent's are not its own."""
        self._mutex = threading.Lock()
        self._free: list[_Queue] = []
        self._numbers = _CALLS.get(os.uname().machine) if _is_known() else None

    @property
    def usable(self) -> bool:
        return self._numbers is not None

    def take(self) -> _Queue | None:
        """A queue for this thread; None if there is none."""
        with self._mutex:
            if self._free:
                return self._free.pop()
        if self._numbers is None:
            return None
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syscall
        call.restype = ctypes.c_long
        try:
            return _Queue(call, self._numbers)
        except OSError as error:
            if error.errno not in _LATER:
                self._numbers = None
            return None

    def give_back(self, queue: _Queue) -> None:
        with self._mutex:
            self._free.append(queue)


def _is_known() -> bool:
    return sys.platform == "linux" and sys.byteorder == "little" and sys.maxsize > 2**32


_queues: Final = _Queues()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_queues.__init__)
