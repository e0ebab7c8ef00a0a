from __future__ import annotations

import multiprocessing
import os

import apsw
import pytest

from hansard.backends.file import FileBackend, textindex
from hansard.backends.file.textindex import TextIndex
from hansard.errors import Invalid, NotFound, Unavailable
from hansard.model.entry import NewEntry, assistant, text, user
from hansard.model.requests import Changes, Creation
from hansard.query import EVERYTHING, And, Or, Search, Without, Word, parse
from hansard.testing.driver import Driver, ManualClock, together

SECRET = "zqxvsecretword"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def open_store(root):
    """Opens the store once more, with a text index of its own."""
    opened = []
    clock = ManualClock()

    def open_one():
        drive = Driver(lambda clock: FileBackend(root, clock=clock), clock)
        drive.index = TextIndex(root, drive.backend._core, drive.backend._mirror.indexer)
        opened.append(drive)
        return drive

    yield open_one
    for drive in opened:
        drive.index.close()
        drive.close()


@pytest.fixture
def drive(open_store):
    return open_store()


def page(drive, query, **asked):
    search = parse(query) if isinstance(query, str) else query
    return drive.index.search(search, **{"session": None, "order": "newest", "limit": 99, "cursor": None, **asked})


def hits(drive, query, **asked):
    found = page(drive, query, **asked)
    assert found.complete
    return [(hit.session, hit.seq) for hit in found]


def amend(drive, session, seq, **change):
    drive.append(session, NewEntry(kind="amend", body={"seq": seq, **change}))


def said(words):
    return {"body": {"role": "user", "parts": [text(words)]}}


def bytes_of(root):
    return b"".join(path.read_bytes() for path in root.glob("search.db*"))


# -- behind the logs -------------------------------------------------------------------------------------------------


def test_a_search_finds_what_was_appended_a_moment_ago(drive):
    drive.new("s")
    for number in range(3):
        drive.say("s", f"needle{number}")
        assert hits(drive, f"needle{number}") == [("s", number + 2)]


def test_a_store_that_is_opened_again_reads_on_where_the_index_stands(drive, open_store, monkeypatch):
    drive.new("s", first=[user("one")])
    assert hits(drive, "one") == [("s", 2)]
    other = open_store()
    read = []
    entries = other.backend._core.entries

    def counted(*given, **asked):
        read.append((asked["after"], asked["before"]))
        return entries(*given, **asked)

    monkeypatch.setattr(other.backend._core, "entries", counted)
    other.say("s", "two")
    assert hits(other, "two") == [("s", 3)]
    # The entry where the index stands, to see that it is still that one, and what came behind it.
    assert read == [(1, 3), (2, 4)]


def test_two_open_stores_find_what_either_appends(open_store):
    mine, theirs = open_store(), open_store()
    mine.new("s", first=[user("needle")])
    assert hits(theirs, "needle") == hits(mine, "needle") == [("s", 2)]
    theirs.say("s", "needle")
    assert hits(mine, "needle") == hits(theirs, "needle") == [("s", 3), ("s", 2)]


def test_many_that_search_and_append_at_once_find_all_in_the_end(open_store):
    drives = [open_store() for _ in range(4)]
    drives[0].new("s")

    def work(drive):
        for number in range(5):
            drive.say("s", f"needle {number}")
            page(drive, "needle")

    assert together(*(lambda drive=drive: work(drive) for drive in drives)) == [None] * 4
    for drive in drives:
        assert sorted(hits(drive, "needle")) == [("s", seq) for seq in range(2, 22)]


def test_a_log_that_was_put_back_to_an_earlier_state_is_read_anew(drive, root):
    drive.new("s", first=[user("kept")])
    log = root / "sessions" / "s" / "log.jsonl"
    before = log.read_bytes()
    drive.say("s", "lost")
    assert hits(drive, "lost") == [("s", 3)]
    log.write_bytes(before)
    drive.say("s", "instead")
    assert hits(drive, "lost") == []
    assert hits(drive, "kept OR instead") == [("s", 3), ("s", 2)]


