"""A look at every log: what it takes to trust a catalogue that was lost, or that a power cut may have left behind."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from ...backend import Progress
from . import dbfile, locks, notes
from .catalogue import Catalogue
from .dbfile import WAIT_MS
from .layout import CHILDREN
from .rows import Row

T = TypeVar("T")

_BATCH: Final = 64
_REBUILT_BATCH: Final = 512
"""Nobody waits for a file that is not in its place yet."""

_POLL_S: Final = 0.05
_OTHERS_S: Final = 0.2
WHAT: Final = "index"
"""What progress is reported on."""


def walk(root: Path, closed: list[OSError]) -> Iterator[str]:
    """The places of all sessions of a store, each root before its children; `closed` takes what can't be looked into."""
    for name in _folders(f"{root}/sessions"):
        yield f"sessions/{name}"
        try:
            children = _folders(f"{root}/sessions/{name}/{CHILDREN}")
        except OSError as error:
            closed.append(error)
            continue
        for child in children:
            yield f"sessions/{name}/{CHILDREN}/{child}"


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as found:
            return sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class Survey:
    """Compares every log with its row, in one process at a time, and says whether that is still to be done."""

    def __init__(
        self,
        root: Path,
        catalogue: Catalogue,
        boot: str,
        *,
        compare: Callable[[Sequence[str]], Sequence[object]],
        serve: Callable[[], None],
    ) -> None:
        """`compare` brings rows up to date and returns what it could not; `serve` is called between batches."""
        self._root = root
        self._catalogue = catalogue
        self._folder = catalogue.path.parent
        """Where the catalogue lies, and what beside it says who is at it."""
        self._boot = boot
        self._compare = compare
        self._serve = serve
        self._suspected = False
        self._settled = ""
        self._stopped = threading.Event()
        self._done = self._total = 0

    def suspect(self) -> None:
        """A writer of an earlier boot left a note: any log may have more, or less, than its row says."""
        self._suspected = True

    def needed(self) -> bool:
        """Whether the logs are still to be looked at."""
        if self._suspected:
            return True
        return not self._catalogue.complete and self._catalogue.generation != self._settled

    def trivial(self) -> bool:
        """Whether it is done already, because there are no sessions."""
        if self._suspected or next(walk(self._root, []), None) is not None:
            return False
        return self._catalogue.set_complete()

    def tidy(self) -> None:
        """Remove what a rebuild that was killed has left."""
        if any(self._folder.glob(f"{self._catalogue.path.name}.rebuild-*")) or self._lock.exists():
            with self._try_alone() as mine:
                if mine:
                    dbfile.sweep(self._catalogue.path, ".rebuild-")

    def stop(self) -> None:
        """Let a survey under way end early."""
        self._stopped.set()

    def wait(self, timeout: float | None, progress: Progress | None, *, alive: Callable[[], None]) -> bool:
        """Wait until no survey is needed, or for so many seconds; whether it is done. `alive` sees that it goes on."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.needed():
            alive()
            if progress is not None:
                progress(WHAT, self._done, self._total)
            left = _POLL_S if end is None else min(_POLL_S, end - time.monotonic())
            if left <= 0 or self._stopped.wait(left):
                return False
        if progress is not None:
            progress(WHAT, self._total, self._total)
        return True

    @property
    def _lock(self) -> Path:
        return self._folder / "index.survey.lock"

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Wait for the survey of whoever is at it, and keep others from beginning one."""
        with locks.locked_file(self._lock):
            try:
                yield
            finally:
                dbfile.remove(self._lock)

    @contextlib.contextmanager
    def _try_alone(self) -> Generator[bool]:
        with locks.open_held(self._lock, os.O_RDWR | os.O_CREAT) as file:
            found = os.fstat(file.fileno())
            mine = locks.try_acquire(file.fileno()) and dbfile.identity(self._lock) == (found.st_dev, found.st_ino)
            try:
                yield mine
            finally:
                if mine:
                    dbfile.remove(self._lock)

    def run(self) -> None:
        """Look at everything, unless another process does: then wait a little. `needed` tells whether it is done.

        Raises:
            Unavailable: the catalogue does not answer.
        """
        with self._try_alone() as mine:
            if not mine:
                self._stopped.wait(_OTHERS_S)
                return
            foreign = []
            for note in notes.scan(self._folder / "writers"):
                if note.dead and note.boot != self._boot:
                    foreign.append(note)
                else:
                    notes.keep(note)
            try:
                if (not foreign and self._catalogue.complete) or self._look():
                    for note in foreign:
                        notes.dismiss(self._folder / "writers", note)
                    self._suspected = False
            finally:
                for note in foreign:
                    notes.keep(note)

    def _look(self) -> bool:
        """Compare everything; False if that came to no end."""
        generation = self._catalogue.generation
        closed: list[OSError] = []
        places = list(walk(self._root, closed))
        self._done, self._total = 0, len(places)
        there = set(places)
        vanished = (place for place in self._catalogue.places() if place not in there)
        again: list[str] = []
        for batch in _batches((*places, *vanished), _BATCH):
            if self._stopped.is_set():
                return False
            if self._compare(batch):
                again += batch
            self._done = min(self._total, self._done + len(batch))
            self._serve()
        while again:
            if self._stopped.wait(_OTHERS_S):
                return False
            again = [place for batch in _batches(again, _BATCH) if self._compare(batch) for place in batch]
        self._catalogue.sync()
        if closed:
            # Whatever lies there is not listed, and nobody is to believe otherwise.
            raise closed[0]
        if self._catalogue.generation != generation or not self._catalogue.set_complete():
            return False
        self._settled = generation
        return True


def rebuild(
    root: Path, catalogue: Catalogue, fold: Callable[[str], Row | None], progress: Progress | None
) -> list[str]:
    """Fill a new catalogue from the logs and let it take the place of this one; the places that changed meanwhile.

    Raises:
        Unavailable: the catalogue can't be written, or others keep it locked; nothing has changed.
    """
    since = catalogue.rev
    built = catalogue.rebuilt()
    try:
        closed: list[OSError] = []
        places = list(walk(root, closed))
        done = 0
        for batch in _batches(places, _REBUILT_BATCH):
            rows = [row for place in batch if (row := fold(place)) is not None]
            built.put(rows, wait_ms=WAIT_MS)
            done += len(batch)
            if progress is not None:
                progress(WHAT, done, len(places))
        if not closed:
            built.set_complete()
        return catalogue.switch_to(built, since=since)
    except BaseException:
        built.abandon()
        raise
