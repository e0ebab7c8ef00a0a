from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import stat
import threading

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hansard.backends.file import dbfile
from hansard.backends.file.catalogue import Catalogue
from hansard.backends.file.database import Database
from hansard.errors import Invalid, Unavailable
from hansard.model.info import Segment, SessionInfo
from hansard.query import All, AnyOf, Field, Has, Not, find_all, where
from support.fake_logs import FOLD_VERSION, FakeLogs, create_and_put, info_of, place_of, row_of


@pytest.fixture
def catalogue(tmp_path):
    catalogue = Catalogue(tmp_path / "index.db", fold_version=FOLD_VERSION)
    yield catalogue
    catalogue.close()


def opened(path):
    return Catalogue(path / "index.db", fold_version=FOLD_VERSION)


def ids(catalogue, condition=None, order="id", **options):
    condition = where(all_kinds=True) if condition is None else condition
    return [info.id for info in catalogue.find(condition, order=order, limit=100, **options)]


def test_a_row_comes_back_as_it_was_put(catalogue):
    row = row_of("s", 4, title="a \0 b \ud800", state={"n": 2**70, "lone": "\udfff"}, metadata={"x": None})
    assert catalogue.put([row])
    assert catalogue.get("s") == row
    assert catalogue.at(row.place) == row
    assert catalogue.get("other") is None
    assert catalogue.at("sessions/other") is None


def test_ids_that_look_alike_are_different_rows(catalogue):
    names = ["A", "a", "..", "a/b", "a_b", "é", "e\u0301", "数据", "a\0b", "a\0c", "😀", "x" * 512]
    catalogue.put([row_of(name) for name in names])
    assert sorted(ids(catalogue)) == sorted(names)
    assert all(catalogue.get(name).id == name for name in names)


def test_an_inode_above_63_bits_survives(catalogue):
    catalogue.put([row_of("s", inode=2**64 - 5)])
    assert catalogue.get("s").inode == 2**64 - 5
    assert catalogue.seen([place_of("s"), "sessions/none"])[place_of("s")].inode == 2**64 - 5


def test_numbers_that_no_column_holds_do_not_stop_the_batch(catalogue):
    assert catalogue.put([row_of("big", number=2**70, message_count=-(2**80)), row_of("s")])
    assert catalogue.get("big").info.number == 2**70
    assert ids(catalogue, where(number=2**70)) == ["big"]


def test_a_row_of_an_older_fold_never_replaces_a_newer(catalogue):
    catalogue.put([row_of("s", 1, version=FOLD_VERSION + 1, title="new")])
    assert catalogue.put([row_of("s", 2, title="old")])
    row = catalogue.get("s")
    assert (row.info.title, row.fold_version) == ("new", FOLD_VERSION + 1)


@pytest.mark.parametrize("version", [FOLD_VERSION - 1, FOLD_VERSION + 1])
def test_the_fold_of_another_version_counts_as_absent_but_its_place_is_kept(catalogue, version):
    catalogue.put([row_of("s", 2, version=version)])
    row = catalogue.get("s")
    assert (row.offset, row.hash, row.fold) == (0, "", b"")
    assert row.place == place_of("s")
    assert row.info.seq == 2


def test_a_row_of_a_newer_fold_replaces_an_older_one_even_of_more_bytes(catalogue):
    catalogue.put([row_of("s", 5, version=FOLD_VERSION - 1)])
    catalogue.put([row_of("s", 4)])
    assert catalogue.get("s").info.seq == 4


def test_a_row_that_covers_less_of_the_same_log_is_left_out(tmp_path, catalogue):
    logs = FakeLogs(tmp_path)
    place = logs.append("s")
    early = logs.row(place)
    logs.append("s", title="later")
    late = logs.row(place)
    catalogue.put([late])
    assert catalogue.put([early])
    assert catalogue.get("s").info.title == "later"


def test_a_log_that_was_cut_or_replaced_gets_its_row(tmp_path, catalogue):
    logs = FakeLogs(tmp_path)
    place = logs.append("s")
    logs.append("s", title="later")
    catalogue.put([logs.row(place)])
    path = tmp_path / place / "log.jsonl"
    os.truncate(path, 12)
    cut = logs.row(place)
    catalogue.put([cut])
    assert catalogue.get("s") == cut
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    replaced = logs.row(place)
    catalogue.put([replaced])
    assert catalogue.get("s").inode == replaced.inode != cut.inode


