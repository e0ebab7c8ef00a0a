"""What is said, changed and searched where an index is compared with looking at every entry."""

from __future__ import annotations

import contextlib

from hypothesis import strategies as st

from hansard.errors import HansardError
from hansard.model.entry import NewEntry, assistant, text, tool, tool_call, tool_result, user
from hansard.model.requests import Changes, Creation
from hansard.query import parse
from hansard.testing.driver import START_US

WORDS = (
    "race",
    "condition",
    "c++",
    "c",
    "数据",
    "据库",
    "src/main.rs",
    "getUserName",
    "user",
    "שלום",
    "😀",
    "it's",
    "naïve",
)
SAID = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
AT = st.sampled_from(("", "", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0005Z", "1950-06-01T00:00:00Z"))
TOOLS = st.sampled_from(("Bash", "grep", "grep_files"))
CALL_IDS = st.sampled_from(("1", "2", "\ud800"))

MESSAGE = st.one_of(
    st.builds(lambda said, at: user(said, at=at), SAID, AT),
    st.builds(lambda said, at: assistant(said, at=at), SAID, AT),
    st.builds(
        lambda said, call, name, given: assistant([text(said), tool_call(call, name, {"q": given})]),
        SAID, CALL_IDS, TOOLS, SAID,
    ),
    st.builds(lambda call, said, error: tool(call, said, is_error=error), CALL_IDS, SAID, st.booleans()),
    st.builds(lambda call, said: user([tool_result(call, [text(said), {"type": "json", "value": 1}])]), CALL_IDS, SAID),
)  # fmt: skip
QUERIES = (
    "", "race", "race condition", '"race condition"', "race OR c++", "c++", "c", "c*", "-race", "race -condition",
    "数据", "数", "库", "src/main.rs", "user", "name", "שלום", "😀", "its", "it's", "naive", "ra*", "role:tool",
    "race role:user", "race -role:user", "race in:tool", "tool:grep", "tool:grep*", "-tool:bash in:tool", "is:error",
    "-is:error in:tool", "race tool:bash", "title:race", "title:race c", "-title:race race", "agent:a", "agent:a race",
    "-agent:a race", "session:s", "is:fork", "role:summary", "role:title", "bash", "(", '"', "AND", "kind:fork c",
)  # fmt: skip
BEGINNING = (("new", "s", "race", [user("race")]), ("new", "t", "", [assistant("c++ condition")]))
SESSION = st.sampled_from("sstu")
NTH = st.integers(0, 3)
STEP = st.one_of(
    st.tuples(st.just("new"), SESSION, SAID, st.lists(MESSAGE, max_size=3)),
    st.tuples(st.just("say"), SESSION, st.lists(MESSAGE, min_size=1, max_size=3)),
    st.tuples(st.just("say"), SESSION, st.lists(MESSAGE, min_size=1, max_size=3)),
    st.tuples(st.just("title"), SESSION, st.none() | SAID),
    st.tuples(st.just("compact"), SESSION, SAID),
    st.tuples(st.just("amend"), st.sampled_from("st"), NTH, st.none() | SAID),
    st.tuples(st.just("amend"), st.sampled_from("st"), NTH, SAID),
    st.tuples(st.just("erase"), SESSION, NTH),
    st.tuples(st.just("fork"), SESSION, st.sampled_from("uv"), NTH),
    st.tuples(st.just("delete"), SESSION),
    st.tuples(st.just("search"), st.sampled_from(QUERIES)),
)


def do(drive, step):
    """One step; what can't be done is left undone, on both sides alike."""
    what, *rest = step
    with contextlib.suppress(HansardError):
        if what == "new":
            session, title, entries = rest
            drive.create(session, title=title or None, agent="a" if session == "s" else None, first=entries)
        elif what == "say":
            drive.append(rest[0], *rest[1])
        elif what == "title":
            changes = Changes(clear=("title",)) if rest[1] is None else Changes(set={"title": rest[1]})
            drive.append(rest[0], changes=changes)
        elif what == "compact":
            last = drive.backend.info(rest[0]).seq
            drive.append(rest[0], NewEntry(kind="compaction", body={"summary": rest[1], "covers": last}))
        elif what == "amend":
            session, nth, said = rest
            target = nth_of(drive, session, nth, ("message",))
            change = {"hide": True} if said is None else {"body": {"role": "user", "parts": [text(said)]}}
            drive.append(session, NewEntry(kind="amend", body={"seq": target, **change}))
        elif what == "erase":
            session, nth = rest
            drive.backend.erase(session, [nth_of(drive, session, nth, ("message", "amend"))], by=None, reason=None)
        elif what == "fork":
            origin, session, nth = rest
            drive.backend.fork(origin, Creation(id=session), at=max(1, drive.backend.info(origin).seq - nth))
        elif what == "delete":
            drive.backend.delete(rest[0])


def nth_of(drive, session, nth, kinds):
    seqs = [entry.seq for entry in drive.entries(session) if entry.kind in kinds]
    return seqs[-1 - nth % len(seqs)] if seqs else 999


def pages(search, query, **asked):
    """All hits, page by page."""
    cursor, found = None, []
    while True:
        page = search(parse(query, now_us=START_US), **{"session": None, "order": "newest", **asked}, cursor=cursor)
        assert page.complete
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
