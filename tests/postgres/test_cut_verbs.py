"""A connection that is cut inside any verb: the call works, or says `Unavailable`; and the store is whole afterwards."""

from __future__ import annotations

import contextlib
import random
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import hansard

VERBS = {
    "create": lambda store, n: store.create(labels={"n": str(n)}),
    "create or get": lambda store, n: store.get_or_create(id=f"given-{n}"),
    "get": lambda store, _: store.get("s").info,
    "append": lambda store, n: store.get("s").append(hansard.user(f"one {n}")),
    "append with a status": lambda store, n: store.get("s").append(hansard.user(f"two {n}"), status=f"at {n}"),
    "set labels": lambda store, n: store.get("s").update(labels={"n": str(n)}),
    "history": lambda store, _: store.get("s").history(),
    "find": lambda store, _: store.find(labels={"kept": "yes"}),
    "search": lambda store, _: store.search("words"),
    "fork": lambda store, _: store.get("s").fork(),
    "spawn": lambda store, n: store.get("s").spawn(name=f"child-{n}"),
    "attach": lambda store, n: store.get("s").attach(b"bytes %d" % n, mime="text/plain"),
    "document": lambda store, n: store.documents.save("notes", f"text {n}"),
    "erase": lambda store, n: store.get("e").erase([2 + n]),
    "delete": lambda store, n: store.get(f"d{n}").delete(force=True),
    "check": lambda store, _: list(store.check()),
    "usage": lambda store, _: list(store.usage()),
}
ROUNDS = 8


@pytest.mark.parametrize("verb", VERBS)
def test_a_cut_inside_a_verb_is_outlived_or_told(proxy, proxied, url, verb):
    rng = random.Random(verb)
    with hansard.open(url) as direct, hansard.open(f"{proxied}&patience=2") as store:
        for name in ("s", "e", *(f"d{n}" for n in range(ROUNDS))):
            direct.create(id=name, labels={"kept": "yes"}).append([hansard.user(f"words {n}") for n in range(ROUNDS)])
        for number in range(ROUNDS):
            way = rng.choice(("sent", "answered"))
            proxy.cut_after(**{way: rng.randrange(600)})
            # What was done before its answer was lost is done already when it is asked for again.
            with contextlib.suppress(hansard.Unavailable, hansard.NotFound):
                VERBS[verb](store, number)
        proxy.cut_after()
        assert len(store.get("s").history()) >= ROUNDS
        store.get("s").append(hansard.user("after"))
        assert [finding.message for finding in direct.check() if finding.severity == "damage"] == []
        assert direct.get("s").history()[-1].text == "after"


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "nobody"},
        {"dbname": "no_such_database"},
        {"port": "1"},
        {"options": "-c default_transaction_read_only=on"},
        {"sslmode": "require"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_server_that_can_not_be_written_to_is_told_with_what_to_look_at(conninfo, wrong):
    settings = {"host": "127.0.0.1", **conninfo_to_dict(conninfo), **wrong}
    with pytest.raises(hansard.Unavailable, match="user, password and database") as raised:
        hansard.open("postgresql:///?" + urlencode(settings, quote_via=quote))
    assert not isinstance(raised.value, psycopg.Error)


def test_a_url_without_a_host_takes_the_host_that_its_options_name(conninfo):
    settings = conninfo_to_dict(conninfo)
    database = settings.pop("dbname")
    with hansard.open(f"postgresql:///{database}?" + urlencode(settings, quote_via=quote)) as store:
        assert store.create(id="s").append(hansard.user("here")) == 2
