from __future__ import annotations

import pytest

import hansard
from hansard import Conflict, Invalid, Keys


def test_update_sets_fields_and_leaves_the_rest(session):
    session.update(
        title="T", status="running", model="m", provider="p", pinned=True, project="api", set={"persona": "x"}
    )
    info = session.info
    assert (info.title, info.title_source, info.status, info.model, info.provider) == (
        "T",
        "given",
        "running",
        "m",
        "p",
    )
    assert (info.pinned, info.project, info.fields) == (True, "api", {"persona": "x"})
    session.update(status=None, error={"type": "timeout"})
    assert (session.info.status, session.info.title, session.info.error) == (None, "T", {"type": "timeout"})
    session.update(clear=["persona", "error"])
    assert (session.info.fields, session.info.error) == ({}, None)


def test_update_of_what_is_so_already_writes_nothing(session):
    seq = session.update(title="T")
    assert session.update(title="T") == seq == session.seq
    assert session.update() == seq


def test_objects_are_changed_by_key(session):
    session.update(metadata={"a": 1, "n": None}, config={"c": [1]}, labels={"env": "prod", "team": "x"}, state={"s": 1})
    session.update(metadata=Keys(set={"b": 2}, remove=("a",)))
    session.tag({"env": "dev"}, remove=["team"])
    info = session.info
    assert (info.metadata, info.config, info.labels, info.state) == (
        {"n": None, "b": 2},
        {"c": [1]},
        {"env": "dev"},
        {"s": 1},
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"set": {"seq": 5}}, "follows from the log"),
        ({"set": {"id": "x"}}, "follows from the log"),
        ({"set": {"state": {}}}, "update"),
        ({"clear": ["usage"]}, "follows from the log"),
        ({"clear": "title"}, "list of field names"),
        ({"title": 5}, "title"),
        ({"pinned": "yes"}, "True or False"),
        ({"labels": {"a": 1}}, "label is a str"),
        ({"labels": ["a"]}, "dict of keys"),
        ({"state": Keys(remove="ab")}, "list of keys"),
        ({"state": {"a": {1: 2}}}, "state.a"),
        ({"set": {"x": object()}}, "x: object"),
        ({"set": {"": 1}}, "non-empty"),
    ],
)
def test_what_can_not_be_set_is_refused(session, asked, why):
    with pytest.raises(Invalid, match=why):
        session.update(**asked)
    assert session.seq == 1


def test_bounds_name_bound_size_and_way_out(store, session):
    with pytest.raises(Invalid, match=r"1024 KiB.*documents"):
        session.append(state={"big": "x" * 1_048_576})
    session.append(state={"half": "x" * 600_000})
    with pytest.raises(Invalid, match="state"):
        session.append(state={"other": "x" * 600_000})
    for refused in (
        lambda: session.update(metadata={"big": "x" * 65_536}),
        lambda: store.create(metadata={"big": "x" * 65_536}),
    ):
        with pytest.raises(Invalid, match=r"64 KiB.*attachments"):
            refused()
    assert session.seq == 2


def test_rename_gives_a_title_and_none_returns_to_the_derived_one(session):
    session.append(hansard.user("Fix the gate\nplease"))
    assert session.title == "Fix the gate"
    assert session.rename("Gate")
    assert (session.title, session.info.title_source) == ("Gate", "given")
    assert session.rename(None)
    assert (session.title, session.info.title_source) == ("Fix the gate", "derived")


def test_a_generated_title_never_replaces_a_given_one(session):
    assert session.rename("Made up", generated=True)
    assert (session.title, session.info.title_source) == ("Made up", "generated")
    session.rename("Mine")
    assert not session.rename("Made up again", generated=True)
    assert session.title == "Mine"


def test_a_title_is_replaced_only_in_the_version_that_was_seen(session):
    session.rename("one")
    version = session.info.title_version
    session.rename("two")
    with pytest.raises(Conflict, match="version"):
        session.rename("three", expect_version=version)
    assert session.rename("three", expect_version=session.info.title_version)
    assert session.title == "three"


def test_a_keyed_update_is_not_done_twice(session):
    first = session.update(key="k", title="one")
    session.rename("two")
    assert session.update(key="k", title="one") == first
    assert session.title == "two"
