"""What a URL says: read as libpq reads it, refused in our words, and never shown with a password."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

import hansard
from hansard import opening
from hansard.backends.postgres import Settings
from hansard.cli.root import hansard as program
from hansard.opening import without_password

NOT_ENCODED = [
    "postgresql://u:zq%zzzq@127.0.0.1:1/db",
    "postgresql://u:zq@zq@127.0.0.1:1/db",
    "postgresql://u:zq zq@127.0.0.1:1/db",
    "postgresql://u:zq@[::1/db",
    "postgresql://u:zq@127.0.0.1:1/db%00",
    "postgresql://u:zq@127.0.0.1:1/d\0b",
    "postgresql://u:zq@127.0.0.1:1/d\ud800b",
    "postgresql://u@127.0.0.1:1/db?password=zq%zzzq",
    "postgresql://u@127.0.0.1:1/db?password=a&zq",
    "postgresql://u:zq@127.0.0.1:1/db?tenant=a&tenant=b",
    "postgresql://u:zq@127.0.0.1:1/db?deadline=0",
    "postgresql:u:zq@127.0.0.1",
    "postgresql:/db?password=zq",
]


@pytest.mark.parametrize("url", NOT_ENCODED)
def test_a_url_that_is_not_written_as_it_should_be_is_invalid_and_nothing_of_its_password_is_shown(url):
    with pytest.raises(hansard.Invalid) as caught:
        hansard.open(url)
    assert "zq" not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["pa?ss", "pa#ss", "pa[ss", "pa\u2100ss", "pa:ss", "pa&ss=1", "pa+ss", "pa%2Fss", "pa\nss"]
)
def test_a_password_reaches_libpq_as_it_was_written(password):
    place = opening._place(f"postgresql://u:{password}@127.0.0.1:1/db?deadline=3")
    said = conninfo_to_dict(place.server)
    assert said == {
        "user": "u", "password": password.replace("%2F", "/"), "host": "127.0.0.1", "port": "1", "dbname": "db"
    }  # fmt: skip
    assert place.options == {"deadline": "3"}


def test_options_reach_libpq_as_they_were_written_and_hansards_own_do_not():
    place = opening._place("postgres://h/db?password=a+b&tenant=t%20u&options=-c a=b&&poll=1")
    assert conninfo_to_dict(place.server) == {"host": "h", "dbname": "db", "password": "a+b", "options": "-c a=b"}
    assert (place.tenant, place.options) == ("t u", {"poll": "1"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("POSTGRES://u:secret@h1:1,h2:2/db?x=a@b", "POSTGRES://u:***@h1:1,h2:2/db?x=a@b"),
        ("postgresql://u:sec/ret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:sec?ret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:sec@ret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:s?e/cret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u@h:5432/db?application_name=me@home", "postgresql://u@h:5432/db?application_name=me@home"),
        ("postgresql://h:5432/db?application_name=me@home", "postgresql://h:5432/db?application_name=me@home"),
        ("postgresql:///db?user=u&password=secret&port=1", "postgresql:///db?user=u&password=***&port=1"),
        ("postgresql:///db?sslpassword=secret", "postgresql:///db?sslpassword=***"),
        ("file:///a:b@c", "file:///a:b@c"),
        ("/a//b:c@d", "/a//b:c@d"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert without_password(url) == shown


def test_the_command_line_never_shows_a_password(url):
    with_password = url.replace("@", ":secret@", 1)
    for store in (with_password, url + "?password=secret"):
        for command in (["store", "where"], ["store", "init"], ["reset"], ["reset", "--yes"], ["store", "health"]):
            result = CliRunner().invoke(program, ["-S", store, *command])
            assert "secret" not in result.stdout + result.stderr + str(result.exception)


def test_settings_are_told_without_the_url():
    assert "secret" not in repr(Settings("postgresql://u:secret@h/db"))


def test_what_the_environment_says_of_a_connection_is_kept(url, monkeypatch):
    monkeypatch.setenv("PGAPPNAME", "tides")
    with hansard.open(url) as store:
        assert store._place.backend._db.rows("SHOW application_name") == [("tides",)]
    monkeypatch.delenv("PGAPPNAME")
    with hansard.open(url) as store:
        assert store._place.backend._db.rows("SHOW application_name") == [("hansard",)]
