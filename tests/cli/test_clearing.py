from __future__ import annotations

import json
import os
import time

import pytest

import hansard


@pytest.fixture
def stale(store, session):
    """An attachment that nothing names, from two hours ago."""
    kept = session.attach(b"picture", record=False)
    (path,) = store._place.backend.layout.sessions.glob(f"*/attachments/{kept.sha256}.*")
    os.utime(path, (time.time() - 7200, time.time() - 7200))
    return kept.sha256


@pytest.mark.in_a_folder
def test_gc_says_what_would_go_and_then_takes_it(run, session, stale):
    assert stale in run("gc", "--dry-run").stdout
    assert json.loads(run("gc", "-o", "json").stdout)["removed"][0]["name"] == stale
    assert run("gc").stdout == ""


def test_reset_without_yes_does_nothing(run, store, session):
    assert "--yes" in run("reset", code=2).stderr
    assert "--yes" in run("reset", "--force", code=2).stderr
    assert store.exists(session.id)


def test_reset_removes_everything(run, store, session):
    store.documents.save("x", "text")
    run("reset", "--yes")
    assert not store.exists(session.id)
    assert store.documents.list() == ()
    assert json.loads(run("reset", "--yes", "-o", "json").stdout) == {"removed": 0}


def test_reset_spares_what_is_protected_unless_forced(run, store, session):
    session.update(pinned=True)
    assert "pinned" in run("reset", "--yes", code=4).stderr
    assert store.exists(session.id)
    run("reset", "--yes", "--force")
    assert not store.exists(session.id)


def test_reset_of_a_store_that_is_not_there_makes_none(run, home):
    run("--store", home / "nowhere", "reset", "--yes", code=3)
    assert not (home / "nowhere").exists()


@pytest.mark.in_a_folder
def test_a_tenant_is_a_store_of_its_own(run, store, session, monkeypatch):
    with hansard.open(store._place.backend.layout.root, tenant="acme") as tenant:
        tenant.create(id="theirs", entries=[hansard.user("hello")])
    assert run("--tenant", "acme", "ls", "-o", "id").stdout.split() == ["theirs"]
    assert "theirs" not in run("ls", "-o", "id").stdout
    run("--tenant", "acme", "show", session.id, code=3)
    run("--tenant", "nobody", "ls", code=3)
    run("--tenant", "..", "ls", code=3)
    monkeypatch.setenv("HANSARD_TENANT", "acme")
    assert run("ls", "-o", "id").stdout.split() == ["theirs"]
