"""Tests for backends, shipped with the library: a third party runs them on a backend of its own.

Subclass `BackendContract` and give two fixtures; `machine_for` compares a backend with memory step by step; `Faults` and
`DiskFaults` make operations fail. Needs pytest and hypothesis. How to: docs/how-to/write-a-backend.md.
"""

from __future__ import annotations

import pytest

# The suites' asserts say what was compared only if pytest rewrites them, which it must be told before their import.
pytest.register_assert_rewrite("hansard.testing.suites", "hansard.testing.machine.frame")

from .contract import BackendContract  # noqa: E402
from .driver import START_US, Backdoor, Driver, MakeBackend, ManualClock, promptly, together  # noqa: E402
from .faults import DiskFaults, Fault, Faults  # noqa: E402
from .files import FileBackdoor  # noqa: E402
from .machine import BackendMachine, FreshMedium, machine_for  # noqa: E402
from .memory import MemoryBackdoor  # noqa: E402
from .postgres import PostgresBackdoor  # noqa: E402

__all__ = [
    "START_US",
    "Backdoor",
    "BackendContract",
    "BackendMachine",
    "DiskFaults",
    "Driver",
    "Fault",
    "Faults",
    "FileBackdoor",
    "FreshMedium",
    "MakeBackend",
    "ManualClock",
    "MemoryBackdoor",
    "PostgresBackdoor",
    "machine_for",
    "promptly",
    "together",
]
