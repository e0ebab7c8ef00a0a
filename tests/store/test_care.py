from __future__ import annotations

import json

import pytest

import hansard
from hansard import Invalid, NotFound, Unavailable
from support import places


def test_a_sound_store_has_no_damage(store, session):
    session.append(hansard.user("a"))
    assert store.check() == store.check("s") == store.check(session) == []
    with pytest.raises(NotFound):
        store.check("none")


def test_heads_show_what_was_cut_replaced_or_is_gone(store, session):
    for number in range(3):
        session.append(hansard.user(f"m{number}"))
    store.create(id="t")
    heads = json.loads(json.dumps(store.heads()))
    assert heads["s"] == [4, session.info.hash]
    session.append(hansard.user("later"))
    assert store.check(heads=heads) == []
    store.delete("t")
    longer = {**heads, "s": [9, heads["s"][1]]}
    found = {finding.session: finding.message for finding in store.check(heads=longer)}
    assert "was cut" in found["s"]
    assert "gone" in found["t"]
    other = {"s": [4, "0" * 64]}
    (finding,) = store.check("s", heads=other)
    assert (finding.severity, "chained anew" in finding.message) == ("damage", True)
    assert store.check("s", heads={"t": heads["t"]}) == []
    for wrong in ([], {"s": 5}, {"s": ["1", "x"]}):
        with pytest.raises(Invalid):
            store.check(heads=wrong)


def test_erase_clears_content_for_good_and_says_what_it_did(session):
    session.append([hansard.user("secret word"), hansard.user("b")])
    erasure = session.erase(2, reason="asked for", by="ana")
    assert erasure.seqs == (2,)
    entry = session.entry(2)
    assert (entry.erased, entry.body) == (True, None)
    assert [message.text for message in session.history()] == ["b"]
    assert session.last()[0].body == {"seqs": [2], "by": "ana", "reason": "asked for"}


@pytest.mark.parametrize("seqs", [[], [99], [1], ["2"], [True], "2"])
def test_what_can_not_be_erased_is_refused(session, seqs):
    session.append(hansard.user("a"))
    with pytest.raises(Invalid):
        session.erase(seqs)


def test_reindex_and_health(store, session):
    session.append(hansard.user("findable"))
    store.reindex(lambda what, done, total: None)
    assert [hit.session for hit in store.search("findable")] == ["s"]
    health = store.health()
    assert (health.ok, health.backend) == (True, store.backend_name)


def test_a_closed_store_is_unavailable_and_closing_again_is_fine(open_store):
    with open_store() as store:
        session = store.create()
    store.close()
    for call in (
        store.create,
        lambda: session.info,
        lambda: session.append(hansard.user("a")),
        store.health,
        store.heads,
    ):
        with pytest.raises(Unavailable, match="closed"):
            call()
    assert store.backend_name in places.KINDS
    assert "fork" in store.capabilities


def test_a_backend_without_a_capability_is_unsupported(monkeypatch, store, session):
    monkeypatch.setattr(store._place._backend, "capabilities", frozenset(), raising=False)
    for call in (
        lambda: store.search("a"), session.fork, lambda: session.attach(b"x"), lambda: session.erase(1),
    ):  # fmt: skip
        with pytest.raises(hansard.Unsupported, match="capability"):
            call()
    url = "data:image/png;base64," + "A" * 2000
    session.append(hansard.user([{"type": "file", "url": url}]))
    assert session.entry(2).body["parts"][0]["url"] == url


@pytest.mark.parametrize("age", [float("inf"), float("nan"), 10**400, 0, -1, True])
def test_a_policy_takes_no_age_that_is_none(age):
    with pytest.raises(Invalid, match="max_age"):
        hansard.RetentionPolicy(max_age=age)


def test_a_policy_of_ages_removes_nothing_if_nothing_can_be_so_old(store):
    store.create(id="s", entries=[hansard.user("stay")])
    for more in ({}, {"max_sessions": 9}):
        assert store.prune(hansard.RetentionPolicy(max_age=1e300, cooldown_s=0, **more)).deleted == ()


@pytest.mark.parametrize("age", [float("inf"), float("nan"), 0])
def test_no_run_is_trimmed_by_an_age_that_is_none(store, age):
    with pytest.raises(Invalid, match="max_age_s"):
        store.trim_runs(max_age_s=age)


def test_no_run_is_so_old_that_it_is_trimmed(store):
    with store.create(id="s").run(id="r"):
        pass
    assert store.trim_runs(max_age_s=1e300) == []
