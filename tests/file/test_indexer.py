from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
import threading
import traceback

import apsw
import pytest
from msgspec.structs import replace

from hansard.backends.file import disk, indexer, notes, worker
from hansard.backends.file.catalogue import Catalogue
from hansard.backends.file.indexer import Indexer
from hansard.backends.file.survey import walk
from hansard.errors import Corrupt, NotFound, Unavailable, Unsupported
from hansard.limits import NOTED_SESSIONS_MAX
from hansard.query import where
from support.fake_logs import FOLD_VERSION, FakeLogs, place_of

BOOT = "this boot"


@pytest.fixture
def logs(tmp_path):
    return FakeLogs(tmp_path)


@pytest.fixture
def open_index(tmp_path, logs, monkeypatch):
    """Opens indexers of the store; their thread works only when it is woken at once."""
    monkeypatch.setattr(worker, "IDLE_S", 3_600.0)
    monkeypatch.setattr(worker, "LATEST_S", 3_600.0)
    opened = []

    def open_one(*, boot=BOOT, version=FOLD_VERSION, reader=None):
        one = Indexer(tmp_path, Catalogue(tmp_path / "index.db", fold_version=version), reader or logs, boot=boot)
        one.start()
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def index(open_index):
    return open_index()


def write(index, logs, session, **fields):
    """What a backend does for one append."""
    place = place_of(session)
    index.begin(place)
    logs.append(session, **fields)
    index.touched(place, lambda: logs.row(place))
    return place


def crash(index):
    """The process is gone: locks and connections go, nothing is flushed."""
    index._worker.stop()
    index._survey.stop()
    if index._note._fd >= 0:
        notes.locks.close(index._note._fd)
    index._note.forget()
    index._dirty.clear()
    index._inflight.clear()
    index.close()


def found(index, **filters):
    page = index.find(where(**filters), order="id", limit=1_000)
    assert page.complete
    return [info.id for info in page]


def titles(index):
    return {info.id: info.title for info in index.find(where(), order="id", limit=1_000)}


def noted(tmp_path):
    read = notes.scan(tmp_path / "writers")
    for note in read:
        notes.keep(note)
    return [note.names for note in read]


# -- what find includes ----------------------------------------------------------------------------------------------


def test_an_append_is_found_at_once(index, logs):
    write(index, logs, "s", title="one")
    assert titles(index) == {"s": "one"}
    write(index, logs, "s", title="two")
    assert titles(index) == {"s": "two"}


def test_an_append_of_another_live_writer_is_found_at_once(open_index, logs):
    mine, theirs = open_index(), open_index()
    write(theirs, logs, "s", title="one")
    assert titles(mine) == {"s": "one"}
    write(theirs, logs, "s", title="two")
    assert titles(mine) == {"s": "two"}


def test_an_append_that_was_not_yet_told_is_found(open_index, logs):
    mine, theirs = open_index(), open_index()
    theirs.begin(place_of("s"))
    logs.append("s")
    assert found(mine) == ["s"]


def test_a_log_that_did_not_change_is_not_read_again(open_index, logs):
    mine, theirs = open_index(), open_index()
    write(theirs, logs, "s")
    found(mine)
    logs.folded.clear()
    found(mine)
    assert logs.folded == []


def test_a_row_that_lags_is_folded_on_and_not_anew(open_index, logs):
    mine, theirs = open_index(), open_index()
    place = write(theirs, logs, "s")
    found(mine)
    write(theirs, logs, "s")
    found(mine)
    assert [place_ for place_, _ in logs.folded] == [place, place]
    assert [offset > 0 for _, offset in logs.folded] == [False, True]


def test_a_deleted_session_is_gone_for_everyone(open_index, logs, tmp_path):
    mine, theirs = open_index(), open_index()
    place = write(theirs, logs, "s")
    assert found(mine) == ["s"]
    theirs.begin(place)
    shutil.rmtree(tmp_path / place)
    assert found(mine) == []
    theirs.touched(place, lambda: None)
    assert found(theirs) == []
    write(mine, logs, "s", title="again")
    assert titles(theirs) == {"s": "again"}


