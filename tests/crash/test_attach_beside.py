"""An attachment comes in the middle of a deletion and a creation of the same id: the one who creates is not hindered."""

from __future__ import annotations

import contextlib
import threading

import pytest
from calls import LONG_S, PICTURE
from stepping import Stepping

import hansard
from hansard.backends.file import creating

pytestmark = pytest.mark.usefixtures("no_syncs")


class Creation:
    """Others take a session away and make it anew; the last step, its first commit, waits until it is let go on."""

    def __init__(self, root, monkeypatch, take_away):
        self.outcome = []
        self._root = root
        self._take_away = take_away
        self._about_to = threading.Event()
        self._go_on = threading.Event()
        self._thread = threading.Thread(target=self._create)
        begin = creating.begin

        def begin_later(*given):
            self._about_to.set()
            assert self._go_on.wait(LONG_S)
            return begin(*given)

        monkeypatch.setattr(creating, "begin", begin_later)

    def come_to_the_last_step(self):
        with hansard.open(self._root) as store:
            self._take_away(store)
        self._thread.start()
        assert self._about_to.wait(LONG_S)

    def end(self):
        self._go_on.set()
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()

    def _create(self):
        try:
            with hansard.open(self._root) as store:
                self.outcome.append(store.create(id="s").seq)
        except hansard.HansardError as error:
            self.outcome.append(repr(error))
        finally:
            self._about_to.set()


@pytest.mark.parametrize("take_away", [lambda store: store.delete("s"), lambda store: store.reset()])
def test_an_attachment_makes_no_folder_for_a_session_that_only_begins(take_away, tmp_path, monkeypatch):
    met = 0
    for nth in range(1, 500):
        root = tmp_path / str(nth)
        with hansard.open(root) as store, monkeypatch.context() as patched:
            session = store.create(id="s")
            session.append(hansard.user("one"))
            creation = Creation(root, patched, take_away)
            stepping = Stepping(nth, creation.come_to_the_last_step)
            with stepping.active():
                with contextlib.suppress(hansard.NotFound):
                    store._place.backend.attach("s", PICTURE, mime="image/png")
                creation_began = stepping.met
            if not creation_began:
                break
            creation.end()
            met += 1
            assert creation.outcome == [1], f"at step {nth}"
    assert met > 5
