from __future__ import annotations

import inspect

import pytest

import hansard
from hansard import aio

DOORS = [
    (hansard.Store, aio.AsyncStore),
    (hansard.Session, aio.AsyncSession),
    (hansard.LeaseHandle, aio.AsyncLease),
    (hansard.SnapshotStore, aio.AsyncSnapshotStore),
    (hansard.RunHandle, aio.AsyncRun),
    (hansard.Documents, aio.AsyncDocuments),
]


def names(kind):
    return {name for name in dir(kind) if not name.startswith("_")} | ({"id"} if "Session" in kind.__name__ else set())


@pytest.mark.parametrize(("sync", "twin"), DOORS)
def test_both_doors_have_the_same_names(sync, twin):
    extra = {"owner"} if sync is hansard.LeaseHandle else set()
    assert names(twin) - extra == names(sync) - extra


@pytest.mark.parametrize(("sync", "twin"), DOORS)
def test_both_doors_take_the_same_parameters_and_say_the_same(sync, twin):
    for name in names(sync) - {"id", "owner"}:
        ours, theirs = getattr(twin, name), getattr(sync, name)
        if isinstance(theirs, property):
            if not isinstance(ours, property):
                assert list(inspect.signature(ours).parameters) == ["self"], name
            continue
        given = [(p.name, p.kind, p.default) for p in inspect.signature(ours).parameters.values()]
        asked = [(p.name, p.kind, p.default) for p in inspect.signature(theirs).parameters.values()]
        assert given == asked, name
        assert ours.__doc__, name


def test_open_takes_the_same_parameters_at_both_doors():
    assert (
        str(inspect.signature(aio.open)).partition(" ->")[0] == str(inspect.signature(hansard.open)).partition(" ->")[0]
    )