def test_a_writer_of_the_catalogue_that_never_ends_hides_nothing(open_index, logs, tmp_path, monkeypatch):
    monkeypatch.setattr(indexer, "FLUSH_WAIT_MS", 1)
    mine, theirs = open_index(), open_index()
    gone = write(theirs, logs, "gone")
    write(theirs, logs, "kept", title="old")
    found(mine)
    found(theirs)
    other = apsw.Connection(str(tmp_path / "index.db"))
    other.execute("BEGIN IMMEDIATE")
    write(theirs, logs, "kept", title="new")
    write(mine, logs, "own")
    theirs.begin(gone)
    shutil.rmtree(tmp_path / gone)
    theirs.touched(gone, lambda: None)
    assert found(mine) == ["kept", "own"]
    assert titles(mine)["kept"] == "new"
    assert found(theirs) == ["kept", "own"]
    other.execute("ROLLBACK")
    other.close()
    assert mine.flush()
    assert theirs.flush()
    assert titles(mine)["kept"] == "new"


def test_a_row_of_a_newer_version_is_kept_and_what_is_newer_in_the_log_is_shown(open_index, logs, tmp_path):
    newer = FakeLogs(tmp_path, version=FOLD_VERSION + 1)
    theirs = open_index(version=FOLD_VERSION + 1, reader=newer)
    write(theirs, newer, "s", title="one")
    found(theirs)
    mine = open_index()
    write(mine, logs, "s", title="two")
    assert titles(open_index()) == {"s": "two"}
    assert titles(mine) == {"s": "two"}
    assert mine.catalogue.get("s").fold_version == FOLD_VERSION + 1


# -- what a crash leaves ---------------------------------------------------------------------------------------------


def test_what_a_dead_writer_had_in_hand_is_compared_and_its_note_removed(open_index, logs, tmp_path):
    theirs = open_index()
    write(theirs, logs, "put")
    found(theirs)
    write(theirs, logs, "lost", title="not in the index")
    crash(theirs)
    logs.folded.clear()
    mine = open_index()
    assert mine.complete
    assert found(mine) == ["lost", "put"]
    assert [place for place, _ in logs.folded] == [place_of("lost")]
    assert list((tmp_path / "writers").iterdir()) == []


def test_a_dead_note_stays_until_what_it_names_could_be_read(open_index, logs, tmp_path):
    theirs = open_index()
    place = write(theirs, logs, "s")
    crash(theirs)
    logs.broken[place] = Corrupt("broken here")
    mine = open_index()
    assert found(mine) == []
    assert mine.problems == (f"{place}: broken here",)
    assert noted(tmp_path) == [(place,)]
    logs.broken.clear()
    assert found(mine) == ["s"]
    assert mine.problems == ()
    assert noted(tmp_path) == []


def test_what_only_a_newer_version_can_read_is_told_and_not_tried_for_ever(open_index, logs, tmp_path):
    theirs = open_index()
    place = write(theirs, logs, "s")
    crash(theirs)
    logs.broken[place] = Unsupported("needs warp")
    mine = open_index()
    found(mine)
    assert "needs warp" in mine.problems[0]
    assert noted(tmp_path) == []


