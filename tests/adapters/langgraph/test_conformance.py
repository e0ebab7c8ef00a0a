from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")
kit = pytest.importorskip(
    "langgraph.checkpoint.conformance",
    reason="the kit is not installed: pip install langgraph-checkpoint-conformance",
    exc_type=ImportError,
)

from hansard.adapters.langgraph import HansardSaver
from support.adapters import BACKENDS, empty_stores

CAPABILITIES = {"put": 17, "put_writes": 10, "get_tuple": 10, "list": 16, "delete_thread": 5}
EXTENDED = {"delete_for_runs": 7, "copy_thread": 8, "prune": 8}


@pytest.mark.parametrize("backend", BACKENDS)
def test_langgraphs_own_kit_passes_with_every_capability(backend, tmp_path):
    with empty_stores(backend, tmp_path) as empty:

        @kit.checkpointer_test(name="hansard")
        async def ours():
            yield HansardSaver(empty())

        report = asyncio.run(kit.validate(ours))
    results = report.to_dict()["results"]
    assert report.passed_all()
    for name, least in {**CAPABILITIES, **EXTENDED}.items():
        assert results[name]["detected"], name
        assert results[name]["tests_passed"] >= least
        assert not results[name]["tests_skipped"]
