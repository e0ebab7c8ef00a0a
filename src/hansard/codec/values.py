"""JSON values that survive: what may be stored, and how it is written.

The fast road is msgspec. Strings with lone surrogates, which it refuses in both directions, take the standard
library's escaping road. Both give the same value back.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final, NoReturn

import msgspec

from ..errors import Invalid
from ..limits import DEPTH_MAX

_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_encoder = msgspec.json.Encoder()
_SCALARS = frozenset((str, int, bool, type(None)))


def check_value(value: Any, where: str = "body") -> None:
    """Return if `value` is made of exactly dict (str keys), list, str, int, finite float, bool and None.

    Raises:
        Invalid: with the JSON path of the first offender, for anything else and below 200 levels; for an integer that
            Python does not turn into text (more than 4300 digits, unless the process has set another bound); and for
            text with a surrogate pair in two halves, which JSON has no form for.
    """
    encode_checked(value, where)


def encode_checked(value: Any, where: str = "body", *, levels: int = DEPTH_MAX) -> bytes:
    """The JSON bytes of a value that may be stored, nested no deeper than `levels`. Errors as for `check_value`."""
    if not _storable(value, levels):
        _check(value, where, levels)
    try:
        return _encoder.encode(value)
    except ValueError:
        _check_text(value, where)
        return _escaping(value)


def _storable(value: Any, room: int) -> bool:
    """Whether `_check` would return: the same in a third of the time, because it need not know where it is."""
    kind = type(value)
    if kind is dict:
        if room == 0:
            return False
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif kind is list:
        if room == 0:
            return False
        items = value
    else:
        return kind in _SCALARS or (kind is float and isfinite(value))
    for item in items:
        kind = type(item)
        if kind in _SCALARS:
            continue
        if kind is dict or kind is list:
            if not _storable(item, room - 1):
                return False
        elif kind is not float or not isfinite(item):
            return False
    return True


def _check(value: Any, where: str, room: int) -> None:
    kind = type(value)
    if kind is dict:
        if room == 0:
            _too_deep(where)
        for key, item in value.items():
            if type(key) is not str:
                _refuse(where, f"the key {shown(key)} is {_name(key)}; keys are str")
            if type(item) not in _SCALARS:
                _check(item, f"{where}.{key}", room - 1)
    elif kind is list:
        if room == 0:
            _too_deep(where)
        for number, item in enumerate(value):
            if type(item) not in _SCALARS:
                _check(item, f"{where}[{number}]", room - 1)
    elif kind is float:
        if not isfinite(value):
            _refuse(where, f"{value!r} has no JSON form; store None or a string")
    elif kind not in _SCALARS:
        _refuse(where, f"{_name(value)} can't be stored; use dict, list, str, int, float, bool or None")


def _check_text(value: Any, where: str) -> None:
    """Refuse what has no text in JSON, or would come back as another value."""
    kind = type(value)
    if kind is str:
        # Two halves of a pair are read as the character that they stand for.
        if _PAIR.search(value):
            _refuse(where, "a surrogate pair in two halves has no JSON form; decode the text as UTF-16 first")
    elif kind is int:
        try:
            str(value)
        except ValueError:
            _refuse(
                where, "an integer with more digits than Python turns into text; store its digits as a string, in hex"
            )
    elif kind is dict:
        for key, item in value.items():
            _check_text(key, where)
            _check_text(item, f"{where}.{key}")
    elif kind is list:
        for number, item in enumerate(value):
            _check_text(item, f"{where}[{number}]")


def _name(value: object) -> str:
    return f"{type(value).__name__} {shown(value)}"


def shown(value: object) -> str:
    """A value as an error message shows it: 40 characters of its repr at most, and never an error of its own."""
    try:
        return repr(value)[:40]
    except Exception:  # noqa: BLE001 - a caller's object may fail in any way, and is about to be refused anyway
        return f"<{type(value).__name__}>"


def _refuse(where: str, why: str) -> NoReturn:
    msg = f"{where}: {why}"
    raise Invalid(msg)


def _too_deep(where: str) -> NoReturn:
    short = where if len(where) <= 200 else where[:100] + " … " + where[-60:]
    _refuse(short, f"nested deeper than {DEPTH_MAX} levels; store the inner part as text or as an attachment")


def encode(value: Any) -> bytes:
    """The JSON bytes of a checked value: UTF-8, no spaces, keys in their order, floats by shortest repr."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _escaping(value)


def _escaping(value: Any) -> bytes:
    # ensure_ascii writes a lone surrogate as \udXXX, the one JSON spelling it has.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def decode(data: bytes | memoryview) -> Any:
    """The value of JSON bytes; long integers, lone surrogates and all.

    Raises:
        ValueError: the bytes are not JSON, or hold a number that Python has no value for.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return _decode_slowly(bytes(data), error)


def _decode_slowly(data: bytes, first: Exception) -> Any:
    try:
        return json.loads(data.decode("utf-8", "strict"), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error or first}"
        raise ValueError(msg) from first


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        msg = f"{text[:40]} is beyond what a float can hold"
        raise ValueError(msg)
    return number
