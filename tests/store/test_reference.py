from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import hansard
from hansard import aio
from hansard.store.filters import Filters

API = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


@pytest.fixture(scope="module")
def page():
    return API.read_text(encoding="utf-8")


def test_every_public_name_has_its_line(page):
    for name in (*hansard.__all__, *aio.__all__):
        assert re.search(rf"`{name}\b", page) or name in ("aio", "Opening"), name


@pytest.mark.parametrize("kind", [hansard.Store, hansard.Session, hansard.LeaseHandle])
def test_every_method_has_its_line_with_its_parameters(page, kind):
    for name in dir(kind):
        if name.startswith("_"):
            continue
        assert re.search(rf"\b{name}\b", page), name
        member = inspect.getattr_static(kind, name)
        if not inspect.isfunction(member):
            continue
        wanted = set(list(inspect.signature(member).parameters)[1:])
        shown = re.findall(rf"`{name}\(([^`]*)\)`", page)
        assert any("…" in text or wanted <= set(re.findall(r"\w+", text)) for text in shown), f"{kind.__name__}.{name}"


def test_every_filter_is_named(page):
    for name in Filters.__annotations__:
        assert re.search(rf"\b{name}\b", page), name


def test_the_examples_run(page, capsys):
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    for number, block in enumerate(blocks):
        exec(compile(block, f"{API.name}, example {number + 1}", "exec"), {"__name__": "__main__"})
