"""Orders of `find`, and the cursors that name a place in an order, so that pages shift by nothing that comes or goes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final, TypeAlias

from ..codec import values
from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import Page
from .condition import Condition, matches

Key: TypeAlias = tuple[str | int, str]
"""(value of the order's field, session id); the id follows the direction of the order."""

ORDERS: Final = MappingProxyType(
    {
        "activity": "activity_at",
        "updated": "updated_at",
        "created": "created_at",
        "touched": "touched_us",
        "title": "title",
        "id": "id",
        "seq": "seq",
    }
)
"""Orders, each with the field of SessionInfo it goes by; `-` before the name turns it round."""

_NUMBERS: Final = frozenset(("touched_us", "seq"))
TITLE_KEY_CHARS: Final = 250
"""So many characters of a title count in the order of titles."""

_UNSTORABLE: Final = dict.fromkeys((0, *range(0xD800, 0xE000)), "\ufffd")


def order_field(order: str) -> tuple[str, bool]:
    """The field of SessionInfo that an order goes by, and whether it descends.

    Raises:
        Invalid: there is no such order.
    """
    name = str(order).removeprefix("-")
    if name not in ORDERS:
        msg = f"no order {order!r}; there are {', '.join(ORDERS)}, each with or without '-' before it"
        raise Invalid(msg)
    return ORDERS[name], order.startswith("-")


def order_key(info: SessionInfo, order: str) -> Key:
    """What sessions are sorted by in an order, all of it descending if the order begins with `-`.

    A title or time that is not said counts as "". Text goes by code points; of a title the first 250 count, and what
    a column can't hold (NUL, half a surrogate pair) counts as U+FFFD.

    Raises:
        Invalid: there is no such order.
    """
    field, _ = order_field(order)
    value = title_key(info.title) if field == "title" else getattr(info, field)
    return (0 if field in _NUMBERS else "") if value is None else value, info.id


def title_key(title: str | None) -> str:
    """What a title is sorted by; the key of a key is that key."""
    return (title or "")[:TITLE_KEY_CHARS].translate(_UNSTORABLE)


def check_limit(limit: int) -> int:
    """The limit, if it is a count of at least 1.

    Raises:
        Invalid: it is not.
    """
    if type(limit) is not int or limit < 1:
        msg = f"limit: {limit!r}; a page has at least 1 item"
        raise Invalid(msg)
    return limit


def encode_cursor(order: str, *key: Json) -> str:
    """Opaque text that names the place after `key` in an order."""
    data = values.encode([order, *key])
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str, order: str, shape: tuple[type, ...]) -> tuple[Json, ...]:
    """The key that a cursor of this order holds, its members of the types of `shape`.

    Raises:
        Invalid: the text is not such a cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = values.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (AttributeError, UnicodeEncodeError, binascii.Error, ValueError):
        found = None
    if isinstance(found, list) and len(found) == len(shape) + 1 and found[0] == order:
        key = found[1:]
        if all(_is(item, kind) for item, kind in zip(key, shape, strict=True)):
            return tuple(key)
    msg = f"cursor {str(cursor)[:60]!r} is none of the order {order!r}; begin again without a cursor"
    raise Invalid(msg)


def _is(value: Json, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def find_cursor(cursor: str, order: str) -> Key:
    """The key that a cursor of `find` holds.

    Raises:
        Invalid: the text is no cursor of this order, or there is no such order.
    """
    field, _ = order_field(order)
    value, identifier = decode_cursor(cursor, order, (int if field in _NUMBERS else str, str))
    return value, identifier


def find_all(
    infos: Iterable[SessionInfo], where: Condition, *, order: str, limit: int, cursor: str | None
) -> Page[SessionInfo]:
    """The page of `find` over these sessions, by looking at each: what every backend's `find` must return.

    Raises:
        Invalid: order, limit or cursor are not such, or the condition names what there is not.
    """
    check_limit(limit)
    _, descending = order_field(order)
    after = None if cursor is None else find_cursor(cursor, order)
    found = [(order_key(info, order), info) for info in infos if matches(where, info)]
    if after is not None:
        found = [item for item in found if (item[0] < after if descending else item[0] > after)]
    found.sort(key=lambda item: item[0], reverse=descending)
    page = found[:limit]
    following = encode_cursor(order, *page[-1][0]) if len(found) > limit else None
    return Page(tuple(info for _, info in page), following)