def test_a_row_of_a_file_that_is_no_longer_there_is_left_out(tmp_path, catalogue):
    logs = FakeLogs(tmp_path)
    place = logs.append("s", title="old")
    old = logs.row(place)
    (tmp_path / place / "log.jsonl").rename(tmp_path / "kept")
    logs.append("s", title="new")
    catalogue.put([logs.row(place)])
    catalogue.put([old])
    assert catalogue.get("s").info.title == "new"


def test_a_session_that_moved_or_gave_its_place_away_has_one_row(catalogue):
    row = row_of("s")
    catalogue.put([row])
    catalogue.put([replace(row_of("t"), place=row.place)])
    assert catalogue.get("s") is None
    assert catalogue.at(row.place).id == "t"
    assert [(change.id, change.gone) for change in catalogue.changed(0)] == [("s", True), ("t", False)]


def test_only_the_place_of_a_log_that_is_gone_is_removed(tmp_path, catalogue):
    logs = FakeLogs(tmp_path)
    here, gone = logs.append("here"), logs.append("gone")
    catalogue.put([logs.row(here), logs.row(gone)])
    shutil.rmtree(tmp_path / gone)
    assert catalogue.put([], gone=[here, gone, "sessions/never"])
    assert ids(catalogue) == ["here"]


def test_changes_are_told_once_in_their_order_with_tombstones(catalogue):
    catalogue.put([row_of("a"), row_of("b")])
    first = list(catalogue.changed(0))
    assert [(c.id, c.gone, c.seq) for c in first] == [("a", False, 1), ("b", False, 1)]
    since = first[-1].rev
    assert since == catalogue.rev
    catalogue.put([row_of("a", 2)], gone=[place_of("b")])
    changed = list(catalogue.changed(since))
    assert [(c.id, c.gone, c.place) for c in changed] == [("a", False, place_of("a")), ("b", True, place_of("b"))]
    assert changed[0].hash == row_of("a", 2).hash
    catalogue.put([row_of("b", 3)])
    assert [(c.id, c.gone) for c in catalogue.changed(since)] == [("a", False), ("b", False)]


def test_a_row_of_the_same_log_is_no_change(catalogue):
    catalogue.put([row_of("a")])
    rev = catalogue.rev
    catalogue.put([row_of("a")])
    assert list(catalogue.changed(rev)) == []


def test_more_changes_than_a_chunk_are_all_told(catalogue):
    catalogue.put([row_of(f"s{n}") for n in range(1_003)])
    assert len({change.id for change in catalogue.changed(0)}) == 1_003
    assert len(list(catalogue.places())) == 1_003


def test_an_unchanged_state_is_not_written_again(tmp_path, catalogue):
    big = {"text": "x" * 500_000}
    catalogue.put([row_of("s", 1, state=big)])
    catalogue.sync(whole=True)
    catalogue.put([row_of("s", 2, state=big)])
    assert (tmp_path / "index.db-wal").stat().st_size < 200_000
    assert catalogue.get("s").info.state == big
    catalogue.put([row_of("s", 3)])
    assert catalogue.get("s").info.state == {}


def test_put_gives_up_at_once_while_somebody_writes(tmp_path, catalogue):
    other = apsw.Connection(str(tmp_path / "index.db"))
    other.execute("BEGIN IMMEDIATE")
    assert not catalogue.put([row_of("s")])
    assert ids(catalogue) == []
    other.execute("ROLLBACK")
    other.close()
    assert catalogue.put([row_of("s")])


def test_many_threads_put_and_find_at_once(catalogue):
    errors = []

    def work(number):
        try:
            for n in range(20):
                assert catalogue.put([row_of(f"{number}-{n}")], wait_ms=10_000)
                ids(catalogue)
        except Exception as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(ids(catalogue, order="-activity")) == 80


# -- files that can't be used ----------------------------------------------------------------------------------------


