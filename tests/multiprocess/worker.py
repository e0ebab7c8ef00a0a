"""One process of the tests beside this file: does a job on a store and prints what it was answered, a JSON value a line.

Called as: worker.py ROOT JOB ARGUMENTS(JSON). It waits for a line on its standard input before it begins, so that
several of them begin together.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

from hansard.backend import Request
from hansard.backends.file import FileBackend
from hansard.codec.line import seal
from hansard.errors import Conflict, HansardError, NotFound
from hansard.model.documents import DocumentKey
from hansard.model.entry import user
from hansard.model.requests import Creation
from hansard.store import Store


def clock():
    return time.time_ns() // 1000


def one(text, identity=""):
    return (seal(user(text, id=identity), now_us=clock()),)


def tell(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def append(backend, *, process, threads, count, sessions):
    """Each thread appends `count` messages, to the sessions in turn."""
    failures = []

    def work(thread):
        for number in range(count):
            session = sessions[(number + thread + process) % len(sessions)]
            try:
                backend.append(session, Request(sealed=one(f"{process}.{thread}.{number}")))
            except Exception as error:  # noqa: BLE001 - told to the test
                failures.append(repr(error))

    run(work, threads)
    tell(failures)


def compete(backend, *, threads, rounds, session, **_):
    """Each thread tries to be the one that follows each number; tells the numbers it won."""
    won, failures = [], []

    def work(_thread):
        for seq in range(1, rounds + 1):
            while backend.info(session).seq < seq:
                time.sleep(0)
            try:
                won.append(backend.append(session, Request(sealed=one("x"), expect=seq)).seq)
            except Conflict:
                continue
            except Exception as error:  # noqa: BLE001 - told to the test
                failures.append(repr(error))

    run(work, threads)
    tell([won, failures])


def run(work, threads):
    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def endless(backend, *, session, text):
    """Append for ever, telling each acknowledged number; somebody kills us."""
    number = 0
    while True:
        number += 1
        answer = backend.append(session, Request(sealed=(*one(f"{text} {number}"), *one("second of the group"))))
        tell(list(answer.seqs))


def create(backend, *, count, how, **_):
    """Get or create sessions that others want too; tells their ids, and which were new."""
    told = []
    for number in range(count):
        if how == "id":
            created = backend.create(Creation(id=f"s{number}"), Request(), reuse="id")
        elif how == "pair":
            created = backend.create(Creation(agent="a", user=f"u{number}"), Request(), reuse="pair")
        else:
            created = backend.create(Creation(parent="root", name=f"n{number}"), Request())
        told.append([created.id, created.new])
    tell(told)


def delete(backend, *, count, **_):
    """Delete sessions; tells which we took away."""
    tell([backend.delete(f"s{number}") for number in range(count)])


def late(backend, *, count, **_):
    """Append to sessions that somebody deletes; tells what we were answered."""
    told = []
    for number in range(count):
        try:
            told.append(backend.append(f"s{number}", Request(sealed=one("late"))).seq)
        except NotFound:
            told.append(None)
    tell(told)


def fork(backend, *, count, **_):
    """Fork sessions that somebody deletes; tells the forks that we were promised."""
    told = []
    for number in range(count):
        with contextlib.suppress(NotFound):
            told.append(backend.fork(f"s{number}", Creation(id=f"f{number}"), at=None).id)
    tell(told)


def erase(backend, *, session, seqs, **_):
    """Erase entries one by one."""
    tell([backend.erase(session, [seq], by="test", reason=None).seqs for seq in seqs])


def forked(backend, *, session, count, **_):
    """Fork this process while a thread writes; parent and child go on appending."""
    failures = []

    def write(who):
        for number in range(count):
            try:
                backend.append(session, Request(sealed=one(f"{who} {number}")))
            except HansardError as error:
                failures.append(repr(error))

    writer = threading.Thread(target=write, args=("thread",))
    writer.start()
    with warnings.catch_warnings():
        # From Python 3.12 on, a fork beside a thread is warned of. That it goes well here is what is tried.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        write("child")
        sys.stdout.flush()
        os._exit(1 if failures else 0)
    write("parent")
    writer.join()
    _, status = os.waitpid(child, 0)
    tell([status, failures])


def count_up(backend, *, count, **_):
    """Raise the number in one document of the store and in one of session `s`, each `count` times."""
    store = Store(backend, clock=clock)
    for documents in (store.documents, store.get("s").documents):
        for _ in range(count):
            documents.modify("n", lambda there: (there or 0) + 1)
    tell("done")


def reset(backend, *, count, **_):
    """Make the store as new again and again while others write; what of it was there."""
    tell([backend.reset() for _ in range(count)])


def fill(backend, *, count, **_):
    """Create sessions and documents, append, and go on when everything is taken away."""
    for number in range(count):
        name = f"s{number % 3}"
        try:
            backend.create(Creation(id=name, agent="a"), Request(sealed=one("hello")), reuse="id")
            backend.append(name, Request(sealed=one(str(number))))
            backend.attach(name, str(number).encode(), mime="text/plain")
        except NotFound:
            pass
        backend.put_document(DocumentKey("c", name), str(number).encode())
    tell("done")


def main():
    root, job, arguments = sys.argv[1:4]
    backend = FileBackend(Path(root), clock=clock)
    tell("ready")
    sys.stdin.readline()
    globals()[job](backend, **json.loads(arguments))
    backend.close()


if __name__ == "__main__":
    main()
