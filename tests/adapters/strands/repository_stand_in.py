"""A pytest plug-in: the SDK's own tests, with the classes that they store in replaced by Hansard's.

    python -m pytest -p repository_stand_in tests/strands/session/test_repository_session_manager.py

It is to be run in the unpacked sdist of strands-agents.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile

import strands.storage
import strands.storage.in_memory_storage
import tests.fixtures.mock_session_repository as fixtures

import hansard
from hansard.adapters.strands import HansardSessionRepository, HansardStorage

_stores = {}


class MockedSessionRepository(HansardSessionRepository):
    """HansardSessionRepository with the arguments of the mocked one."""

    def __init__(self):
        super().__init__("memory:")


class InMemoryStorage(HansardStorage):
    """HansardStorage with the arguments of InMemoryStorage, for the tests of it and of what stands on a storage."""

    def __init__(self, *, search_strategy=None):
        super().__init__("memory:", search_strategy=search_strategy)


class LocalFileStorage(HansardStorage):
    """HansardStorage with the arguments of LocalFileStorage; one folder of ours for each of theirs, until the end."""

    def __init__(self, base_dir, *, search_strategy=None):
        if base_dir not in _stores:
            folder = tempfile.mkdtemp()
            _stores[base_dir] = hansard.open(folder)
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            atexit.register(_stores[base_dir].close)
        super().__init__(_stores[base_dir], search_strategy=search_strategy)


fixtures.MockedSessionRepository = MockedSessionRepository
strands.storage.in_memory_storage.InMemoryStorage = InMemoryStorage
strands.storage.InMemoryStorage = InMemoryStorage
strands.storage.LocalFileStorage = LocalFileStorage