def test_a_new_file_is_fresh_and_private_and_an_existing_one_is_not_fresh(tmp_path):
    first = opened(tmp_path)
    assert first.fresh
    assert not first.complete
    assert stat.S_IMODE((tmp_path / "index.db").stat().st_mode) == 0o600
    first.set_complete()
    second = opened(tmp_path)
    assert not second.fresh
    assert second.complete
    first.close()
    second.close()


def spoil_with_rubbish(path):
    path.write_bytes(b"rubbish " * 4_000)


def spoil_by_emptying(path):
    path.write_bytes(b"")


def spoil_by_cutting(path):
    os.truncate(path, path.stat().st_size // 2)


def spoil_by_version(path):
    con = apsw.Connection(str(path))
    con.pragma("user_version", 99)
    con.close()


def spoil_by_another_program(path):
    path.unlink()
    con = apsw.Connection(str(path))
    con.execute("CREATE TABLE sessions (mine)")
    con.close()


def spoil_by_link(path):
    path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(path.with_suffix(".elsewhere"))


SPOILERS = [
    spoil_with_rubbish,
    spoil_by_emptying,
    spoil_by_cutting,
    spoil_by_version,
    spoil_by_another_program,
    spoil_by_link,
]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_file_that_cannot_be_used_is_replaced_by_an_empty_one(tmp_path, spoil):
    before = opened(tmp_path)
    before.put([row_of(f"s{n}") for n in range(50)])
    before.set_complete()
    before.close()
    spoil(tmp_path / "index.db")
    after = opened(tmp_path)
    assert after.fresh
    assert not after.complete
    assert ids(after) == []
    assert after.put([row_of("t")])
    after.close()
    assert {path.name for path in tmp_path.iterdir()} <= {"index.db", "index.lock", "index.elsewhere"}


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError, apsw.ReadOnlyError])
def test_a_file_that_the_medium_does_not_give_is_unavailable_and_stays(tmp_path, monkeypatch, error):
    handle = opened(tmp_path)
    handle.put([row_of("s")])
    handle._database.release()
    inode = (tmp_path / "index.db").stat().st_ino

    def refused(*_given, **_named):
        raise error("disk I/O error")

    monkeypatch.setattr(Database, "_usable", refused)
    with pytest.raises(Unavailable, match=r"index\.db"):
        ids(handle)
    monkeypatch.undo()
    assert ids(handle) == ["s"]
    assert (tmp_path / "index.db").stat().st_ino == inode
    handle.close()


def test_too_many_open_files_do_not_cost_the_index(tmp_path, monkeypatch):
    handle = opened(tmp_path)
    handle.put([row_of("s")])
    handle._database.release()
    own = os.open

    def full(path, *given, **named):
        if str(path).endswith("index.db"):
            raise OSError(errno.EMFILE, "Too many open files")
        return own(path, *given, **named)

    def refused(*_given, **_named):
        raise apsw.CantOpenError("unable to open database file")

    monkeypatch.setattr(os, "open", full)
    monkeypatch.setattr(Database, "_usable", refused)
    with pytest.raises(Unavailable, match="ulimit"):
        ids(handle)
    monkeypatch.undo()
    assert ids(handle) == ["s"]
    handle.close()


@pytest.mark.parametrize("spoil", [spoil_with_rubbish, spoil_by_cutting, spoil_by_emptying])
def test_damage_under_an_open_handle_gives_an_empty_file_and_no_error(tmp_path, spoil):
    handle = opened(tmp_path)
    handle.put([row_of(f"s{n}", title="x" * 500) for n in range(200)])
    handle.sync(whole=True)
    handle._database.release()
    spoil(tmp_path / "index.db")
    assert ids(handle) == []
    assert not handle.complete
    handle.close()


def test_damage_inside_a_page_is_found_at_use_and_the_file_replaced(tmp_path):
    handle = opened(tmp_path)
    handle.put([row_of(f"s{n}", title="x" * 500) for n in range(200)])
    handle.close()
    path = tmp_path / "index.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    handle = opened(tmp_path)
    assert ids(handle) == []
    assert handle.fresh
    handle.close()


