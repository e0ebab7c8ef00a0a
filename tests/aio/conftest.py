"""Each test of this folder runs under asyncio and under trio."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    return "memory:" if request.param == "memory" else tmp_path / "store"
