"""What the sessions of the measurement are like: who has them, when they were made, and what is said in them."""

from __future__ import annotations

import dataclasses
import random

import hansard
from hansard.model.requests import Creation

DAY_US = 86_400_000_000
RARE = "zyzzyva"
VOCABULARY = 20_000
TICKETS = 10_000_000
"""Where the tickets begin, so that all have as many digits."""
_TURNS = 5_000
"""Different ones, at least: each word comes as often as it would if all were different."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is made: so many sessions of one turn, spread evenly over the days before `end_us`."""

    sessions: int
    end_us: int
    days: int = 365
    turns: int = _TURNS

    @property
    def users(self) -> int:
        """Each has a thousand sessions."""
        return max(1, self.sessions // 1_000)

    @property
    def kinds(self) -> int:
        """After so many sessions, one comes that differs in its ticket, its place and its time only."""
        return self.users * -(-self.turns // self.users)

    @property
    def rare(self) -> frozenset[int]:
        """The sessions in which the rare word stands."""
        return frozenset((self.sessions // 7, self.sessions // 2, self.sessions - 2))

    def at_us(self, number: int) -> int:
        """When a session was made."""
        return self.end_us - (self.sessions - number) * self.days * DAY_US // self.sessions

    def place(self, number: int) -> int:
        """Which session of its user it is."""
        return number // self.users + 1

    def creation(self, number: int, *, ticket: int | None = None) -> Creation:
        """What a session is made as; with another ticket, what one of its kind is made as.

        Its ticket is its own; its environment has half of all, its team 1 of 100, its batch 1 of 500.
        """
        user, kind = number % self.users, number % self.kinds
        ticket = ticket_of(number) if ticket is None else ticket
        return Creation(
            id=f"session-{ticket}",
            agent=f"agent-{user % 7}",
            user=f"user-{user}",
            project=f"project-{kind % 50}",
            labels={
                "team": f"team-{kind % 100}",
                "environment": ("production", "test")[kind % 2],
                "batch": f"batch-{kind % 500}",
            },
            metadata={"ticket": ticket},
            title=f"Ticket {ticket}",
        )

    def turn(self, number: int, *, ticket: int | None = None) -> list[hansard.NewEntry]:
        """A question and its answer, of words drawn with falling frequency; the rare one stands in three sessions.

        With another ticket it is what others of its kind say.
        """
        rare = ticket is None and number in self.rare
        ticket = ticket_of(number) if ticket is None else ticket
        draw = random.Random(number % self.kinds)
        # The logarithm of the rank is even, which is how often words of a language come.
        words = [f"w{int(VOCABULARY ** draw.random())}" for _ in range(36)]
        if rare:
            words[3] = RARE
        return [
            hansard.user(" ".join(words[:12]), id=f"message-{ticket}.0"),
            hansard.assistant(f"everywhere {' '.join(words[12:])}", id=f"message-{ticket}.1"),
        ]


def ticket_of(number: int) -> int:
    """The ticket of a session."""
    return TICKETS + number
