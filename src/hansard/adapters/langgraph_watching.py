"""Whether any of thousands of messages was changed in place, told in a few milliseconds.

A state of 10,000 messages comes by at every step of a graph, nearly always as the same objects; but anybody who holds
one may have changed it. What each message and each container in it refers to is kept in flat lists, in the order in
which the interpreter itself visits it. Visiting all again and comparing the two lists looks at every reference, and is
one call instead of one for each message.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from itertools import chain
from operator import is_, itemgetter
from typing import Any, Final

_BREAK: Final = [object()]
"""Stands between the containers of a message, so that what moves from one to the next is noticed."""
_PLAIN: Final = frozenset((str, type(None)))
_NUMBERS: Final = frozenset((int, float, bool))
_GROUP_MAX: Final = 256
"""Messages that are visited at once: so few that what was visited is still at hand when it is let go."""


class Watch:
    """Messages as they were when they were added.

    Equal is not enough where there are numbers (1 == True == 1.0): they, and the containers in which they are, must be
    the very same objects.
    """

    __slots__ = ("_groups", "odd")

    def __init__(self) -> None:
        self.odd: list[int] = []
        """Places of what can't be watched, since it holds what is no JSON, or is no message."""
        self._groups: list[_Group] = []
        """All but the last one are full, and then belong to all copies."""

    @property
    def size(self) -> int:
        """How many are watched, the odd ones included."""
        return (len(self._groups) - 1) * _GROUP_MAX + self._groups[-1].size if self._groups else 0

    def copy(self, size: int) -> Watch:
        """The first elements, watched by an object of their own."""
        new = Watch()
        new._groups, new.odd = self._first(size), [place for place in self.odd if place < size]
        return new

    def cut(self, size: int) -> None:
        """Only the first elements are watched from now on."""
        self._groups, self.odd = self._first(size), [place for place in self.odd if place < size]

    def _first(self, size: int) -> list[_Group]:
        full, rest = divmod(min(size, self.size), _GROUP_MAX)
        return [*self._groups[:full], *([self._groups[full].copy(rest)] if rest else [])]

    def add(self, message: Any, *, watchable: bool) -> None:
        """Watch one more: a message whose extra fields are an empty dict, or something that can't be watched."""
        if not self._groups or self._groups[-1].size == _GROUP_MAX:
            self._groups.append(_Group())
        if not self._groups[-1].add(message, watchable=watchable):
            self.odd.append(self.size - 1)

    def unsure(self, size: int) -> list[int]:
        """The places of the first elements that are not known to be as they were: a few of which some were changed."""
        size = min(size, self.size)
        found = {place for place in self.odd if place < size}
        for begin, group in zip(range(0, size, _GROUP_MAX), self._groups, strict=False):
            there = min(group.size, size - begin)
            if not (group if there == group.size else group.copy(there)).unchanged():
                found.update(range(begin, begin + there))
        return sorted(found)


class _Group:
    """A few messages that follow one another."""

    __slots__ = ("_containers", "_empty", "_exact", "_held", "_keyed", "_keys", "_marks", "_ready", "size")

    def __init__(self) -> None:
        self.size = 0
        self._containers: list[Any] = []
        self._held: list[Any] = []
        """What the containers refer to."""
        self._empty: list[Any] = []
        self._exact: list[int] = []
        """Where in what is held numbers are, and the containers in which they are."""
        self._keyed: list[Any] = []
        self._keys: list[Any] = []
        self._marks: list[tuple[int, ...]] = [(0,) * 6]
        """How much of each of these lists belongs to the messages before a place."""
        self._ready: tuple[Sequence[Any], Callable[[Any], Any] | None, Any] | None = None
        """What a comparison needs: the containers, how to find what must be the very same, and that as it was."""

    def _lists(self) -> tuple[list[Any], ...]:
        return self._containers, self._held, self._empty, self._exact, self._keyed, self._keys

    def copy(self, size: int) -> _Group:
        new = _Group()
        for own, other, mark in zip(new._lists(), self._lists(), self._marks[size], strict=True):
            own.extend(other[:mark])
        new._marks, new.size = self._marks[: size + 1], size
        return new

    def add(self, message: Any, *, watchable: bool) -> bool:
        """Add one more; False if it can't be watched and only takes its place."""
        self._ready = None
        found = _containers(message) if watchable else None
        if found is not None:
            self._refer(message, *found)
        self._marks.append(tuple(map(len, self._lists())))
        self.size += 1
        return found is not None

    def _refer(self, message: Any, full: list[Any], empty: list[Any]) -> None:
        begin = len(self._held)
        # A message refers to as many things whatever becomes of it, so nothing needs to stand before it.
        containers = [message, full[0]]
        for container in full[1:]:
            containers += (_BREAK, container)
        self._containers += containers
        self._empty += empty
        held = gc.get_referents(*containers)
        self._held += held
        # The first is the message's own __dict__, whose names are those of its class.
        keyed = [container for container in full[1:] if type(container) is dict]
        self._keyed += keyed
        self._keys += chain.from_iterable(keyed)
        if not _NUMBERS.isdisjoint(map(type, held)):
            inside = {id(container) for container in full}
            for place, value in enumerate(held, begin):
                if type(value) in _NUMBERS or id(value) in inside:
                    self._exact.append(place)

    def unchanged(self) -> bool:
        """Whether the messages are as they were when they were added; the odd ones are left out."""
        if self._ready is None:
            # The first one twice: of a single place an itemgetter gives no tuple.
            pick = itemgetter(self._exact[0], *self._exact) if self._exact else None
            self._ready = tuple(self._containers), pick, pick(self._held) if pick else ()
        containers, pick, exact = self._ready
        try:
            now = gc.get_referents(*containers)
            return (
                not any(self._empty)
                and now == self._held
                and (pick is None or all(map(is_, pick(now), exact)))
                and list(chain.from_iterable(self._keyed)) == self._keys
            )
        except Exception:  # noqa: BLE001 - what was put in place of a value may refuse to be compared: it is another
            return False


def _containers(message: Any) -> tuple[list[Any], list[Any]] | None:
    """The containers in a message that hold something, its own dict first, and those that are empty.

    None if something in it can't be watched.
    """
    full: list[Any] = [message.__dict__]
    empty: list[Any] = [message.__pydantic_extra__]
    met = {id(full[0])}
    for container in full:
        items = list(container.values() if type(container) is dict else container)
        if gc.get_referents(container) not in (items, items[::-1]):
            # A list is visited from its end; a dict that has, or had, other keys than strings shows its keys as well.
            return None
        for item in items:
            kind = type(item)
            if kind in _PLAIN or kind in _NUMBERS:
                continue
            if kind is not dict and kind is not list:
                return None
            if not item:
                empty.append(item)
            elif id(item) not in met:
                met.add(id(item))
                full.append(item)
    return full, empty
