from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import hansard
from hansard import Invalid, NotFound
from hansard.opening import _parse


@pytest.mark.parametrize(
    ("url", "root", "unsafe"),
    [
        ("/a/b", "/a/b", False),
        (Path("/a/b"), "/a/b", False),
        ("file:/a/b", "/a/b", False),
        ("file:///a/b%20c", "/a/b c", False),
        ("file://localhost/a", "/a", False),
        ("file:///a?shared=unsafe", "/a", True),
        ("file:/a?shared=unsafe", "/a", True),
        ("/a?b", "/a?b", False),
        ("relative", str(Path.cwd() / "relative"), False),
        ("file:relative", str(Path.cwd() / "relative"), False),
        ("~/x", str(Path("~/x").expanduser()), False),
        ("memory:", None, False),
        ("memory://", None, False),
    ],
)
def test_a_url_names_a_place(url, root, unsafe):
    place = _parse(url)
    assert (place.root and str(place.root), place.shared_unsafe) == (root, unsafe)


@pytest.mark.parametrize(
    ("url", "error", "why"),
    [
        ("", Invalid, "memory:"),
        (5, Invalid, "folder"),
        ("memory:name", Invalid, "no name"),
        ("sqlite:///x", Invalid, "sqlite"),
        ("file://host/a", Invalid, "three slashes"),
        ("file:///a?cache=1", Invalid, "shared=unsafe"),
        ("a\0b", Invalid, "no folder"),
    ],
)
def test_what_is_no_place_is_refused_and_no_password_is_shown(url, error, why):
    with pytest.raises(error, match=why) as caught:
        hansard.open(url)
    assert "secret" not in str(caught.value)


def test_the_environment_names_the_store_where_none_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HANSARD_STORE", str(tmp_path / "there"))
    with hansard.open() as store:
        assert store.backend_name == "file"
        store.create(id="s")
    assert (tmp_path / "there" / "hansard.json").exists()
    monkeypatch.setenv("HANSARD_STORE", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with hansard.open():
        assert (tmp_path / "home" / ".hansard" / "hansard.json").exists()


def test_a_store_that_is_not_there_is_not_made_for_readers(tmp_path):
    with pytest.raises(NotFound):
        hansard.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    with pytest.raises(NotFound):
        hansard.open("memory:", create=False)
    hansard.open(tmp_path / "none").close()
    with hansard.open(tmp_path / "none", create=False) as store:
        assert len(store.find()) == 0


def test_two_stores_of_one_folder_one_closed_midway(tmp_path):
    first = hansard.open(tmp_path)
    first.create(id="s").append(hansard.user("a"))
    with hansard.open(tmp_path) as second:
        first.get("s").append(hansard.user("b"))
        first.close()
        second.get("s").append(hansard.user("c"))
        assert [message.text for message in second.get("s").history()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "clock",
    [lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: 1_767_225_600.0, lambda: 1_767_225_600_000_000],
)
def test_a_clock_may_give_datetimes_seconds_or_microseconds(clock):
    with hansard.open("memory:", clock=clock) as store:
        assert store.create().info.created_at == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("clock", [5, lambda: "noon?", lambda: None])
def test_what_is_no_clock_is_refused(clock):
    with pytest.raises(Invalid, match="clock"):
        hansard.open("memory:", clock=clock)


def test_every_public_name_is_there_once_and_says_what_it_is():
    assert len(hansard.__all__) == len(set(hansard.__all__))
    for name in hansard.__all__:
        value = getattr(hansard, name)
        assert name in ("ANY", "KEEP", "__version__") or value.__doc__, name
    assert set(hansard.__all__) <= set(dir(hansard))
    with pytest.raises(AttributeError, match="nothing"):
        _ = hansard.nothing


def test_every_public_member_has_a_docstring():
    for kind in (hansard.Store, hansard.Session, hansard.LeaseHandle, hansard.Draft):
        for name in dir(kind):
            if not name.startswith("_"):
                assert getattr(kind, name).__doc__, f"{kind.__name__}.{name}"


def test_import_pulls_in_nothing_heavy():
    script = "import sys, hansard; print(*sorted(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    ).stdout
    loaded = {name.partition(".")[0] for name in out.split()}
    assert loaded.isdisjoint(
        {"anyio", "asyncio", "trio", "apsw", "sqlite3", "click", "rich", "msgspec", "pytest", "html"}
    )


def test_a_path_that_is_not_utf_8_is_refused_and_nothing_is_made(tmp_path):
    for place in (tmp_path / "x\udcff" / "store", str(tmp_path / "x\udcff")):
        with pytest.raises(Invalid, match="UTF-8"):
            hansard.open(place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("now", [10**18, -(10**18), 10**400, 1e30, float("inf")])
def test_a_clock_outside_the_years_of_times_is_invalid_where_the_store_is_opened(now):
    with pytest.raises(Invalid, match=r"clock: .* years 1 to 9999|clock: .* is no time"):
        hansard.open("memory:", clock=lambda: now)


def test_a_clock_that_goes_beyond_the_year_9999_later_is_invalid_and_nothing_is_written(tmp_path):
    now = [10**15]
    for place in ("memory:", tmp_path / "store"):
        now[0] = 10**15
        with hansard.open(place, clock=lambda: now[0]) as store:
            session = store.create()
            now[0] = 10**18
            for call in (
                store.create,
                session.fork,
                lambda session=session: session.append(hansard.user("a")),
                lambda session=session: session.lease("worker", ttl_s=1),
                lambda session=session: session.attach(b"bytes"),
                lambda store=store: store.documents.save("a", "text"),
            ):
                with pytest.raises(Invalid, match="years 1 to 9999"):
                    call()
            now[0] = 10**15
            assert session.append(hansard.user("a")) == 2
            assert [one for one in store.check() if one.severity == "damage"] == []


def test_a_clock_of_the_last_year_is_one(tmp_path):
    with hansard.open(tmp_path, clock=lambda: datetime(9999, 12, 31, 23, tzinfo=UTC)) as store:
        session = store.create(entries=[hansard.user("a")])
        assert session.attach(b"bytes").size == 5
        assert session.info.created_at.startswith("9999-12-31T23")
        assert [info.id for info in store.find(updated_since="9999-12-31")] == [session.id]
        assert store.check() == []
