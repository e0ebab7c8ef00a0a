"""What stands in a store where it does not belong, or is damaged beside the logs: check names it, the others go on."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

import hansard

IDS = ("a", "child", "fork", "other")


@pytest.fixture
def root(tmp_path):
    """A root with a child, a fork of a session that is gone, and an intact one."""
    with hansard.open(tmp_path / "store") as store:
        a = store.create(id="a", agent="coder", user="ana", entries=[hansard.user(f"words {n}") for n in range(6)])
        a.append([hansard.user("the last but one"), hansard.assistant("group")])
        a.append(hansard.user("the last"))
        a.spawn(id="child").append(hansard.user("words of a child"))
        store.create(id="origin", entries=[hansard.user("words before the fork")])
        store.fork("origin", id="fork").append(hansard.user("words in the fork"))
        store.delete("origin")
        store.create(id="other", entries=[hansard.user("words elsewhere")])
    return tmp_path / "store"


def damage(root, *, repair=False):
    with hansard.open(root) as store:
        return [one for one in store.check(repair=repair) if one.severity == "damage"]


def readable(root):
    found = []
    with hansard.open(root) as store:
        for one in IDS:
            try:
                found += [one] if list(store.get(one).entries()) else []
            except hansard.HansardError:
                continue
        store.search("words")
    return found


def instead(path: Path, what: str) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if what == "a folder":
        path.mkdir()
    elif what == "a link":
        path.symlink_to("/etc/hostname")
    else:
        os.mkfifo(path)


@pytest.mark.parametrize("what", ["a folder", "a link", "a pipe"])
@pytest.mark.parametrize("file", ["sessions/a/log.jsonl", "sessions/fork/prefix.jsonl"])
def test_what_is_no_file_in_the_place_of_one_is_damage_of_that_session_alone(root, file, what):
    instead(root / file, what)
    hurt = file.split("/")[1]
    assert {one.session for one in damage(root)} == {hurt}
    assert readable(root) == [one for one in IDS if one != hurt]


def test_any_byte_of_a_hash_that_is_no_hex_digit_any_more_is_damage_and_not_an_error_of_the_program(root):
    path = root / "sessions/a/log.jsonl"
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for number in (2, 7, 8):
        start = sum(map(len, lines[: number - 1])) + lines[number - 1].index(b'"hash":"') + 8
        for byte in (start, start + 40):
            path.write_bytes(data[:byte] + b"g" + data[byte + 1 :])
            found = damage(root)
            assert [(one.session, one.line) for one in found] == [("a", number)]
            assert "other" in readable(root)


@pytest.mark.parametrize("changed", [b'"hash":"g', b'"hash":', b'"last":-'])
def test_a_fork_whose_first_line_names_no_origin_any_more_is_damaged_and_the_others_are_checked(root, changed):
    path = root / "sessions/fork/log.jsonl"
    data = path.read_bytes()
    at = data.index(b'"segments"')
    old = b'"last":' if b"last" in changed else b'"hash":"'
    path.write_bytes(data[:at] + data[at:].replace(old, changed, 1))
    assert {one.session for one in damage(root)} == {"fork"}
    assert readable(root) == ["a", "child", "other"]


@pytest.mark.parametrize("content", [b"../../etc\n", b"nobody\n", b"", None, b"child\n"])
def test_a_pointer_that_does_not_lead_to_its_child_is_named_and_written_anew_by_a_repair(root, content):
    pointer = root / "sessions/child"
    if content is None:
        pointer.unlink()
    else:
        pointer.write_bytes(content)
    assert [(one.session, one.path) for one in damage(root)] == [("child", str(pointer))]
    damage(root, repair=True)
    assert damage(root) == []
    assert readable(root) == list(IDS)


def test_sessions_that_changed_places_are_named(root):
    a, other, beside = root / "sessions/a/log.jsonl", root / "sessions/other/log.jsonl", root / "beside"
    a.rename(beside)
    other.rename(a)
    beside.rename(other)
    assert {one.path for one in damage(root)} == {str(a.parent), str(other.parent)}
    assert "fork" in readable(root)


@pytest.mark.parametrize("cut", ["gone", "the last line", "half of the last line"])
def test_a_copy_of_what_a_fork_inherits_that_is_gone_or_too_short_is_damage(root, cut):
    path = root / "sessions/fork/prefix.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    if cut == "gone":
        path.unlink()
    else:
        path.write_bytes(b"".join(lines[:-1]) + (lines[-1][:90] if "half" in cut else b""))
    assert {(one.session, one.path) for one in damage(root)} == {("fork", str(path))}


def test_a_damaged_line_of_a_pair_is_named_and_a_repair_makes_the_pair_usable_again(root):
    with hansard.open(root) as store:
        store.create(id="second", agent="coder", user="ana")
    (path,) = (root / "pairs").iterdir()
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(first + b"\xff[2,\n")
    assert [(one.path, one.line) for one in damage(root)] == [(str(path), 2)]
    with hansard.open(root) as store, pytest.raises(hansard.Corrupt, match="repair"):
        store.create(agent="coder", user="ana")
    damage(root, repair=True)
    assert damage(root) == []
    with hansard.open(root) as store:
        assert store.create(agent="coder", user="ana").info.number == 2
        assert list((root / "quarantine").iterdir())


def test_a_pipe_in_the_place_of_the_stores_own_file_is_refused_and_not_waited_for(root):
    instead(root / "hansard.json", "a pipe")
    with pytest.raises(hansard.Corrupt, match="no file"):
        hansard.open(root)


def test_the_index_of_another_store_is_not_believed(root, tmp_path):
    with hansard.open(tmp_path / "elsewhere") as store:
        store.create(id="only-there", entries=[hansard.user("words")])
        store.search("words")
    for name in ("index.db", "search.db"):
        shutil.copy(tmp_path / "elsewhere" / name, root / name)
    with hansard.open(root) as store:
        assert sorted(info.id for info in store.sessions(all_kinds=True)) == sorted(IDS)
        assert {hit.session for hit in store.search("words").items} == {"a", "child", "fork", "other"}
        assert not store.exists("only-there")
    with hansard.open(root) as store:
        assert sorted(info.id for info in store.sessions(all_kinds=True)) == sorted(IDS)


def test_a_log_that_the_disk_gives_no_more_is_named_and_the_others_are_checked_and_read(root, monkeypatch):
    pread = os.pread

    def failing(fd, size, offset):
        if Path(f"/proc/self/fd/{fd}").readlink().match("sessions/a/log.jsonl"):
            raise OSError(5, "Input/output error")
        return pread(fd, size, offset)

    (root / "sessions/other/log.jsonl").write_bytes(b"{}\n")
    monkeypatch.setattr(os, "pread", failing)
    assert {one.session for one in damage(root)} == {"a", "other"}
    assert readable(root) == ["child", "fork"]
    (root / "index.db").unlink()
    with hansard.open(root) as store:
        assert {"child", "fork"} <= {info.id for info in store.sessions(all_kinds=True)}
        with pytest.raises(hansard.Unavailable, match="Input/output"):
            store.get("a").history()


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device needs root")
def test_a_device_without_an_end_in_the_place_of_a_log_is_not_read(root):
    log = root / "sessions/a/log.jsonl"
    log.unlink()
    os.mknod(log, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with hansard.open(root) as store:
        for _ in range(2):
            with pytest.raises(hansard.Corrupt, match=r"a/log\.jsonl"):
                list(store.get("a").entries())
        assert store.get("other").append(hansard.user("goes on"))


@pytest.mark.parametrize("what", ["a folder", "a link", "a pipe"])
def test_a_renewal_that_is_no_file_counts_for_nothing(root, what):
    with hansard.open(root) as store:
        store.get("a").lease("me").renew()
    instead(root / "sessions/a/lease.renewed", what)
    with hansard.open(root) as store:
        assert store.info("a").lease.owner == "me"


@pytest.mark.parametrize("what", ["a folder", "a link", "a pipe"])
def test_a_marker_of_a_fork_that_is_no_file_keeps_its_origin_from_being_deleted(root, what):
    with hansard.open(root) as store:
        store.fork("a", id="of-a")
    marker = next((root / "sessions/a/forks").iterdir())
    instead(marker, what)
    with hansard.open(root) as store:
        with pytest.raises(hansard.HansardError, match=marker.name):
            store.delete("a", force=True)
        assert store.exists("a")
        assert [entry.seq for entry in store.get("of-a").entries()]


@pytest.mark.parametrize("what", ["a folder", "a link", "a pipe"])
@pytest.mark.parametrize("name", ["documents", "pairs", "arriving", "quarantine"])
def test_a_reset_takes_away_whatever_stands_in_the_place_of_a_folder(root, name, what):
    (root / name).mkdir(exist_ok=True)
    instead(root / name, what)
    with hansard.open(root) as store:
        store.reset(force=True)
        assert list(store.sessions()) == []
        assert store.create(agent="coder", user="ana").append(hansard.user("goes on")) == 2
        store.documents.save("d", "text")
    assert list((root / "trash").iterdir()) == []
