"""Whether any of thousands of messages was changed in place, told in a few milliseconds.

A state of 10,000 messages comes by at every step of a graph, nearly always as the same objects; but anybody who holds
one may have changed it. What each message and each container in it refers to is kept in one flat list, in the order in
which the interpreter itself visits it. Visiting all again and comparing the two lists looks at every reference, and is
one call instead of one for each message.
"""

from __future__ import annotations

import gc
from itertools import chain
from operator import is_, itemgetter
from typing import Any, Final

_BREAK: Final = [object()]
"""Stands after each container in a message, so that what moves from one to the next is noticed."""
_PLAIN: Final = frozenset((str, type(None)))
_NUMBERS: Final = frozenset((int, float, bool))


class Watch:
    """Messages as they were when they were added.

    Equal is not enough where there are numbers (1 == True == 1.0): they, and the containers in which they are, must be
    the very same objects.
    """

    __slots__ = ("_containers", "_empty", "_exact", "_held", "_keyed", "_keys", "_marks", "odd")

    def __init__(self) -> None:
        self.odd: list[int] = []
        """Places of what can't be watched, since it holds what is no JSON, or is no message."""
        self._containers: list[Any] = []
        self._held: list[Any] = []
        """What the containers refer to."""
        self._exact: list[int] = []
        """Where in it numbers are, and the containers in which they are."""
        self._empty: list[Any] = []
        self._keyed: list[Any] = []
        self._keys: list[Any] = []
        self._marks: list[tuple[int, ...]] = [(0,) * 6]
        """How much of each of these lists belongs to the elements before a place."""

    def _lists(self) -> tuple[list[Any], ...]:
        return self._containers, self._held, self._exact, self._empty, self._keyed, self._keys

    def copy(self, size: int) -> Watch:
        """The first elements, watched by an object of their own."""
        new = Watch()
        for own, other, mark in zip(new._lists(), self._lists(), self._marks[size], strict=True):
            own.extend(other[:mark])
        new._marks = self._marks[: size + 1]
        new.odd = [place for place in self.odd if place < size]
        return new

    def cut(self, size: int) -> None:
        """Only the first elements are watched from now on."""
        for own, mark in zip(self._lists(), self._marks[size], strict=True):
            del own[mark:]
        del self._marks[size + 1 :]
        self.odd = [place for place in self.odd if place < size]

    def add(self, message: Any, *, watchable: bool) -> None:
        """Watch one more: a message whose extra fields are an empty dict, or something that can't be watched."""
        full = _containers(message, self._empty) if watchable else None
        if full is None:
            self.odd.append(len(self._marks) - 1)
        else:
            self._refer(message, full)
            # The first is the message's own __dict__, whose names are those of its class.
            keyed = [container for container in full[1:] if type(container) is dict]
            self._keyed += keyed
            self._keys += chain.from_iterable(keyed)
        self._marks.append(tuple(map(len, self._lists())))

    def _refer(self, message: Any, full: list[Any]) -> None:
        begin = len(self._held)
        containers = [message, full[0]]
        for container in full[1:]:
            containers += (_BREAK, container)
        if len(full) > 1:
            containers.append(_BREAK)
        self._containers += containers
        held = gc.get_referents(*containers)
        self._held += held
        if any(type(value) in _NUMBERS for value in held):
            inside = {id(container) for container in full}
            for place, value in enumerate(held, begin):
                if type(value) in _NUMBERS or id(value) in inside:
                    self._exact.append(place)

    def unchanged(self, size: int) -> bool:
        """Whether the first elements are as they were when they were added; the odd ones are left out."""
        whole = size == len(self._marks) - 1
        lists = self._lists()
        if not whole:
            lists = tuple(one[:mark] for one, mark in zip(lists, self._marks[size], strict=True))
        containers, held, exact, empty, keyed, keys = lists
        try:
            now = gc.get_referents(*containers)
            return (
                now == held
                and not any(empty)
                and (not exact or all(map(is_, *map(itemgetter(0, *exact), (now, held)))))
                and list(chain.from_iterable(keyed)) == keys
            )
        except Exception:  # noqa: BLE001 - what was put in place of a value may refuse to be compared: it is another
            return False


def _containers(message: Any, empty: list[Any]) -> list[Any] | None:
    """The containers in a message that hold something, its own dict first; the others are added to the empty ones.

    None if something in it can't be watched.
    """
    full: list[Any] = [message.__dict__]
    found: list[Any] = [message.__pydantic_extra__]
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
                found.append(item)
            elif id(item) not in met:
                met.add(id(item))
                full.append(item)
    empty += found
    return full
