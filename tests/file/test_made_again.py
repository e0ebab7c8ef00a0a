"""An id that was deleted is free again, wherever in the store it stood before."""

from __future__ import annotations

import hansard


def test_an_id_of_a_deleted_child_can_be_that_of_a_fork_while_others_still_have_it_open(tmp_path):
    with hansard.open(tmp_path) as store, hansard.open(tmp_path) as other:
        root = store.create(id="root", entries=[hansard.user("hello")])
        root.spawn(id="S")
        assert store.info("S").kind == "child"
        fork = store.fork("root", id="fork")
        assert other.delete("root")
        assert store.fork(fork, id="S").info.kind == "fork"
        assert [message.text for message in store.get("S").history()] == ["hello"]