def test_after_a_power_cut_everything_is_compared_and_find_says_so_meanwhile(open_index, logs, tmp_path):
    theirs = open_index(boot="an earlier boot")
    write(theirs, logs, "noted")
    crash(theirs)
    logs.append("unnoted")
    go = threading.Event()
    logs.before_fold = lambda place: go.wait(60)
    mine = open_index()
    page = mine.find(where(), order="id", limit=10)
    assert not page.complete
    go.set()
    assert mine.wait(60)
    assert found(mine) == ["noted", "unnoted"]
    # The thread may still be giving back what it held.
    mine.close()
    assert list((tmp_path / "writers").iterdir()) == []
    assert not list(tmp_path.glob("*.survey.lock"))


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"boot"])
def test_a_torn_note_counts_as_one_of_an_earlier_boot(open_index, logs, tmp_path, content):
    open_index().close()
    logs.append("unnoted")
    (tmp_path / "writers").mkdir()
    (tmp_path / "writers" / "1-torn").write_bytes(content)
    mine = open_index()
    mine.catch_up()
    assert mine.wait(60)
    assert found(mine) == ["unnoted"]
    assert noted(tmp_path) == []


def lose(path):
    path.unlink()


def spoil(path):
    path.write_bytes(b"rubbish" * 1_000)


@pytest.mark.parametrize("damage", [lose, spoil])
def test_a_lost_catalogue_is_made_anew_with_progress_and_equal_results(open_index, logs, tmp_path, damage):
    before = open_index()
    for n in range(40):
        write(before, logs, f"s{n}", title=f"title {n}")
    logs.append("child", child_of="s1", kind="child")
    before.close()
    expected = {info.id: info for info in logs_infos(logs)}
    damage(tmp_path / "index.db")
    after = open_index()
    told = []
    assert after.wait(60, lambda *said: told.append(said))
    assert told[-1] == ("index", 41, 41)
    page = after.find(where(all_kinds=True), order="id", limit=100)
    assert {info.id: info for info in page} == expected
    assert after.complete


def logs_infos(logs):
    return [logs.row(place).info for place in walk(logs.root, [])]


@pytest.mark.parametrize("damage", [lose, spoil])
def test_a_catalogue_lost_while_it_is_open_is_made_anew_too(open_index, logs, tmp_path, damage):
    mine, theirs = open_index(), open_index()
    for n in range(30):
        write(mine, logs, f"s{n}")
    assert len(found(theirs)) == 30
    mine.clean_point()
    damage(tmp_path / "index.db")
    mine.catalogue._database.release()
    theirs.catalogue._database.release()
    write(mine, logs, "new")
    mine.catch_up()
    assert mine.wait(60)
    assert len(found(mine)) == len(found(theirs)) == 31


def test_an_empty_store_is_complete_from_the_beginning(index):
    assert index.complete
    assert found(index) == []


def test_rows_of_an_older_fold_are_made_anew_in_the_background(open_index, logs, tmp_path):
    older = FakeLogs(tmp_path, version=FOLD_VERSION - 1)
    before = open_index(version=FOLD_VERSION - 1, reader=older)
    write(before, older, "s")
    before.close()
    after = open_index()
    assert after.wait(60)
    assert after.catalogue.get("s").fold_version == FOLD_VERSION


def test_a_session_that_cannot_be_read_does_not_keep_the_catalogue_incomplete(open_index, logs, tmp_path):
    before = open_index()
    broken = write(before, logs, "broken")
    write(before, logs, "fine")
    before.close()
    (tmp_path / "index.db").unlink()
    logs.broken[broken] = RuntimeError("unexpected")
    after = open_index()
    assert after.wait(60)
    assert found(after) == ["fine"]
    assert after.problems == (f"{broken}: unexpected",)


def test_two_processes_share_the_work_of_one_survey(open_index, logs, tmp_path):
    open_index().close()
    for n in range(20):
        logs.append(f"s{n}")
    (tmp_path / "index.db").unlink()
    one, two = open_index(), open_index()
    assert one.wait(60)
    assert two.wait(60)
    assert len(found(one)) == len(found(two)) == 20
    assert len(logs.folded) == 20


# -- rebuild ---------------------------------------------------------------------------------------------------------


