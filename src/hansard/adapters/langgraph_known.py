"""The messages that a list had, so that the next list is compared with them, and copies are made of them.

A message is frozen when it is written or read. An object is the same as long as it equals what was frozen; serializing
all of a long state to find that out would cost hundreds of times as much.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
from collections.abc import Callable, Container, Generator, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter, is_
from typing import Any, Final, NamedTuple

from langchain_core.messages import BaseMessage

from .langgraph_values import MESSAGES, copied, is_json
from .langgraph_watching import Watch

_NUMBERS: Final = frozenset((int, float, bool))
_ONE_BY_ONE_MAX: Final = 400
"""To watch an object takes as long as to compare it ten times; what is given out as a copy is gone after a few."""
_new, _assign = object.__new__, object.__setattr__
_fields_of = attrgetter("__dict__")


class Frozen:
    """A message as it was when it was written or read, to tell whether an object is still the same, and to make copies."""

    __slots__ = ("_dicts", "_given", "_lists", "_nested", "exact", "fields", "kind")

    def __init__(self, message: BaseMessage) -> None:
        """Take a copy of everything in the message, all of which is JSON."""
        self.kind = type(message)
        self.fields = {name: copied(value) for name, value in message.__dict__.items()}
        nested = [(name, value) for name, value in self.fields.items() if type(value) is dict or type(value) is list]
        # Most are empty, and an empty one is made faster than it is copied.
        self._dicts = tuple(name for name, value in nested if not value and type(value) is dict)
        self._lists = tuple(name for name, value in nested if not value and type(value) is list)
        self._nested = tuple(name for name, value in nested if value)
        self._given = _given(frozenset(self.fields))
        # 1 == True == 1.0, so where there are numbers, equal fields are not enough to be the same.
        self.exact = marshal.dumps(self.fields, 2) if _has_number(self.fields) else b""

    def thawed(self) -> BaseMessage:
        """A new message, equal and independent."""
        new = _new(self.kind)
        fields = self.fields.copy()
        for name in self._dicts:
            fields[name] = {}
        for name in self._lists:
            fields[name] = []
        for name in self._nested:
            fields[name] = copied(fields[name])
        _assign(new, "__dict__", fields)
        _assign(new, "__pydantic_fields_set__", self._given)
        _assign(new, "__pydantic_extra__", {})
        _assign(new, "__pydantic_private__", None)
        return new

    def is_(self, message: Any) -> bool:
        """Whether a message is the same; False also where that can't be told cheaply."""
        if type(message) is not self.kind or message.__pydantic_extra__:
            return False
        fields = _fields_of(message)
        try:
            return fields == self.fields and (not self.exact or self.exact == marshal.dumps(fields, 2))
        except Exception:  # noqa: BLE001 - what was put in place of a value may refuse to be compared: it is another
            return False


@lru_cache(maxsize=64)
def _given(names: frozenset[str]) -> set[str]:
    """What counts as given at construction: all fields, as of a message that was read; so all messages may share it."""
    return set(names)


def frozen(value: Any) -> Frozen | None:
    """A message frozen; None for what can't be told apart cheaply: what is no message, or holds what is no JSON."""
    if (
        type(value) not in MESSAGES
        or value.__pydantic_extra__ != {}
        or value.__pydantic_private__
        or not is_json(value.__dict__)
    ):
        return None
    return Frozen(value)


class _Elements:
    """The elements of lists of which one begins with the other, and the objects that stood for them last."""

    __slots__ = ("frozen", "objects", "watch")

    def __init__(self) -> None:
        self.frozen: list[Frozen | None] = []
        self.objects: list[Any] = []
        self.watch = Watch()
        """Of the objects, from the first on; the others are looked at one by one."""

    def append(self, one: Frozen | None, value: Any) -> None:
        self.frozen.append(one)
        self.objects.append(value)

    def cut(self, size: int) -> None:
        del self.frozen[size:]
        del self.objects[size:]
        self.watch.cut(size)

    def copy(self, size: int) -> _Elements:
        new = _Elements()
        new.frozen, new.objects, new.watch = self.frozen[:size], self.objects[:size], self.watch.copy(size)
        return new

    def is_at(self, place: int, value: Any) -> bool:
        """Whether an object is the same as an element."""
        one = self.frozen[place]
        return one is not None and one.is_(value)

    def changed(self, size: int) -> list[int]:
        """Places among the first at which the objects are not what was frozen, or it can't be told cheaply."""
        unsure = chain(self.watch.unsure(size), range(self.watch.size, size))
        return [place for place in unsure if not self.is_at(place, self.objects[place])]

    def watched(self, size: int, changed: Container[int]) -> None:
        """The first objects are watched, but those at the places that were found changed just now."""
        for place in range(self.watch.size, size):
            watchable = self.frozen[place] is not None and place not in changed
            self.watch.add(self.objects[place], watchable=watchable)