def test_a_session_made_anew_under_the_id_of_a_deleted_one_has_its_own_text(drive):
    drive.new("s", first=[user("old")])
    assert hits(drive, "old") == [("s", 2)]
    drive.backend.delete("s")
    drive.new("s", first=[user("new")])
    assert hits(drive, "old") == []
    assert hits(drive, "new") == [("s", 2)]


def test_what_stands_before_damage_is_found_and_all_of_it_after_repair(drive, root, open_store):
    drive.new("s", first=[user("before")])
    for word in ("damaged", "behind"):
        drive.say("s", word)
    log = root / "sessions" / "s" / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"damaged", b"dXmaged"))
    drive.backend.reindex()
    assert hits(drive, "before OR behind") == [("s", 2)]
    log.write_bytes(whole)
    drive.backend.reindex()
    assert hits(drive, "before OR behind") == [("s", 4), ("s", 2)]


def test_what_stands_before_damage_is_found_also_by_who_made_the_catalogue_anew(open_store, root):
    drive = open_store()
    drive.new("s", first=[user("before")])
    for word in ("damaged", "behind"):
        drive.say("s", word)
    drive.index.close()
    drive.close()
    for path in root.glob("index.db*"):
        path.unlink()
    log = root / "sessions" / "s" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"damaged", b"dXmaged"))
    again = open_store()
    assert hits(again, "before OR behind") == [("s", 2)]
    (info,) = again.backend.find(EVERYTHING, order="id", limit=9, cursor=None)
    assert (info.seq, info.title, info.damaged) == (2, "before", True)


def test_a_catalogue_that_was_lost_leaves_no_deleted_session_in_the_index(open_store, root):
    drive = open_store()
    drive.new("s", first=[user("needle")])
    drive.new("t", first=[user("needle")])
    assert len(hits(drive, "needle")) == 2
    drive.backend.delete("t")
    drive.index.close()
    drive.close()
    for path in root.glob("index.db*"):
        path.unlink()
    again = open_store()
    assert hits(again, "needle") == [("s", 2)]
    con = apsw.Connection(str(root / "search.db"))
    assert con.execute("SELECT id FROM sessions").fetchall() == [("s",)]
    con.close()


# -- what entries show -----------------------------------------------------------------------------------------------


def test_an_amended_message_is_found_as_it_shows_now(drive):
    drive.new("s", first=[user("race")])
    assert hits(drive, "race") == [("s", 2)]
    amend(drive, "s", 2, **said("deadlock"))
    assert (hits(drive, "race"), hits(drive, "deadlock")) == ([], [("s", 2)])
    amend(drive, "s", 2, **said("livelock"))
    assert (hits(drive, "deadlock"), hits(drive, "livelock")) == ([], [("s", 2)])
    amend(drive, "s", 2, hide=True)
    assert hits(drive, "livelock") == []


def test_an_amendment_that_was_erased_lets_the_message_show_again(drive):
    drive.new("s", first=[user("race")])
    amend(drive, "s", 2, **said("deadlock"))
    assert hits(drive, "deadlock") == [("s", 2)]
    drive.backend.erase("s", [3], by=None, reason=None)
    assert (hits(drive, "race"), hits(drive, "deadlock")) == ([("s", 2)], [])


def test_a_title_is_found_while_the_session_has_it(drive):
    drive.new("s", title="Harbour")
    assert hits(drive, "harbour") == [("s", 1)]
    drive.set("s", title="Lighthouse")
    assert (hits(drive, "harbour"), hits(drive, "lighthouse")) == ([], [("s", 2)])
    assert hits(drive, "title:lighthouse") == [("s", 2)]
    drive.append("s", changes=Changes(clear=("title",)))
    assert hits(drive, "lighthouse") == []


