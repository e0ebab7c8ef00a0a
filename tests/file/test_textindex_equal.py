"""Whatever happens to the sessions, the text index finds what looking at every entry finds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansard.backends.file import FileBackend, textsearch
from hansard.backends.file.textindex import TextIndex
from hansard.backends.memory import MemoryBackend
from hansard.query import EVERYTHING
from hansard.testing.driver import Driver, ManualClock
from support.searches import BEGINNING, QUERIES, STEP, do, pages


@pytest.mark.parametrize("limit", [2, 100])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    steps=st.lists(STEP, min_size=4, max_size=12),
    chosen=st.lists(st.sampled_from(QUERIES), min_size=14, max_size=14, unique=True),
)
def test_the_index_finds_what_looking_at_every_entry_finds(limit, steps, chosen):
    # With few hits a page, candidates come in small steps, too, as they do in large stores.
    step = 3 if limit == 2 else textsearch.STEP_MAX
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(textsearch, "FIRST_STEP", 1),
        mock.patch.object(textsearch, "STEP_MAX", step),
    ):
        root = Path(folder) / "store"
        clock = ManualClock()
        file, memory = (
            Driver(lambda clock: FileBackend(root, clock=clock), clock),
            Driver(lambda clock: MemoryBackend(clock=clock), clock),
        )
        index = TextIndex(root, file.backend._core, file.backend._mirror.indexer)
        for step in [*BEGINNING, *steps]:
            clock.advance(seconds=0.25)
            for drive in (file, memory):
                do(drive, step)
            if step[0] == "search":
                assert pages(index.search, step[1], limit=limit) == pages(memory.backend.search, step[1], limit=limit)
        there = [info.id for info in memory.backend.find(EVERYTHING, order="id", limit=9, cursor=None)]
        for query in chosen:
            for asked in ({}, {"order": "rank"}, *({"session": session} for session in there)):
                expected = pages(memory.backend.search, query, limit=limit, **asked)
                assert pages(index.search, query, limit=limit, **asked) == expected, (query, asked)
        index.close()
        for drive in (file, memory):
            drive.close()
