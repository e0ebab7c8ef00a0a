from __future__ import annotations

import io
import json
import zipfile
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.codec.line import decode_line
from hansard.errors import Conflict, Corrupt, Invalid, NotFound, Unavailable, Unsupported
from hansard.formats import examine
from hansard.formats.archive import MANIFEST, Archive, Received, read_archive, write_archive
from support import hostile
from support.logs import Shelf, attached, log_of, says

PIXEL = b"\x89PNG" + bytes(100)
NOTE = b"a note"


def written(shelf, *ids):
    file = io.BytesIO()
    write_archive(shelf, ids, file)
    return file.getvalue()


def taken(data, shelf=None, **options):
    shelf = shelf if shelf is not None else Shelf()
    return shelf, read_archive(shelf, io.BytesIO(data), **options)


def tree():
    """A root with two children, one of them with one of its own, attachments, a fork, and a stranger."""
    root = log_of("root", says("hello"), attached(PIXEL, mime="image/png", name="p.png"), says("more"))
    shelf = Shelf(
        root=root,
        kid=log_of("kid", attached(NOTE, mime="text/plain"), root="root", parent="root", depth=1),
        baby=log_of("baby", says("x"), root="root", parent="kid", depth=2),
        aunt=log_of("aunt", says("y"), root="root", parent="root", depth=1),
        fork=log_of("fork", says("else"), attached(NOTE), origin=root[:3]),
        stranger=log_of("stranger"),
    )
    shelf.keep("root", PIXEL)
    shelf.keep("kid", NOTE)
    shelf.keep("fork", NOTE, PIXEL)
    return shelf


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {entry.filename: file.read(entry) for entry in file.infolist()}


