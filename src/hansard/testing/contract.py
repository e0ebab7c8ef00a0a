"""The contract suite: subclass it, give two fixtures, and every guarantee of `hansard.backend` is tested on your backend."""

# ruff: noqa: D102 - fixtures are described by what they yield
from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from ..backend import Backend
from ..store import SnapshotStore, Store
from .doors import snapshots_through_async, through_async
from .driver import Driver, MakeBackend, ManualClock
from .suites import (
    acting,
    appending,
    awaiting,
    backing,
    branching,
    combining,
    creating,
    damaging,
    documenting,
    erasing,
    finding,
    forking,
    housekeeping,
    keeping,
    originals,
    overseeing,
    retaining,
    retrying,
    sheafing,
    shelving,
    snapshotting,
    storing,
    valuing,
    working,
)


class BackendContract(
    creating.Creating,
    creating.Reusing,
    creating.Numbering,
    creating.Spawning,
    appending.Appending,
    appending.Times,
    appending.Submitting,
    appending.Threads,
    retrying.Retrying,
    retrying.Expecting,
    retrying.Leasing,
    branching.Branching,
    branching.Amending,
    branching.Compacting,
    branching.Folding,
    forking.Forking,
    forking.Orphaning,
    forking.NotForking,
    erasing.Erasing,
    erasing.ErasingInForks,
    erasing.NotErasing,
    erasing.Deleting,
    valuing.Valuing,
    finding.Finding,
    finding.Searching,
    finding.NotSearching,
    keeping.Reading,
    keeping.Living,
    keeping.Attaching,
    keeping.NotAttaching,
    keeping.Copying,
    damaging.Damaging,
    damaging.Tearing,
    storing.Storing,
    snapshotting.Snapshotting,
    snapshotting.Comparing,
    snapshotting.Picturing,
    acting.Asking,
    acting.Clearing,
    acting.Stepping,
    overseeing.Filtering,
    overseeing.Entitling,
    overseeing.Owning,
    overseeing.Spending,
    overseeing.Following,
    retaining.Cleaning,
    retaining.Pruning,
    retaining.PruningBehindSaves,
    working.Running,
    working.Redacting,
    working.Saving,
    backing.Backing,
    originals.OfBamboo,
    originals.OfOxios,
    originals.OfCrabtalk,
    originals.OfA3sCode,
    awaiting.Renewing,
    awaiting.Awaiting,
    documenting.Documenting,
    documenting.Versioning,
    documenting.CommittingTogether,
    documenting.NotDocumenting,
    sheafing.Sheafing,
    sheafing.Enclosing,
    shelving.Filing,
    shelving.Appending,
    combining.Combining,
    combining.NotCombining,
    shelving.Archiving,
    shelving.Presiding,
    housekeeping.Guarding,
    housekeeping.Collecting,
    housekeeping.Resetting,
    housekeeping.Tenanting,
    housekeeping.NotTenanting,
):
    """Every guarantee of the contract as a test.

    A subclass whose name begins with `Test` gives two fixtures:

    - `make_backend`: a function that takes a clock and opens the backend. Called again within one test it opens the
      same medium, if the backend is persistent. Each test has a medium of its own, empty at first.
    - `backdoor`: a `Backdoor`, the way to stored bytes past the backend. It may ask for the fixture `backend`.

    Tests that go through `Store` run twice, the second time through `hansard.aio`.

    Tests of a capability run where it is declared, and tests of its refusal where it is not.
    """

    @pytest.fixture
    def make_backend(self) -> MakeBackend:
        msg = f"{type(self).__name__} gives a fixture `make_backend`: clock -> Backend"
        raise pytest.UsageError(msg)

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def drive(self, make_backend: MakeBackend, clock: ManualClock, request: pytest.FixtureRequest) -> Iterator[Driver]:
        with contextlib.closing(Driver(make_backend, clock)) as drive:
            capability, declared = getattr(request.function, "capability", ("", False))
            if drive.has(capability) != declared:
                pytest.skip(
                    f"{drive.backend.name} {'declares' if declared is False else 'does not declare'} {capability!r}"
                )
            yield drive

    @pytest.fixture
    def backend(self, drive: Driver) -> Backend:
        return drive.backend

    @pytest.fixture(params=["sync", "async"])
    def store(self, drive: Driver, request: pytest.FixtureRequest) -> Iterator[Store]:
        store = Store(drive.backend, clock=drive.clock)
        if request.param == "sync":
            yield store
            return
        with through_async(store) as twin:
            yield twin

    @pytest.fixture(params=["sync", "async"])
    def snapshots(self, drive: Driver, request: pytest.FixtureRequest) -> Iterator[SnapshotStore]:
        store = Store(drive.backend, clock=drive.clock)
        if request.param == "sync":
            yield SnapshotStore(store)
            return
        with snapshots_through_async(store) as twin:
            yield twin
