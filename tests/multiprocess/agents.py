"""One process of the tests beside this file that works through `Store`, as programs of agents do. Called as worker.py."""

from __future__ import annotations

import json
import sys
import threading
import time

import hansard


def tell(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def pair(store, *, count, threads=1):
    """Ask for the session of one agent and user, again and again, from several threads."""
    found = set()

    def ask():
        found.update([store.get_or_create(agent="coder", user="ana").id for _ in range(count // threads)])

    asking = [threading.Thread(target=ask) for _ in range(threads)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    tell(sorted(found))


def count_up(store, *, count):
    """Read, modify and write one number."""

    def step(draft):
        draft.state["n"] = draft.state.get("n", 0) + 1

    session = store.get("s")
    for _ in range(count):
        session.modify(step)
    tell(count)


def spawn(store, *, count):
    """Spawn one resident child, again and again."""
    root = store.get("root")
    tell(sorted({root.spawn(name="reviewer").id for _ in range(count)}))


def numbers(store, *, count):
    """Make sessions of one agent and user."""
    tell([store.create(agent="coder", user="ana").info.number for _ in range(count)])


def touch(store, *, sessions):
    """Append to old sessions that somebody prunes; tells which appends were acknowledged."""
    told = []
    for name in sessions:
        try:
            store.get(name).append(hansard.user("still in use"))
        except hansard.NotFound:
            continue
        told.append(name)
    tell(told)


def touch_children(store, *, roots):
    """Append to children of old sessions, in no order that a pruner knows; tells which roots this was acknowledged for."""
    told = []
    for name in reversed(roots):
        try:
            store.get(f"{name}-child").append(hansard.user("still in use"))
        except hansard.NotFound:
            continue
        told.append(name)
    tell(told)


def prune(store, *, age):
    """Prune by age until nothing is left to prune; tells what went."""
    gone = []
    for _ in range(20):
        gone += store.prune(hansard.RetentionPolicy(max_age=age)).deleted
    tell(gone)


def prune_once(store, *, age, now_us):
    """Prune by age once, as if it were that time; tells what went."""
    with hansard.open(sys.argv[1], clock=lambda: now_us) as own:
        tell(own.prune(hansard.RetentionPolicy(max_age=age)).deleted)


def behind_saves(store, *, cooldown):
    """Save in a store that prunes behind saves; tells when the store says that it was pruned last."""
    policy = hansard.RetentionPolicy(max_sessions=5, cooldown_s=cooldown)
    with hansard.open(sys.argv[1], retention=policy) as own:
        for _ in range(5):
            own.create()
    # Closed, it has no pruning of its own under way any more.
    tell(store.documents.load("retention", category="hansard")["last_us"])


def write(store, *, session, pause=0):
    """Append for ever, telling each acknowledged seq; somebody ends us."""
    own = store.get_or_create(session)
    number = 0
    while True:
        number += 1
        tell([session, own.append([hansard.user(f"{number}"), hansard.assistant("yes")], state={"n": number})])
        time.sleep(pause)


def slowly(store, *, session, count):
    """Append now and then, telling when each append was acknowledged."""
    own = store.get(session)
    told = []
    for number in range(count):
        time.sleep(0.05)
        told.append([own.append(hansard.user(str(number))), time.time()])
    tell(told)


def main():
    store = hansard.open(sys.argv[1])
    tell("ready")
    sys.stdin.readline()
    globals()[sys.argv[2]](store, **json.loads(sys.argv[3]))
    store.close()


if __name__ == "__main__":
    main()
