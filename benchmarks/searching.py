"""Searching many messages: a rare word, two words, and one that stands nearly everywhere."""

from __future__ import annotations

import random
import time
from pathlib import Path

import hansard

from .basics import Sizes, spread, timed
from .report import Report

BATCH = 1_000
PER_SESSION = 10_000
WORDS = 20_000
RARE = "zyzzyva"
TARGETS = {"a rare word": (RARE, 2), "two words": ("w2 w5", 10), "a very common word": ("everywhere", 20)}


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
        for name, (text, target) in TARGETS.items():
            if not store.search(text).items:
                msg = f"the search for {text!r} found nothing"
                raise RuntimeError(msg)
            spent = [timed(lambda text=text: store.search(text, limit=20)) for _ in range(3 * sizes.reads)]
            report.add(f"search for {name}", spread(spent), "ms", target, note=note)


def _fill(store: hansard.Store, messages: int) -> None:
    """Messages of words drawn with falling frequency; the rare word stands in three of them."""
    draw = random.Random(1)
    weights = [1 / (rank + 10) for rank in range(WORDS)]
    words = [f"w{rank}" for rank in range(WORDS)]
    rare = {messages // 7, messages // 2, messages - 2}
    session = store.create()
    for start in range(0, messages, BATCH):
        if start % PER_SESSION == 0:
            session = store.create()
        entries = []
        for number in range(start, min(start + BATCH, messages)):
            text = " ".join(draw.choices(words, weights, k=25))
            entries.append(hansard.user(f"everywhere {text} {RARE if number in rare else ''}"))
        session.append(entries)
