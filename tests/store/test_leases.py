from __future__ import annotations

import pytest

import hansard
from hansard import Conflict, Invalid, LeaseLost


def test_a_lease_fences_out_whoever_held_one_before(session, clock):
    old = session.lease("a", ttl_s=10)
    session.append(hansard.user("mine"), lease=old)
    clock.advance(11)
    new = session.lease("b", ttl_s=10)
    assert (old.fence, new.fence, new.owner) == (1, 2, "b")
    with pytest.raises(LeaseLost, match="lease 1"):
        session.append(hansard.user("late"), lease=old)
    session.append(hansard.user("mine now"), lease=new.fence)
    assert (old.held, new.held) == (False, True)
    with pytest.raises(LeaseLost):
        old.renew()
    assert not old.release()
    assert new.release()


def test_nobody_else_takes_a_lease_that_is_held(session, clock):
    held = session.lease("a", ttl_s=10)
    with pytest.raises(Conflict, match="'a'"):
        session.lease("b")
    clock.advance(9)
    session.append(hansard.user("alive"), lease=held)
    clock.advance(9)
    with pytest.raises(Conflict):
        session.lease("b")
    assert session.lease("a").fence == 2


@pytest.mark.parametrize("verb", ["lease", "renew", "append"])
def test_a_clock_that_was_years_ahead_for_a_moment_locks_nobody_out(session, clock, verb):
    lease = session.lease("a", ttl_s=10)
    clock.advance(100 * 366 * 86_400)
    if verb == "lease":
        lease = session.lease("a", ttl_s=10)
    elif verb == "renew":
        lease.renew()
    else:
        session.append(hansard.user("in another century"))
    clock.advance(-100 * 366 * 86_400)
    with session.lease("b", ttl_s=10) as new:
        assert session.append(hansard.user("goes on"), lease=new) == session.seq
        with pytest.raises(LeaseLost):
            session.append(hansard.user("late"), lease=lease)
    assert session.lease("c").fence == new.fence + 1


def test_a_clock_that_is_hours_behind_takes_no_lease_away(session, clock):
    session.lease("a", ttl_s=10)
    clock.advance(-23 * 3_600)
    with pytest.raises(Conflict, match="'a'"):
        session.lease("b")


def test_a_released_lease_is_free_and_its_number_is_not_used_again(session):
    with session.lease("a") as lease:
        assert session.info.lease.owner == "a"
    assert session.info.lease.released
    with pytest.raises(LeaseLost):
        session.append(hansard.user("late"), lease=lease)
    assert session.lease("b").fence == 2


def test_renewing_keeps_a_lease_with_its_fence_and_writes_no_entry(session, clock):
    lease = session.lease("a", ttl_s=10)
    seq = session.seq
    clock.advance(9)
    lease.renew()
    clock.advance(9)
    with pytest.raises(Conflict):
        session.lease("b")
    with pytest.raises(Conflict, match="leased"):
        session.delete()
    assert (session.seq, lease.fence, session.append(hansard.user("mine"), lease=lease)) == (seq, 1, seq + 1)
    clock.advance(10)
    assert session.lease("b").fence == 2


def test_expect_is_met_though_a_lease_came_between(session):
    seq = session.append(hansard.user("a"))
    lease = session.lease("a")
    session.append(hansard.user("b"), expect=seq, lease=lease)


def test_a_leased_session_is_deleted_only_by_force(session):
    lease = session.lease("a")
    with pytest.raises(Conflict, match="leased"):
        session.delete()
    lease.release()
    assert session.delete()


@pytest.mark.parametrize(
    ("owner", "ttl_s"), [("", 1), (5, 1), ("a", 0), ("a", -1), ("a", True), ("a", float("inf")), ("a", "1")]
)
def test_owner_and_time_must_make_sense(session, owner, ttl_s):
    with pytest.raises(Invalid):
        session.lease(owner, ttl_s)


def test_something_that_is_no_lease_is_refused(session):
    with pytest.raises(Invalid, match="lease"):
        session.append(hansard.user("a"), lease="one")