@pytest.mark.parametrize("info", [b'{"id":', b'{"id":"a"}}', b"\xff", b'{"id":7}', b"[]"])
@pytest.mark.parametrize("ask", [lambda catalogue: catalogue.get("a"), ids])
def test_an_info_that_can_not_be_read_is_damage_of_the_file(catalogue, info, ask):
    catalogue.put([row_of("a")])
    con = apsw.Connection(str(catalogue.path))
    con.execute("UPDATE bodies SET info = ?", (info,))
    con.close()
    assert not ask(catalogue)
    assert catalogue.fresh


def test_deleting_the_file_under_open_handles_makes_them_share_a_new_one(tmp_path):
    one, two = opened(tmp_path), opened(tmp_path)
    one.put([row_of("old")])
    generation = one.generation
    (tmp_path / "index.db").unlink()
    assert one.put([row_of("new")])
    assert ids(two) == ["new"]
    assert one.generation == two.generation != generation
    one.close()
    two.close()
    again = opened(tmp_path)
    assert ids(again) == ["new"]
    again.close()


def test_a_log_of_the_lost_file_is_not_played_into_the_next(tmp_path):
    one = opened(tmp_path)
    one.put([row_of("old")])
    shutil.copy(tmp_path / "index.db-wal", tmp_path / "kept")
    one.close()
    (tmp_path / "index.db").unlink()
    (tmp_path / "kept").rename(tmp_path / "index.db-wal")
    two = opened(tmp_path)
    assert ids(two) == []
    two.close()


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    (tmp_path / "index.db").mkdir()
    with pytest.raises(Unavailable, match=r"index\.db.*folder"):
        opened(tmp_path)


def test_leftovers_of_killed_builders_are_removed(tmp_path):
    (tmp_path / "index.db.new-1-abc").write_bytes(b"x")
    opened(tmp_path).close()
    assert not list(tmp_path.glob("*.new-*"))


def test_a_closed_catalogue_says_so_and_leaves_one_file(tmp_path):
    catalogue = opened(tmp_path)
    catalogue.put([row_of("s")])
    catalogue.close()
    catalogue.close()
    with pytest.raises(Unavailable, match="closed"):
        catalogue.get("s")
    assert {path.name for path in tmp_path.iterdir()} == {"index.db", "index.lock"}


def test_closing_one_of_two_handles_takes_nothing_from_the_other(tmp_path):
    one, two = opened(tmp_path), opened(tmp_path)
    one.put([row_of("a")])
    one.close()
    assert two.put([row_of("b")])
    assert ids(two) == ["a", "b"]
    two.close()


# -- switching -------------------------------------------------------------------------------------------------------


def test_a_rebuilt_file_takes_the_place_and_every_handle_sees_it(tmp_path):
    one, two = opened(tmp_path), opened(tmp_path)
    one.put([row_of("stale"), row_of("kept", title="old")])
    since, generation = one.rev, one.generation
    built = one.rebuilt()
    built.put([row_of("kept", title="new")])
    two.put([row_of("meanwhile")])
    assert one.switch_to(built, since=since) == [place_of("meanwhile")]
    assert ids(two) == ids(one) == ["kept", "meanwhile"]
    assert two.get("kept").info.title == "new"
    changes = {change.id: change.gone for change in two.changed(since)}
    assert changes == {"stale": True, "kept": False, "meanwhile": False}
    assert two.generation == generation
    one.close()
    two.close()
    assert {path.name for path in tmp_path.iterdir()} == {"index.db", "index.lock"}