def test_rebuild_makes_every_row_anew_and_drops_what_has_no_log(index, logs, tmp_path):
    for n in range(20):
        write(index, logs, f"s{n}", title="right")
    child = logs.append("c", child_of="s1", kind="child")
    found(index)
    wrong = logs.row(place_of("s3"))
    con = apsw.Connection(str(tmp_path / "index.db"))
    con.execute("UPDATE sessions SET title = 'wrong' WHERE id = ?", (wrong.id,))
    con.close()
    shutil.rmtree(tmp_path / place_of("s0"))
    told = []
    index.rebuild(lambda *said: told.append(said))
    assert told[-1] == ("index", 20, 20)
    assert len(found(index)) == 19
    assert found(index, title="right", all_kinds=True) == sorted(f"s{n}" for n in range(1, 20))
    assert index.catalogue.at(child).id == "c"
    assert {path.name for path in tmp_path.glob("index*")} <= {"index.db", "index.db-wal", "index.db-shm", "index.lock"}


def test_writes_during_a_rebuild_are_in_the_new_file_even_behind_a_clean_point(open_index, logs, tmp_path):
    mine, theirs = open_index(), open_index()
    for n in range(40):
        write(theirs, logs, f"s{n:02d}", title="before")
    theirs.clean_point()
    done = []

    def meanwhile(place):
        if place == place_of("s20") and not done:
            done.append(True)
            write(theirs, logs, "s00", title="changed, row put and noted no more")
            shutil.rmtree(tmp_path / place_of("s01"))
            theirs.touched(place_of("s01"), lambda: None)
            write(theirs, logs, "new")
            assert theirs.clean_point()
            write(theirs, logs, "s02", title="changed, in hand")

    logs.before_fold = meanwhile
    mine.rebuild()
    now = titles(mine)
    assert now["s00"].startswith("changed")
    assert now["s02"] == "changed, in hand"
    assert "new" in now
    assert "s01" not in now
    assert titles(theirs) == now


def test_a_rebuild_that_fails_leaves_the_catalogue_as_it_was(index, logs, tmp_path, monkeypatch):
    write(index, logs, "s")
    found(index)

    def fail(*_, **__):
        msg = "no space"
        raise Unavailable(msg)

    monkeypatch.setattr(Catalogue, "switch_to", fail)
    with pytest.raises(Unavailable):
        index.rebuild()
    assert found(index) == ["s"]
    assert not list(tmp_path.glob("*rebuild*"))


def test_a_session_that_cannot_be_read_keeps_its_row_in_a_rebuild(index, logs):
    place = write(index, logs, "s", title="known")
    found(index)
    logs.broken[place] = Corrupt("broken here")
    index.rebuild()
    assert index.catalogue.get("s").info.title == "known"
    assert index.problems == (f"{place}: broken here",)


def test_the_walk_gives_roots_and_children_and_nothing_else(logs, tmp_path):
    logs.append("a")
    logs.append("b")
    logs.append("c", child_of="a")
    (tmp_path / "sessions" / "link").symlink_to(tmp_path / place_of("b"))
    assert list(walk(tmp_path, [])) == ["sessions/a", "sessions/a/children/c", "sessions/b"]
    assert list(walk(tmp_path / "nowhere", [])) == []


# -- notes and clean points ------------------------------------------------------------------------------------------


def test_a_clean_point_makes_rows_durable_before_names_are_forgotten(index, logs, tmp_path, monkeypatch):
    write(index, logs, "s")
    order = []
    sync, truncate = disk.datasync, disk.truncate
    monkeypatch.setattr(disk, "datasync", lambda fd: (order.append("sync"), sync(fd)))
    monkeypatch.setattr(disk, "truncate", lambda fd, size: (order.append("forget"), truncate(fd, size)))
    assert index.clean_point()
    assert order == ["sync", "forget"]
    assert noted(tmp_path) == [()]


def test_a_clean_point_that_cannot_be_made_durable_forgets_nothing(index, logs, tmp_path, monkeypatch):
    place = write(index, logs, "s")

    def fail(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "datasync", fail)
    assert not index.clean_point()
    assert noted(tmp_path) == [(place,)]
    assert "Input/output error" in index.problems[0]
    monkeypatch.undo()
    assert index.clean_point()
    assert index.problems == ()


