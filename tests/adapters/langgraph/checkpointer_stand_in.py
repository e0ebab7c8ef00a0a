"""Puts HansardSaver where LangGraph's own tests take their checkpointer in memory from."""

from __future__ import annotations

import contextlib
import os

os.environ.setdefault("NO_DOCKER", "true")

import tests.conftest as fixtures
import tests.conftest_checkpointer as checkpointers

from hansard.adapters.langgraph import HansardSaver


@contextlib.contextmanager
def in_hansard():
    with HansardSaver("memory:") as saver:
        yield saver


for module in (checkpointers, fixtures):
    module._checkpointer_memory = in_hansard
