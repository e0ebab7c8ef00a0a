from __future__ import annotations

import pytest

import hansard


def test_a_copy_takes_the_documents_of_a_session_along(store, session):
    session.append(documents={"plan": "one"})
    with hansard.open("memory:") as other:
        store.copy(session, other)
        assert other.get("s").documents.load("plan") == "one"


def test_documents_are_written_behind_a_redacting_hook_as_they_were_given(tmp_path):
    with hansard.open("memory:", redact=lambda kind, body: body) as store:
        session = store.create()
        session.append(hansard.user("a"), documents={"plan": "one"})
        assert session.documents.load("plan") == "one"


def test_a_tenant_is_opened_by_its_name_or_by_the_url(tmp_path):
    with hansard.open(tmp_path / "store", tenant="acme") as store:
        store.create(id="s")
    with hansard.open(f"file://{tmp_path}/store?tenant=acme", create=False) as store:
        assert store.exists("s")
    with hansard.open(f"{tmp_path}/store?tenant=acme", tenant="acme") as store:
        assert store.exists("s")
    with hansard.open(tmp_path / "store") as store:
        assert not store.exists("s")


def test_two_tenants_at_once_are_refused(tmp_path):
    with pytest.raises(hansard.Invalid, match="globex"):
        hansard.open(f"{tmp_path}/store?tenant=acme", tenant="globex")
    assert not (tmp_path / "store").exists()


def test_a_tenant_that_is_not_there_is_not_made_by_reading(tmp_path):
    hansard.open(tmp_path / "store").close()
    with pytest.raises(hansard.NotFound):
        hansard.open(tmp_path / "store", tenant="acme", create=False)
    assert not (tmp_path / "store" / "tenants" / "acme").exists()
