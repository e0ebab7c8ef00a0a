from __future__ import annotations

import base64
import os

import pytest

import hansard
from hansard import Invalid


@pytest.fixture
def talk(session):
    """Entries 2 to 7: three turns."""
    for number in (1, 2, 3):
        session.append([hansard.user(f"u{number}"), hansard.assistant(f"a{number}")])
    return session


def texts(session, **asked):
    return [message.text for message in session.messages(**asked)]


def test_messages_are_given_one_for_one_without_mending(session):
    session.append([
        hansard.tool("lost", "a result without its call"),
        hansard.assistant([hansard.tool_call("c1", "bash", {}), hansard.text("calling")]),
        hansard.user("never mind"),
    ])  # fmt: skip
    assert [(m.role, m.seq, m.synthetic) for m in session.messages()] == [
        ("tool", 2, False), ("assistant", 3, False), ("user", 4, False),
    ]  # fmt: skip


def test_limit_gives_the_newest_in_order(talk):
    assert texts(talk) == ["u1", "a1", "u2", "a2", "u3", "a3"]
    assert texts(talk, limit=3) == ["a2", "u3", "a3"]
    assert texts(talk, limit=0) == []
    assert texts(talk, limit=99) == texts(talk)


def test_the_newest_of_a_rewound_session_skip_the_branch_that_was_left(talk):
    talk.rewind(to=3)
    talk.append(hansard.user("other"))
    assert texts(talk, limit=2) == ["a1", "other"]
    assert texts(talk) == ["u1", "a1", "other"]


def test_a_path_to_any_entry_is_read_wherever_it_lies(talk):
    assert texts(talk, to=4) == ["u1", "a1", "u2"]
    assert texts(talk, to=0) == []
    talk.rewind(to=3)
    talk.append(hansard.user("other"))
    assert texts(talk, to=6) == ["u1", "a1", "u2", "a2", "u3"]
    assert texts(talk, to=6, limit=2) == ["a2", "u3"]
    assert texts(talk, to=3) == ["u1", "a1"]
    assert texts(talk) == ["u1", "a1", "other"]


@pytest.mark.parametrize("to", [-1, 99, "3", True])
def test_a_path_to_what_is_not_there_is_refused(talk, to):
    with pytest.raises(Invalid):
        talk.messages(to=to)


def test_amended_and_hidden_messages_show_as_they_are_now(talk):
    talk.amend(7, "a3, amended")
    talk.amend(6, hide=True)
    assert texts(talk, limit=2) == ["a2", "a3, amended"]


def test_a_compaction_shows_its_summary_first(talk):
    talk.compact("the beginning", keep=2)
    assert texts(talk) == ["the beginning", "u3", "a3"]
    assert texts(talk, limit=2) == ["u3", "a3"]
    talk.append(hansard.user("u4"))
    talk.compact("all of it", keep=2)
    assert texts(talk) == ["all of it", "a3", "u4"]
    assert texts(talk, to=7) == ["u1", "a1", "u2", "a2", "u3", "a3"]


def test_many_rewinds_leave_the_path_readable(session):
    for number in range(300):
        session.append([hansard.user(f"kept {number}"), hansard.user("undone")])
        session.rewind(to=session.seq - 1)
    assert session.info.path == ()
    assert texts(session, limit=2) == ["kept 298", "kept 299"]
    assert len(texts(session)) == 300


def test_a_payload_comes_back_as_it_was_given_with_its_files(store, session):
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(3000)).decode()
    given = f'{{"role": "user",  "content": [{{"type": "input_image", "image_url": "data:image/png;base64,{image}"}}]}}'
    session.append([hansard.raw_message("user", "openai-responses", given), hansard.user("plain")])
    raw, plain = session.messages()
    assert session.payload(raw) == given
    assert session.payload(plain) is None
    assert session.payload(session.entry(2)) == given
    assert "cut" in raw.raw
    assert raw.parts[0]["attachment"]
