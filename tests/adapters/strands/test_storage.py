from __future__ import annotations

import asyncio
import os

import pytest

import hansard

pytest.importorskip("strands.storage", reason="Strands Agents is not installed; make test-adapters has it")

from strands.storage.storage import Storage
from strands.types.exceptions import StorageError

from hansard.adapters.strands import HansardStorage
from hansard.adapters.strands_values import Values
from support.places import KINDS, place_of


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    with hansard.open(place_of(request.param, tmp_path)) as store:
        yield store


@pytest.fixture
def storage(store):
    return HansardStorage(store)


def test_it_is_a_storage_of_strands(storage):
    assert isinstance(storage, Storage)


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_bytes_come_back_as_they_were_written(storage, size):
    data = os.urandom(size)
    run(storage.write("a/b.bin", data))
    assert run(storage.read("a/b.bin")) == data
    assert run(storage.read("a//b.bin/")) == data


def test_the_last_write_counts_and_old_values_do_not_pile_up(storage, store):
    values = [os.urandom(5000) for _ in range(40)]
    for value in values:
        run(storage.write("k", value))
    assert run(storage.read("k")) == values[-1]
    [info] = store.sessions(kind="strands-value")
    kept = [entry for entry in store.get(info.id).entries(kinds="event") if not entry.erased]
    assert len(kept) < 20


def test_what_is_deleted_is_gone_and_may_come_again(storage):
    run(storage.write("k", b"1"))
    run(storage.delete("k"))
    run(storage.delete("k"))
    assert run(storage.read("k")) is None
    run(storage.write("k", b"2"))
    assert run(storage.read("k")) == b"2"


def test_keys_are_listed_by_their_beginning(storage, store):
    for key in ("a/1", "a/2", "b", "x" * 600):
        run(storage.write(key, b"v"))
    assert run(storage.list("a/")) == ["a/1", "a/2"]
    assert run(storage.list("")) == ["a/1", "a/2", "b", "x" * 600]
    assert run(storage.namespace("a").list("")) == ["1", "2"]
    assert run(HansardStorage(store, name="other").list("")) == []
    assert list(store.find()) == []


@pytest.mark.parametrize("key", ["", "/", "a/../b", "a\\b"])
def test_keys_that_lead_away_are_refused(storage, key):
    with pytest.raises(StorageError):
        run(storage.write(key, b"v"))


def test_a_store_that_fails_is_a_storage_error(tmp_path):
    storage = HansardStorage(tmp_path / "store")
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        run(storage.read("k"))


def test_a_lost_value_is_told_and_is_not_taken_for_no_value(tmp_path):
    with hansard.open(tmp_path) as place:
        storage = HansardStorage(place)
        asyncio.run(storage.write("a", bytes(5000)))
        for file in tmp_path.glob("sessions/*/attachments/*"):
            file.unlink()
        with pytest.raises(StorageError, match="attachment"):
            asyncio.run(storage.read("a"))


def test_a_value_that_is_replaced_while_it_is_read_is_read_anew(tmp_path, monkeypatch):
    with hansard.open(tmp_path) as place:
        values = Values(place, "n")
        values.write("a", b"1" * 5000)
        read = values._value

        def slow(session, entry):
            monkeypatch.setattr(values, "_value", read)
            values.write("a", b"2" * 5000)
            session.erase(entry.seq)
            return read(session, entry)

        monkeypatch.setattr(values, "_value", slow)
        assert values.read("a") == b"2" * 5000
