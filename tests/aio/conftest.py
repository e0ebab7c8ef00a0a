"""Each test of this folder runs under asyncio and under trio."""

from __future__ import annotations

import pytest

from support import places


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=places.KINDS)
def url(request, tmp_path):
    return places.place_of(request.param, tmp_path)