def test_a_switch_that_others_prevent_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("hansard.backends.file.database.WAIT_MS", 1)
    one = opened(tmp_path)
    one.put([row_of("s")])
    built = one.rebuilt()
    other = apsw.Connection(str(tmp_path / "index.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        one.switch_to(built, since=0)
    other.close()
    built.abandon()
    assert ids(one) == ["s"]
    one.close()
    assert {path.name for path in tmp_path.iterdir()} == {"index.db", "index.lock"}


def test_a_writer_that_holds_the_old_file_writes_to_the_new_one(tmp_path, monkeypatch):
    one, two = opened(tmp_path), opened(tmp_path)
    built = one.rebuilt()
    identity, switched = dbfile.identity, []

    def late(path):
        found = identity(path)
        if not switched and path == tmp_path / "index.db":
            switched.append(True)
            one.switch_to(built, since=0)
        return found

    ids(two)
    monkeypatch.setattr(dbfile, "identity", late)
    assert two.put([row_of("late")])
    assert switched
    assert ids(one) == ids(two) == ["late"]
    one.close()
    two.close()


# -- forks and processes ---------------------------------------------------------------------------------------------


def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must not come back into the test
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_and_its_parent_go_on_with_handles_of_their_own(catalogue):
    catalogue.put([row_of("before")])

    def child():
        assert ids(catalogue) == ["before"]
        assert catalogue.put([row_of("child")], wait_ms=5_000)
        catalogue.close()

    assert in_child(child) == 0
    assert catalogue.put([row_of("parent")])
    assert ids(catalogue) == ["before", "child", "parent"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forking_while_threads_write_keeps_no_lock_in_the_child(catalogue):
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            catalogue.put([row_of("busy", n := n + 1)], wait_ms=5_000)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for n in range(5):
            assert in_child(lambda n=n: catalogue.put([row_of(f"child{n}")], wait_ms=5_000) or os._exit(2)) == 0
    finally:
        stop.set()
        thread.join()
    assert len(ids(catalogue)) == 6


def test_processes_that_create_the_file_at_once_share_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    workers = [context.Process(target=create_and_put, args=(tmp_path, n, barrier)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    catalogue = opened(tmp_path)
    assert len(ids(catalogue)) == 30
    catalogue.close()


# -- find ------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from([None, "", "a", "b", "A", "a\0", "\ufffd", "\ud800", "数", "é", "2026"])
TIMES = st.sampled_from(
    ["", "2026-11-21T08:00:00.000001Z", "2026-11-21T08:00:00.000002Z", "2027-01-01T00:00:00.000000Z"]
)
VALUES = st.one_of(WORDS, TIMES, st.sampled_from([0, 1, 2, 1.0, 1.5, True, False, 2**70, -(2**70), 2**63, "1"]))
NAMES = st.sampled_from([
    "id", "kind", "parent", "user", "title", "status", "number", "pinned", "damaged", "seq", "touched_us", "created_at",
    "activity_at", "is_empty", "is_fork", "is_error", "title_source", "entry_count", "depth",
])  # fmt: skip
FIELDS = st.one_of(
    st.builds(Field, NAMES, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES),
    st.builds(Field, NAMES, st.just("in"), st.lists(VALUES, max_size=3).map(tuple)),
    st.builds(Has, st.sampled_from(["labels", "state", "fields"]), st.sampled_from(["k", "k\0", "x"]), VALUES),
)
CONDITIONS = st.recursive(
    FIELDS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
SESSIONS = st.builds(
    SessionInfo,
    id=st.sampled_from(["a", "b", "c", "d", "A", "数"]),
    kind=st.sampled_from(["root", "fork", "child", "run"]),
    parent=st.sampled_from([None, "a"]),
    user=WORDS,
    title=WORDS.filter(lambda word: word not in ("a\0", "\ud800")),
    status=WORDS,
    number=st.sampled_from([None, 1, 2, 2**70]),
    pinned=st.booleans(),
    depth=st.integers(0, 2),
    seq=st.integers(0, 3),
    touched_us=st.integers(0, 3),
    created_at=TIMES,
    activity_at=TIMES,
    user_message_count=st.integers(0, 1),
    entry_count=st.integers(0, 2),
    error=st.sampled_from([None, {"x": 1}]),
    segments=st.sampled_from([(), (Segment("o", 1, ""),)]),
    labels=st.dictionaries(st.sampled_from(["k", "k\0"]), st.sampled_from(["a", "b", "\ufffd", "\ud800"]), max_size=2),
    state=st.dictionaries(st.just("k"), VALUES, max_size=1),
)
ORDERS = st.tuples(
    st.sampled_from(["", "-"]), st.sampled_from(["activity", "updated", "created", "touched", "title", "id", "seq"])
).map("".join)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    catalogue = opened(tmp_path_factory.mktemp("catalogue"))
    yield catalogue
    catalogue.close()


def fill(catalogue, infos):
    catalogue.put([], gone=list(catalogue.places()))
    rows = [row_of(info.id) for info in infos]
    catalogue.put([replace(row, info=info) for row, info in zip(rows, infos, strict=True)])


@given(st.lists(SESSIONS, max_size=6, unique_by=lambda info: info.id), CONDITIONS, ORDERS, st.integers(1, 4), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_find_gives_the_pages_that_looking_at_every_session_gives(shared, infos, condition, order, limit, data):
    fill(shared, infos)
    over = data.draw(st.dictionaries(st.sampled_from(["a", "b", "new"]), st.booleans(), max_size=2))
    laid = {name: info_of(name, 2, user="a") if there else None for name, there in over.items()}
    known = {info.id: info for info in infos} | laid
    cursor = None
    for _ in range(8):
        everything = [info for info in known.values() if info is not None]
        expected = find_all(everything, condition, order=order, limit=limit, cursor=cursor)
        page = shared.find(condition, order=order, limit=limit, cursor=cursor, over=laid)
        assert page == expected
        if (cursor := page.cursor) is None:
            break
    assert cursor is None


def test_pages_do_not_shift_when_sessions_come_and_go(catalogue):
    catalogue.put([row_of(f"s{n}", n) for n in range(1, 10)])
    first = catalogue.find(where(), order="-activity", limit=3)
    catalogue.put([row_of("s10", 10)], gone=[place_of("s9"), place_of("s7")])
    second = catalogue.find(where(), order="-activity", limit=3, cursor=first.cursor)
    assert [info.id for info in (*first, *second)] == ["s9", "s8", "s7", "s6", "s5", "s4"]


def test_the_last_page_has_no_cursor_even_if_it_is_full(catalogue):
    catalogue.put([row_of(f"s{n}", n) for n in range(1, 5)])
    assert catalogue.find(where(), order="id", limit=4).cursor is None
    assert catalogue.find(where(), order="id", limit=3).cursor is not None


@pytest.mark.parametrize(
    "options",
    [{"order": "colour"}, {"limit": 0}, {"cursor": "x"}, {"condition": Field("colour", "=", 1)}],
)
def test_a_senseless_question_is_invalid_even_without_sessions(catalogue, options):
    asked = {"condition": where(), "order": "id", "limit": 5, "cursor": None} | options
    with pytest.raises(Invalid):
        catalogue.find(asked.pop("condition"), **asked)


def plan_of(catalogue, monkeypatch, condition, order):
    seen = []
    con, _ = catalogue._database._take()
    con.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: seen.append(event["sql"]))
    catalogue._database._idle.append(con)
    catalogue.find(condition, order=order, limit=50)
    con.trace_v2(0, None)
    sql = next(sql for sql in seen if "bodies" in sql)
    return " ".join(row[3] for row in con.execute("EXPLAIN QUERY PLAN " + sql, (None,) * sql.count("?")))


@pytest.mark.parametrize(
    ("filters", "order", "index"),
    [
        ({}, "-activity", "by_activity"),
        ({}, "activity", "by_activity"),
        ({"all_kinds": True}, "-activity", "by_activity"),
        ({"kind": "child"}, "-activity", "by_activity"),
        ({}, "-updated", "by_update"),
        ({}, "-created", "by_creation"),
        ({"all_kinds": True, "updated_since": 0}, "touched", "by_touch"),
        ({"user": "ana"}, "-activity", "by_user"),
        ({"status": "running"}, "-activity", "by_status"),
        ({"parent": "p"}, "-activity", "by_parent"),
        ({"root": "r"}, "id", "by_root"),
    ],
)
def test_common_questions_are_answered_by_an_index(catalogue, monkeypatch, filters, order, index):
    catalogue.put([row_of("s")])
    assert index in plan_of(catalogue, monkeypatch, where(**filters), order)


def test_a_filter_outside_the_columns_is_answered_over_many_chunks(catalogue):
    catalogue.put([row_of(f"s{n:04d}", n + 1, metadata={"even": n % 2 == 0}) for n in range(2_500)])
    found = catalogue.find(where(metadata={"even": True}), order="-activity", limit=1_200)
    assert len(found) == 1_200
    assert all(info.metadata["even"] for info in found)