def test_what_a_fork_inherits_is_found_in_its_origin_alone(drive):
    drive.new("s", first=[user("race")])
    drive.backend.fork("s", Creation(id="f"), at=None)
    drive.say("f", "race")
    assert sorted(hits(drive, "race")) == [("f", 4), ("s", 2)]
    assert hits(drive, "race", session="f") == [("f", 4)]


def test_a_search_made_by_hand_leaves_out_nothing_that_it_means(drive):
    drive.new("s", first=[user("a c"), user("a b"), user("a b c")])
    neither = Without(And((Word("b"), Or((Without(Word("c")), Word("x"))))))
    assert sorted(hits(drive, Search(text=And((Word("a"), neither))))) == [("s", 2), ("s", 4)]
    assert hits(drive, Search(text=Word('a"b'))) == []


def test_a_condition_that_many_sessions_meet_narrows_as_one_that_few_meet(drive, monkeypatch):
    for name in "abc":
        drive.new(name, agent="x", first=[user("race")])
    drive.new("d", agent="y", first=[user("race")])
    assert sorted(hits(drive, "race agent:x")) == [("a", 2), ("b", 2), ("c", 2)]
    monkeypatch.setattr(textindex, "_NARROW_MAX", 2)
    assert sorted(hits(drive, "race agent:x")) == [("a", 2), ("b", 2), ("c", 2)]


def test_a_search_in_a_session_that_is_not_there_is_refused(drive):
    with pytest.raises(NotFound):
        page(drive, "race", session="nobody")


@pytest.mark.parametrize("asked", [{"order": "best"}, {"limit": 0}, {"cursor": "rubbish"}], ids=repr)
def test_what_can_not_be_asked_is_refused(drive, asked):
    with pytest.raises(Invalid):
        page(drive, "race", **asked)


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_a_search_that_runs_out_of_time_says_so_and_the_next_one_reads_on(drive, monkeypatch):
    for number in range(5):
        drive.new(f"s{number}", first=[user("needle")] * 3)
    monkeypatch.setattr(textindex, "BUDGET_S", -1.0)
    seen = []
    while not (found := page(drive, "needle")).complete:
        seen.append(len(found))
        assert len(seen) < 50
        monkeypatch.setattr(textindex, "BUDGET_S", 2.0 if len(seen) > 2 else -1.0)
    assert seen[0] < len(found) == 15


def test_a_long_session_is_read_in_pieces_when_time_is_short(drive):
    drive.new("s", first=[user("needle")] * 20)
    rounds = 1
    while not drive.index.catch_up(0):
        rounds += 1
        assert rounds < 60
    assert rounds > 2
    assert len(hits(drive, "needle")) == 20


def test_while_the_catalogue_is_incomplete_so_is_the_page(drive, monkeypatch):
    drive.new("s", first=[user("needle")])
    monkeypatch.setattr(type(drive.backend._mirror.indexer), "wait", lambda *_: False)
    found = page(drive, "needle")
    assert [hit.seq for hit in found] == [2]
    assert not found.complete


def test_a_writer_that_keeps_the_index_locked_makes_the_page_incomplete_not_late(drive, root, monkeypatch):
    drive.new("s", first=[user("needle")])
    assert hits(drive, "needle") == [("s", 2)]
    drive.say("s", "needle")
    monkeypatch.setattr(textindex, "BUDGET_S", 0.05)
    con = apsw.Connection(str(root / "search.db"))
    con.execute("BEGIN IMMEDIATE")
    found = page(drive, "needle")
    assert ([hit.seq for hit in found], found.complete) == ([2], False)
    con.execute("ROLLBACK")
    con.close()
    monkeypatch.setattr(textindex, "BUDGET_S", 2.0)
    assert hits(drive, "needle") == [("s", 3), ("s", 2)]