def test_what_is_being_written_is_not_forgotten_by_a_clean_point(index, logs, tmp_path):
    index.begin(place_of("s"))
    write(index, logs, "t")
    assert index.clean_point()
    assert noted(tmp_path) == [(place_of("s"),)]
    logs.append("s")
    index.touched(place_of("s"), lambda: logs.row(place_of("s")))
    assert index.clean_point()
    assert noted(tmp_path) == [()]


def test_what_is_touched_during_a_clean_point_is_not_forgotten(index, logs, tmp_path, monkeypatch):
    write(index, logs, "s")
    sync = index.catalogue.sync

    def meanwhile(**options):
        write(index, logs, "s", title="meanwhile")
        sync(**options)

    monkeypatch.setattr(index.catalogue, "sync", meanwhile)
    index.clean_point()
    assert noted(tmp_path) == [(place_of("s"),)]


def test_many_sessions_reach_clean_points_without_being_asked(index, logs, tmp_path):
    reached = threading.Event()
    clean = index._note.clean
    index._note.clean = lambda keep=(): (clean(keep), reached.set())
    for n in range(NOTED_SESSIONS_MAX):
        write(index, logs, f"s{n}")
    assert reached.wait(60)
    with index._work:
        assert len(noted(tmp_path)[0]) < NOTED_SESSIONS_MAX


def test_the_65th_session_does_not_wait_for_a_clean_point_under_way(index, logs, tmp_path):
    begun, go = threading.Event(), threading.Event()

    def slow(place):
        begun.set()
        go.wait(60)
        return logs.row(place)

    index.begin(place_of("slow"))
    logs.append("slow")
    index.touched(place_of("slow"), lambda: slow(place_of("slow")))
    for n in range(NOTED_SESSIONS_MAX * 2):
        write(index, logs, f"s{n}")
    assert begun.wait(60)
    assert len(noted(tmp_path)[0]) > NOTED_SESSIONS_MAX
    go.set()
    assert index.clean_point()
    assert noted(tmp_path) == [()]


