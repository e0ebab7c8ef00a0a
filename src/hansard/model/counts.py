"""What the numbers of a usage entry may be: one rule for those who make such entries and for those who read files.

A count that is wrong would not stay alone: it goes into the totals of its session, of its tree and of every group that
usage is summed up by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..errors import Invalid
from ..limits import COUNT_MAX

TOKENS: Final = ("input", "output", "cache_read", "cache_write", "reasoning")
"""Members of a usage entry that count tokens."""

AMOUNTS: Final = ("cost", "latency_ms")
"""Members that hold dollars and milliseconds."""

_NUMBERS: Final = frozenset((*TOKENS, *AMOUNTS))


def is_count(value: Any) -> bool:
    """Whether this is a whole number that counts something: from 0 to COUNT_MAX."""
    return type(value) is int and 0 <= value <= COUNT_MAX


def is_amount(value: Any) -> bool:
    """Whether this is a number, whole or not, from 0 to COUNT_MAX."""
    return type(value) in (int, float) and 0 <= value <= COUNT_MAX


def check_usage(body: dict[str, Any], where: str) -> None:
    """Return if each number of a usage entry is one; None stands for what is not known.

    Raises:
        Invalid: one is not; names the member.
    """
    for name, value in body.items():
        # An append stands in line for this: nearly all numbers are whole and small.
        if name not in _NUMBERS or value is None or (type(value) is int and 0 <= value <= COUNT_MAX):
            continue
        whole = name in TOKENS
        if whole or not is_amount(value):
            msg = (
                f"{where}.{name}: {_shown(value)} is not possible; it is a {'whole ' if whole else ''}number from 0 to "
                f"{COUNT_MAX:,}. Leave it out if it is not known"
            )
            raise Invalid(msg)


def count(value: Any) -> int:
    """The tokens that another program counts; 0 for what is no count."""
    return value if is_count(value) else 0


def odd(said: Mapping[str, Any], counts: Iterable[str], amounts: Iterable[str] = ()) -> str:
    """Which of these members of what another program says can't be, in words; "" if none. What is not said is not odd."""
    wrong = [name for name in counts if said.get(name) is not None and not is_count(said[name])]
    wrong += [name for name in amounts if said.get(name) is not None and not is_amount(said[name])]
    return ", ".join(f"{name} is {_shown(said[name])}, so it was not counted" for name in wrong)


def _shown(value: Any) -> str:
    if isinstance(value, int) and not -COUNT_MAX <= value <= COUNT_MAX:
        return "so large an int"
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