# -- a derived file --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", [b"", b"rubbish" * 1000, b"SQLite format 3\x00" + bytes(4096)], ids=len)
def test_a_search_db_that_is_rubbish_is_made_anew(open_store, root, rubbish):
    drive = open_store()
    drive.new("s", first=[user("needle")])
    (root / "search.db").write_bytes(rubbish)
    assert hits(drive, "needle") == [("s", 2)]


def test_a_search_db_that_vanishes_is_made_anew(drive, root):
    drive.new("s", first=[user("needle")])
    assert hits(drive, "needle") == [("s", 2)]
    for path in root.glob("search.db*"):
        path.unlink()
    assert hits(drive, "needle") == [("s", 2)]


def test_damage_that_shows_while_the_index_is_asked_is_no_empty_answer(drive, root):
    drive.new("s", first=[user(f"needle {number} " + "hay " * 50) for number in range(300)])
    assert len(hits(drive, "needle", limit=400)) == 300
    drive.index._database.sync(whole=True)
    path = root / "search.db"
    data = bytearray(path.read_bytes())
    data[4096 * 2 :] = b"\xff" * (len(data) - 4096 * 2)
    path.write_bytes(data)
    assert len(hits(drive, "needle", limit=400)) == 300


def test_a_file_that_is_replaced_while_it_is_asked_is_asked_again(drive, root, monkeypatch):
    drive.new("s", agent="a", first=[user("needle")])
    narrow = drive.index._numbers
    asked = []

    def lose_it_once(*given):
        numbers = narrow(*given)
        if not asked:
            for path in root.glob("search.db*"):
                path.unlink()
        asked.append(numbers)
        return numbers

    monkeypatch.setattr(drive.index, "_numbers", lose_it_once)
    found = page(drive, "needle agent:a")
    assert [hit.seq for hit in found] == [2]
    assert found.complete
    assert len(asked) == 2


def test_text_that_another_version_cut_is_cut_anew(open_store, root, monkeypatch):
    drive = open_store()
    drive.new("s", first=[user("needle")])
    assert hits(drive, "needle") == [("s", 2)]
    drive.index.close()
    monkeypatch.setattr(textindex, "PIECES_VERSION", textindex.PIECES_VERSION + 1)
    again = open_store()
    assert hits(again, "needle") == [("s", 2)]
    assert again.index._database.replaced == 1


def test_a_rebuild_makes_a_new_file_and_others_go_on(open_store, root):
    mine, theirs = open_store(), open_store()
    mine.new("s", first=[user("needle")])
    assert hits(theirs, "needle") == [("s", 2)]
    old = (root / "search.db").stat().st_ino
    told = []
    mine.index.rebuild(lambda *done: told.append(done))
    assert (root / "search.db").stat().st_ino != old
    assert told == [("text", 1, 1)]
    theirs.say("s", "needle")
    assert hits(theirs, "needle") == hits(mine, "needle") == [("s", 3), ("s", 2)]
    assert [path.name for path in root.glob("search.db.re*")] == []


def test_a_rebuild_that_can_not_take_over_leaves_the_index_as_it_was(drive, root, monkeypatch):
    drive.new("s", first=[user("needle")])
    assert hits(drive, "needle") == [("s", 2)]
    monkeypatch.setattr(type(drive.index._database), "switch", _busy)
    with pytest.raises(Unavailable, match="locked"):
        drive.index.rebuild()
    assert hits(drive, "needle") == [("s", 2)]
    assert [path.name for path in root.glob("search.db.re*")] == []


def _busy(*_):
    raise apsw.BusyError


def test_a_closed_index_says_so(drive):
    drive.index.close()
    with pytest.raises(Unavailable, match="closed"):
        page(drive, "needle")


# -- erased text -----------------------------------------------------------------------------------------------------


def _with_secret(drive):
    drive.new("s", first=[user(f"hello {SECRET}"), assistant("kept")])
    for number in range(30):
        drive.new(f"other{number}", first=[user(f"needle {number}")])
        hits(drive, "needle", limit=1)


