"""What waiting and renewing guarantee: growth is noticed at once, and staying alive writes nothing."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import threading
import time

import pytest

from ...errors import LeaseLost, NotFound, Unavailable
from ...model.entry import user
from ..driver import Driver, promptly, together


class Renewing:
    """A lease is renewed beside the log."""

    def test_a_renewal_is_told_by_info_and_writes_no_entry(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        before = drive.log("s")
        drive.clock.advance(seconds=30)
        drive.backend.renew("s", 1)
        info = drive.backend.info("s")
        assert info.lease is not None
        assert (info.lease.renewed_us, info.lease.fence, info.seq) == (drive.clock(), 1, 2)
        assert drive.log("s") == before

    def test_only_the_newest_lease_that_is_held_can_be_renewed(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(LeaseLost):
            drive.backend.renew("s", 1)
        drive.lease("s", 1)
        drive.lease("s", 2)
        for fence in (1, 3, 0):
            with pytest.raises(LeaseLost):
                drive.backend.renew("s", fence)
        drive.backend.renew("s", 2)
        drive.lease("s", 2, released=True)
        with pytest.raises(LeaseLost):
            drive.backend.renew("s", 2)

    def test_a_renewal_does_not_outlive_its_lease(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        drive.backend.renew("s", 1)
        drive.lease("s", 2)
        info = drive.backend.info("s")
        assert info.lease is not None
        assert (info.lease.fence, info.lease.renewed_us) == (2, 0)

    def test_a_lease_of_a_missing_session_is_not_found(self, drive: Driver) -> None:
        with pytest.raises(NotFound):
            drive.backend.renew("nobody", 1)

    def test_a_renewal_never_comes_between_a_writer_and_what_it_expects(self, drive: Driver) -> None:
        drive.new("s")
        seq = drive.lease("s", 1).seq
        drive.backend.renew("s", 1)
        assert drive.append("s", user("two"), expect=seq, fence=1).seq == seq + 1


class Awaiting:
    """Whoever waits for a session to grow is woken."""

    def test_what_is_there_already_is_told_at_once(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        assert promptly(lambda: drive.backend.wait("s", after=1, timeout_s=3600)) == 2

    def test_an_append_wakes_whoever_waits(self, drive: Driver) -> None:
        drive.new("s")
        waiting = threading.Event()

        def wait() -> int:
            waiting.set()
            return drive.backend.wait("s", after=1, timeout_s=3600)

        def write() -> int:
            waiting.wait(60)
            return drive.say("s", "two").seq

        assert together(wait, wait, write) == [2, 2, 2]

    def test_an_append_through_another_opening_is_noticed_soon(self, drive: Driver) -> None:
        drive.need("shared")
        drive.new("s")
        other = drive.make(drive.clock)
        times: list[float] = []

        def wait() -> int:
            seq = drive.backend.wait("s", after=1, timeout_s=3600)
            times.append(time.monotonic())
            return seq

        def write() -> int:
            seq = other.append("s", drive.seal([user("two")])).seq
            times.append(time.monotonic())
            return seq

        try:
            assert together(wait, write) == [2, 2]
        finally:
            other.close()
        assert abs(times[1] - times[0]) < 30, "a slow machine aside, 200 ms are promised"

    def test_when_the_time_is_over_the_last_seq_is_told(self, drive: Driver) -> None:
        drive.new("s")
        for timeout_s in (0, -1, 0.01):
            assert drive.backend.wait("s", after=1, timeout_s=timeout_s) == 1

    def test_a_session_that_goes_ends_the_wait(self, drive: Driver) -> None:
        drive.new("s")
        waiting = threading.Event()

        def wait() -> int:
            waiting.set()
            return drive.backend.wait("s", after=1, timeout_s=3600)

        def delete() -> tuple[str, ...]:
            waiting.wait(60)
            return drive.backend.delete("s")

        results = together(wait, delete)
        assert isinstance(results[0], NotFound)

    def test_closing_the_store_ends_the_wait(self, drive: Driver) -> None:
        drive.new("s")
        waiting = threading.Event()

        def wait() -> int:
            waiting.set()
            return drive.backend.wait("s", after=1, timeout_s=3600)

        def close() -> None:
            waiting.wait(60)
            drive.backend.close()

        assert isinstance(together(wait, close)[0], Unavailable)

    def test_waiting_for_a_missing_session_is_not_found(self, drive: Driver) -> None:
        with pytest.raises(NotFound):
            drive.backend.wait("nobody", after=0, timeout_s=3600)
