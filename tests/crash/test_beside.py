"""One call comes in the middle of another, at each step of it: both answer as if one had come before the other."""

from __future__ import annotations

import contextlib
import json
import shutil

import msgspec
import pytest
from calls import BY_HAND, CALLS, READS, leftovers, locks_kept, make, open_files, shown
from stepping import Stepping

import hansard

pytestmark = pytest.mark.usefixtures("no_syncs")


class Outcome(msgspec.Struct):
    """What two calls answered, and the store afterwards."""

    first: list
    second: list
    seen: dict
    left: list
    wrong: list


def tried(call, store, root):
    """What a call answers: a value, or the name of its error. Any other exception is a failure of the test."""
    try:
        return ["answer", json.loads(json.dumps(call(store, root)))]
    except hansard.HansardError as error:
        return ["error", type(error).__name__]


def tolerant(by_hand):
    """Nothing is done by hand to what is gone already."""

    def done(store, root):
        with contextlib.suppress(FileNotFoundError):
            by_hand(store, root)

    return done


class Meeting:
    """Two openings of one store, as two processes have them, each with one call."""

    def __init__(self, quick_path, first, second, *, warm):
        self._folder = quick_path
        self._made = quick_path / "made"
        make(self._made / "store")
        self._first = CALLS[first]
        self._second = CALLS.get(second) or tolerant(BY_HAND[second])
        self._warm = warm

    def run(self, nth):
        """The outcome with the second call at a step of the first (0: before it, None: after it), None if there is none."""
        folder = self._folder / "run"
        shutil.copytree(self._made, folder)
        try:
            with hansard.open(folder / "store") as one, hansard.open(folder / "store") as other:
                if self._warm:
                    [store.info(session) for store in (one, other) for session in "ofgct"]
                outcome = self._run(one, other, folder / "store", nth)
                if outcome is not None:
                    outcome.wrong += [f"kept locked: {path}" for path in locks_kept(folder / "store")]
                    for store in (one, other):
                        if tried(lambda s, _: s.info("o").seq and s.info("t").seq, store, folder)[1] == "Unavailable":
                            outcome.wrong.append("does not go on")
            if outcome is None:
                return None
            outcome.wrong += [f"kept open: {path}" for path in open_files(folder / "store")]
            with hansard.open(folder / "store") as store:
                outcome.seen = json.loads(json.dumps(shown(store)))
            outcome.left = leftovers(folder / "store")
            return outcome
        finally:
            shutil.rmtree(folder)

    def _run(self, one, other, root, nth):
        answers = {}

        def second():
            answers["second"] = tried(self._second, other, root)

        if nth == 0:
            second()
        stepping = Stepping(nth or -1, second)
        with stepping.active():
            answers["first"] = tried(self._first, one, root)
        if nth is None:
            second()
        elif nth and not stepping.met:
            return None
        return Outcome(answers["first"], answers["second"], {}, [], [])


def steps_of(quick_path, first, second, *, warm, nths):
    """Run a pair at these steps, and say what fits neither order of the two."""
    meeting = Meeting(quick_path, first, second, warm=warm)
    orders = [meeting.run(None), meeting.run(0)]
    assert [order.wrong for order in orders] == [[], []]
    met = 0
    for nth in nths:
        outcome = meeting.run(nth)
        if outcome is None:
            break
        met += 1
        assert outcome.wrong == []
        allowed = [by_hand(order) for order in orders] if second in BY_HAND else orders
        found = by_hand(outcome) if second in BY_HAND else outcome
        assert fits(found, allowed, first, second), f"{first}, with {second} at step {nth}: {found}\n{allowed}"
    return met


def by_hand(outcome):
    """What is moved by hand nobody tells the index, and what a removed file was good for is missing."""
    seen = {name: value for name, value in outcome.seen.items() if name in ("documents", "check")}
    seen["sessions"] = {name: value for name, value in outcome.seen["sessions"].items() if value != "NotFound"}
    return msgspec.structs.replace(outcome, seen=seen)


def fits(outcome, orders, first, second):
    if outcome in orders or outcome.first == ["answer", None]:
        return True
    if first == "cleanup":
        # It deletes tree by tree, so another call may come behind some of them and before the others.
        return not outcome.left and (second in BY_HAND or not outcome.seen["check"])
    # These go session by session, and each is as it was at some moment.
    if first in ("backup", "copy out", "check") and second in BY_HAND:
        return outcome.seen in [order.seen for order in orders]
    if first in ("backup", "copy out"):
        copied = outcome.first[1]
        return outcome.first[0] == "answer" and (copied if first == "copy out" else copied[1])["check"] == []
    if second in ("the index is removed", "the index is rubbish"):
        # Who must know all sessions is told to ask again when the index has been made anew.
        return outcome.first == ["error", "Unavailable"]
    if second in (
        "the folder is moved away",
        "another session takes the place",
        "the log is removed",
        "a file is removed",
    ):
        # Nobody asked who was at work there; what is said of it is said of the one or the other.
        errors = [["error", name] for name in ("NotFound", "Corrupt", "Unavailable")]
        return outcome.first in [*errors, ["answer", False], *(order.first for order in orders)]
    return False


SOME = {
    "append": ("erase", "delete", "reset", "append", "another session takes the place"),
    "append to a fork": ("delete", "reset"),
    "attach again": ("reset", "delete", "the folder is moved away"),
    "attach": ("reset", "delete"),
    "entries": ("delete", "reset"),
    "entries of a fork": ("delete", "delete a fork", "reset"),
    "attachment of a fork": ("delete", "reset"),
    "create": ("delete what begins", "create", "reset"),
    "fork": ("delete what begins", "delete", "erase"),
    "spawn below a child": ("delete", "delete a child"),
    "delete": ("append", "fork", "delete"),
    "delete a child": ("delete a child",),
    "erase": ("append", "fork"),
    "reset": ("append", "attach again"),
    "copy in": ("copy in", "delete what arrives"),
    "put a document": ("put a document", "reset"),
    "old document": ("forget a document",),
    "search in one": ("delete", "the index is removed"),
    "find": ("delete", "the index is rubbish"),
}
"""Pairs that are tried at some steps in every run; the first number differs, so that all steps of them have their turn."""


@pytest.mark.parametrize("first", SOME)
def test_some_steps_of_a_call_bear_another_in_between(first, quick_path):
    for number, second in enumerate(SOME[first]):
        assert steps_of(quick_path / str(number), first, second, warm=number % 2 == 0, nths=range(1 + number, 500, 13))


CHANGES = (
    "append", "erase", "delete", "delete a child", "delete a fork", "delete what begins", "delete what arrives", "reset",
    "fork", "attach again", "copy in", "forget a document", *BY_HAND,
)  # fmt: skip


LONG = {"backup": 97, "copy out": 29, "cleanup": 29}
"""Strides of calls that have many hundred steps."""


@pytest.mark.torture
@pytest.mark.parametrize("first", CALLS)
def test_many_steps_of_a_call_bear_a_change_in_between(first, quick_path):
    for number, second in enumerate(CHANGES):
        nths = range(1 + number % 7, 2000, LONG.get(first) or (7 if first in READS else 11))
        steps_of(quick_path / str(number), first, second, warm=number % 2 == 0, nths=nths)
