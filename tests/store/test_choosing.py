"""What a policy of ages lets go is the same whether all sessions are looked at or only those that are old enough."""

from __future__ import annotations

import random

import pytest

import hansard
from hansard.backend import Request
from hansard.backends.memory import MemoryBackend
from hansard.codec.line import seal
from hansard.model.requests import Creation
from hansard.store import retention

SECOND = 1_000_000


class Grove:
    """Trees of sessions that were made and touched at random."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.now_us = 10**15
        self.backend = MemoryBackend(clock=lambda: self.now_us)
        self.sessions: list[str] = []
        for _ in range(25):
            self.now_us += self.draw.randrange(SECOND)
            self.grow()

    def grow(self):
        draw = self.draw
        if self.sessions and draw.random() < 0.4:
            creation = Creation(parent=draw.choice(self.sessions))
        else:
            creation = Creation(user=draw.choice(["a", "b", None]), project=draw.choice(["p", None]))
        self.sessions.append(self.backend.create(creation, Request()).id)
        if draw.random() < 0.5:
            touch = Request(sealed=(seal(hansard.user("x"), now_us=self.now_us),))
            self.backend.append(draw.choice(self.sessions), touch)

    def policy(self):
        draw, kind = self.draw, hansard.RetentionPolicy
        users = {"a": kind(max_age=draw.choice([1.0, 4.0]))} if draw.random() < 0.5 else {}
        projects = {"p": kind()} if draw.random() < 0.5 else {}
        return kind(max_age=draw.choice([None, 2.0, 5.0]), users=users, projects=projects)


@pytest.mark.parametrize("seed", range(30))
def test_only_old_sessions_need_be_looked_at_where_only_ages_count(seed):
    grove = Grove(seed)
    policy, later = grove.policy(), grove.now_us + grove.draw.randrange(3 * SECOND)
    looked = []
    find = grove.backend.find
    grove.backend.find = lambda *given, **more: looked.append(find(*given, **more)) or looked[-1]
    chosen = retention.chosen(grove.backend, policy, later)
    seen = {info.id for page in looked for info in page.items}
    assert chosen == sorted(chosen, key=lambda victim: victim.touched_us)
    everything = retention._beyond(grove.backend, policy, later)
    assert {(one.root, one.touched_us) for one in chosen} == {(one.root, one.touched_us) for one in everything}
    if policy.max_age is None and not policy.users:
        assert seen == set()