class Known:
    """The elements that one list had."""

    def __init__(self, elements: _Elements | None = None, size: int = 0) -> None:
        """The first `size` of some elements; without any, those of an empty list."""
        self._elements = elements or _Elements()
        self._size = size

    def append(self, one: Frozen | None, value: Any) -> None:
        """Add an element as it was frozen, None for one that can't be compared, and the object itself."""
        self._own().append(one, value)
        self._size += 1

    def frozen_at(self, place: int) -> Frozen | None:
        """An element as it was frozen."""
        return self._elements.frozen[place]

    def values(self) -> list[Any]:
        """The objects that stood for the elements last."""
        return self._elements.objects[: self._size]

    def first(self, values: Sequence[Any], *, alike: int = 0) -> Known:
        """The first elements, which are the same as these objects; nothing is copied where they are the very same.

        So many of them are known to be.
        """
        alike = min(alike, len(values)) or self._identical(values)
        new = Known(self._elements, alike)
        for place in range(alike, len(values)):
            new.append(self._elements.frozen[place], values[place])
        return new

    def compared(self, given: Sequence[Any]) -> Compared:
        """How a list differs from this one."""
        alike = self._identical(given)
        size = min(self._size, len(given))
        elements = self._elements
        found = elements.changed(alike)
        if alike - elements.watch.size > _ONE_BY_ONE_MAX:
            elements.watched(alike, frozenset(found))
        found += [place for place in range(alike, size) if not elements.is_at(place, given[place])]
        return Compared(self, given, alike, found)

    def places(self) -> dict[int, int]:
        """Where each object stands, by its identity."""
        return {id(value): place for place, value in enumerate(self._elements.objects[: self._size])}

    def is_at(self, place: int, value: Any) -> bool:
        """Whether an object is the same as an element."""
        return self._elements.is_at(place, value)

    def _identical(self, values: Sequence[Any]) -> int:
        """How many from the first on are the very objects that stand for the elements."""
        objects = self._elements.objects
        if len(objects) > self._size:
            objects = objects[: self._size]
        if all(map(is_, values, objects)):
            return min(len(values), len(objects))
        return next(place for place, same in enumerate(map(is_, values, objects)) if not same)

    def _own(self) -> _Elements:
        """The elements, which hold no more than this list: they may be changed."""
        if len(self._elements.frozen) > self._size:
            self._elements = self._elements.copy(self._size)
        return self._elements

    def messages(self, *, copies: int, made: Callable[[int], Any]) -> list[Any]:
        """The elements, the newest as copies; `made` makes the one at a place that can't be made of what is known.

        Of the others those objects are given out again that are as they were when they were written.
        """
        shared = max(0, self._size - copies)
        with _without_collection():
            elements = self._own()
            self._mend(elements, shared)
            for place in [place for place in elements.watch.odd if place < shared]:
                elements.objects[place] = made(place)
            newest = elements.frozen[shared:]
            elements.cut(shared)
            for place, one in enumerate(newest, shared):
                elements.append(one, made(place) if one is None else one.thawed())
            return elements.objects[:]

    @staticmethod
    def _mend(elements: _Elements, size: int) -> None:
        """The first objects are what was frozen, a new one where somebody has changed one, and watched."""
        for place in reversed(elements.changed(size)):
            one = elements.frozen[place]
            if one is not None:
                elements.watch.cut(place)
                elements.objects[place] = one.thawed()
        elements.watched(size, ())


class Compared(NamedTuple):
    """A list beside the elements that another one had."""

    known: Known
    given: Sequence[Any]
    alike: int
    """So many from the first on are the very objects that stand for the elements."""
    differing: list[int]
    """The places, as far as both go, at which these are not the same elements, or it can't be told cheaply."""

    def followed(self, ones: Sequence[Frozen | None]) -> Known:
        """The elements of the list, the last of them as they were frozen; the others are the same."""
        same = len(self.given) - len(ones)
        new = self.known.first(self.given[:same], alike=self.alike)
        for one, value in zip(ones, self.given[same:], strict=True):
            new.append(one, value)
        return new


@contextlib.contextmanager
def _without_collection() -> Generator[None]:
    """No garbage collection while many objects are made, all of which stay: it would look at each again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _has_number(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return any(map(_has_number, value.values()))
    if kind is list:
        return any(map(_has_number, value))
    return kind in _NUMBERS