def packed(content, **options):
    """A zip file of members, made by somebody else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", options.pop("kind", zipfile.ZIP_DEFLATED)) as file:
        for name, data in content if isinstance(content, list) else content.items():
            file.writestr(name, data)
    return out.getvalue()


def remade(data, **changes):
    """An archive with some members replaced, or its manifest changed by a function."""
    content = members(data)
    manifest = json.loads(content[MANIFEST])
    for name, change in changes.items():
        if name == "manifest":
            change(manifest)
        else:
            content[name.replace("__", "/")] = change
    content[MANIFEST] = json.dumps(manifest).encode()
    return packed(content)


def test_a_session_comes_back_byte_for_byte_with_its_tree():
    shelf = tree()
    there, report = taken(written(shelf, "root"))
    assert [one.id for one in report] == ["root", "aunt", "kid", "baby"]
    assert there.logs == {name: shelf.logs[name] for name in ("root", "kid", "baby", "aunt")}
    assert there.files == {"root": shelf.files["root"], "kid": shelf.files["kid"]}
    assert report[0] == Received("root", 4, 4, new=True)


def test_a_child_brings_the_whole_tree():
    assert set(taken(written(tree(), "baby"))[0].logs) == {"root", "kid", "baby", "aunt"}


def test_sessions_named_twice_are_in_it_once():
    shelf = tree()
    assert written(shelf, "root", "kid", "root") == written(shelf, "root")


def test_a_fork_brings_what_it_inherits_if_its_origin_stays_behind():
    shelf = tree()
    data = written(shelf, "fork")
    assert members(data)["sessions/fork/prefix.jsonl"] == b"".join(shelf.logs["root"][:3])
    there, [report] = taken(data)
    assert there.logs == {"fork": shelf.logs["fork"]}
    assert there.prefixes == {"fork": shelf.logs["root"][:3]}
    assert set(there.files["fork"]) == {sha256(PIXEL).hexdigest(), sha256(NOTE).hexdigest()}
    assert report == Received("fork", 6, 3, new=True)


def test_a_fork_with_its_origin_brings_no_second_copy():
    data = written(tree(), "fork", "root")
    assert "sessions/fork/prefix.jsonl" not in members(data)
    _, report = taken(data)
    assert [one.id for one in report] == ["root", "aunt", "fork", "kid", "baby"]


def test_every_session_comes_after_those_that_it_needs():
    shelf = tree()
    shelf.logs["a-kid-of-the-fork"] = log_of("a-kid-of-the-fork", says("z"), root="fork", parent="fork", depth=1)
    shelf.logs["a-fork-of-that"] = log_of("a-fork-of-that", origin=shelf.logs["a-kid-of-the-fork"])
    order = [one.id for one in taken(written(shelf, "a-fork-of-that", "fork", "root"))[1]]
    needed = ["root", "fork", "a-kid-of-the-fork", "a-fork-of-that"]
    assert [one for one in order if one in needed] == needed


def test_the_manifest_says_what_is_inside():
    shelf = tree()
    manifest = json.loads(members(written(shelf, "root"))[MANIFEST])
    assert (manifest["format"], manifest["version"]) == ("hansard-archive", 1)
    root = manifest["sessions"][0]
    last = decode_line(shelf.logs["root"][-1])
    assert root == {
        "id": "root", "name": "root", "seq": 4, "hash": last.hash,
        "log": {"lines": 4, "bytes": len(b"".join(shelf.logs["root"]))},
        "attachments": [
            {"sha256": sha256(PIXEL).hexdigest(), "size": len(PIXEL), "mime": "image/png", "name": "p.png"}
        ],
    }  # fmt: skip
    assert manifest["sessions"][2]["parent"] == "root"


def test_equal_content_gives_equal_bytes_on_files_and_pipes():
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += data
            return len(data)

    pipe = Pipe()
    write_archive(shelf := tree(), ["root"], pipe)
    assert written(shelf, "root") == bytes(pipe.data) == written(shelf, "root")


def test_reading_again_adds_nothing():
    data = written(tree(), "root")
    there, _ = taken(data)
    _, again = taken(data, there)
    assert all(one.added == 0 and not one.new for one in again)


def test_a_log_that_has_grown_gets_the_rest():
    shelf = tree()
    there, _ = taken(written(shelf, "stranger"))
    previous = shelf.logs["stranger"]
    shelf.logs["stranger"] = [*previous, *log_of("x", origin=previous)]
    _, [report] = taken(written(shelf, "stranger"), there)
    assert report == Received("stranger", 2, 1, new=False)


def test_other_content_is_a_conflict_and_another_id_a_way_out():
    data = written(Shelf(s=log_of("s", says("mine"))), "s")
    there = Shelf(s=log_of("s", says("theirs")))
    with pytest.raises(Conflict):
        taken(data, there)
    _, [report] = taken(data, there, as_="s~2")
    assert report == Received("s~2", 2, 2, new=True)
    assert decode_line(there.logs["s~2"][0]).body["session"] == "s~2"
    assert decode_line(there.logs["s~2"][1]).body["parts"] == [{"type": "text", "text": "mine"}]
    _, [again] = taken(data, there, as_="s~2")
    assert (again.added, again.new) == (0, False)


def test_one_new_id_for_a_whole_tree_is_refused():
    with pytest.raises(Invalid, match="4 sessions"):
        taken(written(tree(), "root"), as_="other")


def test_a_session_that_is_not_there_is_not_found():
    with pytest.raises(NotFound):
        written(tree(), "nobody")


def test_nothing_is_written_while_children_may_be_unknown():
    shelf = tree()
    shelf.complete = False
    with pytest.raises(Unavailable, match="try again"):
        written(shelf, "root")


def test_attachments_that_are_gone_are_said_to_be_absent():
    shelf = tree()
    shelf.files.clear()
    manifest = json.loads(members(written(shelf, "root"))[MANIFEST])
    assert manifest["sessions"][0]["absent"] == [sha256(PIXEL).hexdigest()]
    assert taken(written(shelf, "root"))[0].logs["root"] == shelf.logs["root"]


@pytest.mark.parametrize(
    "session", ["..", ".", "a/b", "../../../etc/passwd", "A", "con", "x" * 300, "👋", "a\\b", "a\nb"]
)
def test_no_id_leaves_its_folder(session):
    data = written(Shelf(**{session: log_of(session)}), session)
    for name in set(members(data)) - {MANIFEST}:
        folder, inner, rest = name.split("/")
        assert (folder, rest) == ("sessions", "log.jsonl")
        assert inner.strip(".")
        assert "\\" not in inner
    assert set(taken(data)[0].logs) == {session}


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_and_names_travel_unharmed(text):
    shelf = Shelf(s=log_of("s", says(text), attached(NOTE, mime=text, name=text)))
    shelf.keep("s", NOTE)
    assert taken(written(shelf, "s"))[0].logs == shelf.logs


def untouched(data, error, match=None):
    """Nothing of an archive that is refused has come into the store."""
    there = Shelf()
    with pytest.raises(error, match=match):
        read_archive(there, io.BytesIO(data))
    assert not there.logs
    assert not there.files


def test_a_changed_line_in_the_last_session_keeps_everything_out():
    data = written(tree(), "root", "fork")
    content = members(data)
    untouched(remade(data, sessions__fork__log=b""), Corrupt)
    changed = content["sessions/fork/log.jsonl"].replace(b"else", b"ELSE")
    untouched(remade(data, **{"sessions__fork__log.jsonl": changed}), Corrupt, "line 2")


def test_a_changed_attachment_keeps_everything_out():
    data = written(tree(), "root")
    untouched(
        remade(data, **{f"sessions__root__attachments__{sha256(PIXEL).hexdigest()}": bytes(104)}), Corrupt, "hash"
    )


def test_a_log_without_its_last_group_is_refused():
    shelf = Shelf(s=log_of("s", says("a"), says("b"), says("c"), groups=2))
    data = written(shelf, "s")
    for count in (2, 3):
        lines = b"".join(shelf.logs["s"][:count])

        def shorter(manifest, lines=lines, count=count):
            manifest["sessions"][0]["log"] = {"lines": count, "bytes": len(lines)}

        untouched(remade(data, manifest=shorter, **{"sessions__s__log.jsonl": lines}), Corrupt, "does not end")


def test_a_log_of_another_session_is_refused():
    data = written(Shelf(s=log_of("s")), "s")
    other = b"".join(log_of("t"))

    def sized(manifest):
        manifest["sessions"][0]["log"]["bytes"] = len(other)

    untouched(remade(data, manifest=sized, **{"sessions__s__log.jsonl": other}), Corrupt, "another one's")


def test_a_prefix_that_is_not_what_the_fork_continues_is_refused():
    data = written(tree(), "fork")
    wrong = b"".join(log_of("root", says("a"), says("b")))

    def sized(manifest):
        manifest["sessions"][0]["prefix"]["bytes"] = len(wrong)

    untouched(remade(data, manifest=sized, **{"sessions__fork__prefix.jsonl": wrong}), Corrupt, "not what the session")


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "sessions/s/../../x", "C:\\x", "sessions/s/extra", "x/"])
def test_members_that_the_manifest_does_not_name_are_refused(name):
    content = members(written(Shelf(s=log_of("s")), "s"))
    untouched(packed({**content, name: b""}), Corrupt, "not as the manifest says")


def test_a_session_under_a_false_name_is_refused():
    def renamed(manifest):
        manifest["sessions"][0]["name"] = "../s"

    untouched(remade(written(Shelf(s=log_of("s")), "s"), manifest=renamed), Corrupt, "not its own")


def test_an_archive_among_transcripts_is_told_by_name():
    for shelf, ids in ((Shelf(s=log_of("s")), ("s",)), (Shelf(), ())):
        found = examine(written(shelf, *ids))
        assert found.format is None
        assert "a Hansard archive" in found.reason
    assert examine(packed({"a/log.jsonl": b"x"})).reason.startswith("compressed")


def test_two_sessions_or_members_of_one_name_are_refused():
    data = written(Shelf(s=log_of("s")), "s")
    untouched(remade(data, manifest=lambda m: m["sessions"].append(m["sessions"][0])), Corrupt, "twice")
    with pytest.warns(UserWarning, match="Duplicate name"):
        doubled = packed([*members(data).items(), (MANIFEST, b"{}")])
    untouched(doubled, Corrupt, "one name")


def test_a_newer_version_is_left_to_a_newer_program():
    data = written(Shelf(s=log_of("s")), "s")
    untouched(remade(data, manifest=lambda m: m.update(version=2, sessions="in another way")), Unsupported, "newer")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Corrupt),
        (b"no zip file at all", Corrupt),
        (packed({"a.txt": b"x"}), Invalid),
        (packed({MANIFEST: b""}), Invalid),
        (packed({MANIFEST: b"{"}), Corrupt),
        (packed({MANIFEST: b"[]"}), Corrupt),
        (packed({MANIFEST: b'{"format":"other","version":1,"sessions":[]}'}), Corrupt),
        (packed({MANIFEST: b'{"format":"hansard-archive","version":1,"sessions":[{"id":""}]}'}), Corrupt),
        (packed({MANIFEST: b"[" * 100_000}), Corrupt),
        (packed({MANIFEST: b"{}"}, kind=zipfile.ZIP_BZIP2), Corrupt),
        (packed({MANIFEST: b"{}"}, kind=zipfile.ZIP_LZMA), Corrupt),
    ],
)
def test_what_is_no_archive_is_refused(data, error):
    untouched(data, error)


def test_an_empty_id_is_refused():
    def emptied(manifest):
        manifest["sessions"][0].update(id="", name="")

    untouched(remade(written(Shelf(s=log_of("s")), "s"), manifest=emptied), Invalid)


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch):
    monkeypatch.setattr("hansard.formats.zipped.COMMIT_BYTES_MAX", 1_000_000)
    shelf = Shelf(s=log_of("s", says("0" * 5_000_000)))
    data = written(shelf, "s")
    untouched(data, Invalid, "more than 200 times")
    assert taken(data, expansion_max=2_000)[0].logs == shelf.logs


def test_a_line_beyond_all_bounds_is_refused(monkeypatch):
    data = written(Shelf(s=log_of("s", says("x" * 10_000))), "s")
    monkeypatch.setattr("hansard.formats.archive.ENTRY_BYTES_MAX", 4_000)
    monkeypatch.setattr("hansard.formats.native.ENTRY_BYTES_MAX", 4_000)
    untouched(data, Corrupt, "line 2: a line ends within")


def test_a_pipe_is_refused_with_the_way_out():
    class Pipe(io.RawIOBase):
        def seek(self, *_):
            raise io.UnsupportedOperation

    with pytest.raises(Invalid, match="write it to a file first"):
        read_archive(Shelf(), Pipe())


def test_the_file_stays_open_for_its_owner():
    file = io.BytesIO(written(tree(), "root"))
    with Archive(file) as archive:
        assert len(archive.manifest.sessions) == 4
    assert not file.closed


def test_progress_is_told():
    told = []
    taken(written(tree(), "root"), progress=lambda *said: told.append(said))
    assert told[:2] == [("checked", 0, 4), ("checked", 1, 4)]
    assert told[-1] == ("taken over", 4, 4)


WHOLE = written(tree(), "root", "fork")
KEPT = taken(WHOLE)[0]


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_harmless(place, change):
    data = bytearray(WHOLE)
    data[place] ^= change
    there = Shelf()
    try:
        read_archive(there, io.BytesIO(bytes(data)))
    except (Corrupt, Invalid, Unsupported):
        assert not there.logs
    else:
        assert (there.logs, there.files) == (KEPT.logs, KEPT.files)


@settings(max_examples=100)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_refused(length):
    untouched(WHOLE[:length], Corrupt)
