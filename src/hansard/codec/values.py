"""JSON values that survive: what may be stored, and how it is written.

The fast road is msgspec. Strings with lone surrogates, which it refuses in both directions, take the standard
library's escaping road. Both give the same value back.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

import msgspec

from ..errors import Invalid
from ..limits import DEPTH_MAX

_encoder = msgspec.json.Encoder()
_SCALARS = frozenset((str, int, bool, type(None)))


def check_value(value: Any, where: str = "body") -> None:
    """Return if `value` is made of exactly dict (str keys), list, str, int, finite float, bool and None.

    Raises:
        Invalid: with the JSON path of the first offender, for anything else and below 200 levels.
    """
    _check(value, where, DEPTH_MAX)


def _check(value: Any, where: str, room: int) -> None:
    kind = type(value)
    if kind is dict:
        if room == 0:
            _too_deep(where)
        for key, item in value.items():
            if type(key) is not str:
                _refuse(where, f"the key {key!r} is {_name(key)}; keys are str")
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


def _name(value: object) -> str:
    return f"{type(value).__name__} {repr(value)[:40]}"


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
    """The value of JSON bytes; integers of any size, lone surrogates and all.

    Raises:
        ValueError: the bytes are not JSON.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _decode_slowly(bytes(data), error)


def _decode_slowly(data: bytes, first: Exception) -> Any:
    try:
        return json.loads(data.decode("utf-8", "strict"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error or first}"
        raise ValueError(msg) from first


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
