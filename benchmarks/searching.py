"""Searching many messages: a rare word, two words, and one that stands nearly everywhere."""

from __future__ import annotations

import time
from pathlib import Path

import hansard

from .basics import Sizes, spread, timed
from .generating import COMMON, RARE, Drawn
from .report import Report

BATCH = 1_000
PER_SESSION = 10_000
TARGETS = {"a rare word": (RARE, 2), "two words": (" ".join(COMMON), 10), "a very common word": ("everywhere", 20)}


def measure(report: Report, sizes: Sizes, folder: Path) -> None:
    """Milliseconds of each search, once the index has caught up."""
    path = folder / "corpus"
    with hansard.open(path) as store:
        _fill(store, sizes.corpus)
        began = time.perf_counter()
        while not store.search(RARE).complete:
            time.sleep(0.01)
        note = f"{sizes.corpus} messages"
        report.add("indexing of all text", sizes.corpus / (time.perf_counter() - began), "msg/s", note=note)
        searches(report, store, sizes, note)


def searches(report: Report, store: hansard.Store, sizes: Sizes, note: str, *, judged: bool = True) -> None:
    """Milliseconds of each search of a store that is caught up; each has to find something."""
    for name, (text, target) in TARGETS.items():
        if not store.search(text).items:
            msg = f"the search for {text!r} found nothing"
            raise RuntimeError(msg)
        spent = [timed(lambda text=text: store.search(text, limit=20)) for _ in range(3 * sizes.reads)]
        more = "" if judged else " in many sessions"
        report.add(f"search for {name}{more}", spread(spent), "ms", target if judged else None, note=note)


def _fill(store: hansard.Store, messages: int) -> None:
    """Messages of words drawn with falling frequency; the rare word stands in three of them."""
    drawn = Drawn(1)
    rare = {messages // 7, messages // 2, messages - 2}
    session = store.create()
    for start in range(0, messages, BATCH):
        if start % PER_SESSION == 0:
            session = store.create()
        numbers = range(start, min(start + BATCH, messages))
        session.append([hansard.user(drawn.text(25, rare=number in rare)) for number in numbers])