def test_when_erase_returns_the_file_does_not_hold_the_text(drive, root):
    _with_secret(drive)
    assert hits(drive, SECRET) == [("s", 2)]
    assert SECRET.encode() in bytes_of(root)
    drive.backend.erase("s", [2], by=None, reason=None)
    assert drive.index.erased("s")
    assert SECRET.encode() not in bytes_of(root)
    assert hits(drive, SECRET) == []
    assert hits(drive, "kept") == [("s", 3)]
    assert len(hits(drive, "needle")) == 30


def test_an_erasure_that_nobody_told_the_index_of_is_cleaned_away_by_the_next_search(drive, root, monkeypatch):
    _with_secret(drive)
    monkeypatch.setattr(drive.backend._text, "erased", lambda *_: True)
    drive.backend.erase("s", [2], by=None, reason=None)
    assert SECRET.encode() in bytes_of(root)
    assert hits(drive, SECRET) == []
    assert SECRET.encode() not in bytes_of(root)


def test_an_erased_amendment_is_gone_from_the_file_too(drive, root):
    drive.new("s", first=[user("hello")])
    amend(drive, "s", 2, **said(SECRET))
    assert hits(drive, SECRET) == [("s", 2)]
    drive.backend.erase("s", [2], by=None, reason=None)
    assert drive.index.erased("s")
    assert SECRET.encode() not in bytes_of(root)


def test_who_was_reading_the_session_while_it_was_erased_puts_nothing_back(open_store, root, monkeypatch):
    mine, theirs = open_store(), open_store()
    mine.new("s", first=[user(SECRET)])
    write = textindex.Feed._flush
    done = []

    def erase_first(feed):
        if feed is theirs.index._feed and not done:
            done.append(True)
            mine.backend.erase("s", [2], by=None, reason=None)
            assert mine.index.erased("s")
        write(feed)

    monkeypatch.setattr(textindex.Feed, "_flush", erase_first)
    assert hits(theirs, SECRET) == []
    assert done
    assert SECRET.encode() not in bytes_of(root)


def test_an_erasure_in_a_store_that_nobody_searched_makes_no_index(drive, root):
    drive.new("s", first=[user(SECRET)])
    drive.backend.erase("s", [2], by=None, reason=None)
    assert drive.index.erased("s")
    assert not (root / "search.db").exists()


# -- processes -------------------------------------------------------------------------------------------------------


def _append_and_search(root, number, barrier):
    drive = Driver(lambda clock: FileBackend(root, clock=clock), ManualClock())
    index = drive.index = TextIndex(root, drive.backend._core, drive.backend._mirror.indexer)
    barrier.wait()
    for count in range(5):
        drive.new(f"{number}-{count}", first=[user("needle")])
        page(drive, "needle")
    index.close()
    drive.close()


def test_processes_that_index_at_once_lose_nothing(drive, root):
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    workers = [spawn.Process(target=_append_and_search, args=(root, number, barrier)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(hits(drive, "needle")) == 10


def test_a_forked_child_searches_on_its_own_though_a_thread_of_the_parent_was_at_it(drive):
    drive.new("s", first=[user("needle")])
    assert hits(drive, "needle") == [("s", 2)]
    with drive.index._work:
        child = os.fork()
        if child == 0:
            drive.index.follow(drive.backend._core)
            os._exit(0 if hits(drive, "needle") == [("s", 2)] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert hits(drive, "needle") == [("s", 2)]


def test_a_session_that_changes_again_while_it_is_taken_is_indexed_once(drive, monkeypatch):
    changed = drive.backend._mirror.indexer.catalogue.changed

    def twice(since):
        for change in changed(since):
            yield change
            yield change

    monkeypatch.setattr(drive.backend._mirror.indexer.catalogue, "changed", twice)
    drive.new("s")
    drive.say("s", "needle")
    assert hits(drive, "needle") == [("s", 2)]
    found = drive.index._database.read(lambda con: con.execute("SELECT count(*) FROM places").get)
    assert found == 1
