"""A fork whose origin is damaged: what it shows of it is told by name, and the rest can be read."""

from __future__ import annotations

import pytest

import hansard


@pytest.mark.parametrize(("line", "kinds"), [(3, ["message", "message"]), (2, ["message", "x-hansard.gap", "message"])])
def test_what_a_fork_shows_of_a_damaged_session_is_told_with_its_file_and_the_rest_can_be_read(tmp_path, line, kinds):
    with hansard.open(tmp_path) as store:
        origin = store.create(id="o")
        for text in ("two", "three", "four", "five"):
            origin.append(hansard.user(text))
        origin.fork(id="f", at=4).append(hansard.user("six"))
    log = tmp_path / "sessions" / "o" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[line] = b"x" + lines[line][1:]
    log.write_bytes(b"".join(lines))
    with hansard.open(tmp_path) as store:
        fork = store.get("f")
        with pytest.raises(hansard.Corrupt, match=r"o/log\.jsonl: .* session 'o' are read there"):
            list(fork.entries())
        assert [entry.kind for entry in fork.entries(on_damage="skip")] == ["created", *kinds, "created", "message"]
        assert [entry.seq for entry in fork.entries(on_damage="skip", after=4)] == [5, 6]
        assert [entry.seq for entry in fork.entries(on_damage="skip", before=2)] == [1]
        assert list(fork.entries(on_damage="skip", before=0)) == []
        assert store.get("f").append(hansard.user("seven")) == 7