def test_an_append_is_refused_when_its_session_cannot_be_noted(index, logs, monkeypatch):
    def fail(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_all", fail)
    with pytest.raises(Unavailable, match="No space"):
        index.begin(place_of("s"))
    monkeypatch.undo()
    write(index, logs, "s")
    assert found(index) == ["s"]


def test_closing_puts_everything_and_leaves_no_note(open_index, logs, tmp_path):
    index = open_index()
    write(index, logs, "s")
    index.close()
    index.close()
    assert list((tmp_path / "writers").iterdir()) == []
    logs.folded.clear()
    after = open_index()
    assert found(after) == ["s"]
    assert logs.folded == []


def test_closing_compares_a_write_that_was_not_heard_of_again(open_index, logs, tmp_path):
    index = open_index()
    index.begin(place_of("s"))
    logs.append("s")
    index.close()
    assert noted(tmp_path) == []
    assert open_index().catalogue.get("s").id == "s"


def test_what_cannot_be_put_at_the_end_stays_in_the_note(open_index, logs, tmp_path, monkeypatch):
    monkeypatch.setattr(indexer, "FLUSH_WAIT_MS", 1)
    index = open_index()
    place = write(index, logs, "s")
    other = apsw.Connection(str(tmp_path / "index.db"))
    other.execute("BEGIN IMMEDIATE")
    index.close()
    other.execute("ROLLBACK")
    other.close()
    assert noted(tmp_path) == [(place,)]
    assert found(open_index()) == ["s"]


# -- errors stay behind the acknowledgement --------------------------------------------------------------------------


def test_touched_never_raises_and_a_row_that_cannot_be_made_is_shown_and_tried_again(index, logs):
    place = place_of("s")
    index.begin(place)
    logs.append("s")
    failures = [RuntimeError("not now")]

    def supplier():
        if failures:
            raise failures.pop()
        return logs.row(place)

    index.touched(place, supplier)
    assert index.flush()
    assert index.problems == (f"{place}: not now",)
    assert found(index) == ["s"]
    assert index.problems == ()


def test_a_supplier_whose_log_was_closed_is_answered_by_the_file(index, logs):
    place = place_of("s")
    logs.append("s")

    def closed():
        msg = "closed"
        raise Unavailable(msg)

    def gone():
        msg = "deleted"
        raise NotFound(msg)

    index.touched(place, closed)
    index.touched("sessions/gone", gone)
    assert found(index) == ["s"]
    assert index.problems == ()


def test_a_thread_that_cannot_be_started_is_a_problem_and_no_error(index, logs, monkeypatch):
    def refuse(self):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    write(index, logs, "s")
    assert index.problems == ("thread: can't start new thread",)
    assert found(index) == ["s"]


def test_a_row_that_no_catalogue_takes_does_not_stop_the_others(index, logs):
    bad = replace(logs.row(logs.append("bad")), size=2**64)
    index.touched(bad.place, lambda: bad)
    write(index, logs, "fine")
    assert index.flush()
    assert index.catalogue.get("fine") is not None
    assert index.problems[0].startswith(bad.place)


def test_find_works_on_a_full_disk(index, logs, monkeypatch):
    write(index, logs, "before")
    found(index)

    def full(*_, **__):
        msg = "no space"
        raise Unavailable(msg)

    monkeypatch.setattr(index.catalogue, "put", full)
    write(index, logs, "s")
    assert found(index) == ["before", "s"]
    assert index.problems == ("index: no space",)


def test_leftovers_of_a_killed_rebuild_are_removed_at_the_next_start(open_index, tmp_path):
    for name in ("index.db.rebuild-1-a", "index.db.rebuild-1-a-wal", "index.db.rebuild-1-a.lock", "index.survey.lock"):
        (tmp_path / name).write_bytes(b"x")
    open_index().close()
    assert {path.name for path in tmp_path.glob("index*")} == {"index.db", "index.lock"}


def test_an_error_in_the_background_is_kept_and_the_thread_goes_on(index, logs, monkeypatch):
    failed, worked = threading.Event(), threading.Event()
    put = index.catalogue.put

    def failing(rows, **options):
        if rows and not failed.is_set():
            failed.set()
            msg = "no such luck"
            raise apsw.SQLError(msg)
        answer = put(rows, **options)
        worked.set()
        return answer

    monkeypatch.setattr(index.catalogue, "put", failing)
    write(index, logs, "s")
    index._worker.wake(soon=True)
    assert failed.wait(60)
    with index._work:
        assert index.problems == ("index: no such luck",)
    index._worker.wake(soon=True)
    assert worked.wait(60)
    with index._work:
        assert index.problems == ()


def test_a_turn_in_which_the_catalogue_does_not_answer_is_taken_again(index, logs, monkeypatch):
    def gone():
        msg = "no index"
        raise Unavailable(msg)

    with monkeypatch.context() as patched:
        patched.setattr(index._survey, "needed", gone)
        assert index._turn(idle=True)
    assert index.problems == ("index: no index",)
    write(index, logs, "s")
    assert not index._turn(idle=True)
    assert index.problems == ()


# -- the thread ------------------------------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_work_waits_for_a_pause_but_not_for_ever():
    clock = Clock()
    idle = worker.Worker(lambda *, idle: False, clock=clock)
    idle._thread = threading.current_thread()
    idle.touch()
    idle.wake(soon=False)
    assert idle._time_left() == worker.IDLE_S
    clock.now += 0.9
    idle.touch()
    assert idle._time_left() == worker.IDLE_S
    clock.now += 4.0
    idle.touch()
    assert idle._time_left() == pytest.approx(worker.LATEST_S - 4.9)
    idle.wake(soon=True)
    assert idle._time_left() == 0


def test_rows_follow_by_themselves_after_a_pause(tmp_path, logs, monkeypatch):
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    index = Indexer(tmp_path, Catalogue(tmp_path / "index.db", fold_version=FOLD_VERSION), logs, boot=BOOT)
    index.start()
    done = threading.Event()
    put = index.catalogue.put
    monkeypatch.setattr(index.catalogue, "put", lambda rows, **options: (put(rows, **options), rows and done.set())[0])
    write(index, logs, "s")
    assert done.wait(60)
    assert index.catalogue.get("s") is not None
    index.close()


def test_the_thread_ends_when_nothing_is_left_and_comes_back(monkeypatch):
    monkeypatch.setattr(worker, "LINGER_S", 0.01)
    turns = []
    one = worker.Worker(lambda *, idle: bool(turns.append(idle)))
    for count in (1, 2):
        one.wake(soon=True)
        thread = one._thread
        if thread is not None:
            thread.join(60)
        assert one._thread is None
        assert len(turns) == count
    one.stop()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_nothing_in_hand_and_works_on_its_own(index, logs, tmp_path):
    write(index, logs, "parent")
    pid = os.fork()
    if pid == 0:
        try:
            assert index._dirty == {}
            write(index, logs, "child")
            assert found(index) == ["child", "parent"]
            index.close()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must not come back into the test
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert noted(tmp_path) == [(place_of("parent"),)]
    assert found(index) == ["child", "parent"]


def test_many_writers_and_finders_at_once_miss_nothing(open_index, logs):
    indexes = [open_index() for _ in range(2)]
    errors = []

    def work(number):
        try:
            index = indexes[number % 2]
            for n in range(30):
                write(index, logs, f"{number}-{n}")
                assert f"{number}-{n}" in found(indexes[(number + n) % 2])
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(len(found(index)) == 120 for index in indexes)


# -- syncs -----------------------------------------------------------------------------------------------------------


def test_a_thousand_turns_on_one_session_cause_few_syncs(tmp_path, logs, monkeypatch):
    counted = collections.Counter()
    for name in ("fsync", "fdatasync"):
        original = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda fd, name=name, original=original: (counted.update([name]), original(fd))[1]
        )
    monkeypatch.setattr(worker, "IDLE_S", 0.001)
    index = Indexer(tmp_path, Catalogue(tmp_path / "index.db", fold_version=FOLD_VERSION), logs, boot=BOOT)
    index.start()
    for n in range(1_000):
        write(index, logs, "s")
        if n % 100 == 0:
            index.flush()
    index.close()
    assert counted.total() <= 6


TRACED = """
import sys
from pathlib import Path
from support.fake_logs import FOLD_VERSION, FakeLogs, place_of
from hansard.backends.file.catalogue import Catalogue
from hansard.backends.file.indexer import Indexer
root = Path(sys.argv[1])
logs = FakeLogs(root)
index = Indexer(root, Catalogue(root / "index.db", fold_version=FOLD_VERSION), logs)
index.start()
for n in range(1_000):
    index.begin(place_of("s"))
    place = logs.append("s")
    index.touched(place, lambda: logs.row(place))
    if n % 50 == 0:
        index.flush()
index.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: system calls are not counted")
def test_the_system_sees_at_most_ten_syncs_in_a_thousand_turns(tmp_path):
    trace = tmp_path / "trace"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=fsync,fdatasync,sync_file_range,msync,syncfs"]
    store = tmp_path / "store"
    store.mkdir()
    result = subprocess.run(
        [*command, sys.executable, "-c", TRACED, str(store)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in result.stderr.lower():
        pytest.skip(f"strace may not trace here: {result.stderr.strip()[:200]}")
    assert result.returncode == 0, result.stderr
    calls = re.findall(r"(f(?:data)?sync)\([0-9]+<([^>]*)>", trace.read_text())
    assert len(calls) <= 10, calls
