"""Names of session folders of crabtalk: agent, sender and a number, from names that people have."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from .crabtalk_session import meta_of
from .placing import fits_in_a_name
from .regular import contents
from .unbundling import Recorded

Pairs: TypeAlias = dict[tuple[str, str], tuple[str | None, str | None]]
"""Whose name a pair of slugs is in this export."""

_NAME_BYTES: Final = 200


def sender_slug(text: str) -> str:
    """A name as part of a folder's: letters, digits and single dashes; capitals of ASCII become small. It may be empty."""
    kept = "".join(
        (character.lower() if character.isascii() else character) if character.isalnum() or character == "-" else "-"
        for character in text
    )
    return "-".join(piece for piece in kept.split("-") if piece)


def free_name(recorded: Recorded, sessions: Path, pairs: Pairs, notes: list[str]) -> str:
    """The name of a session's folder: the one that it came with, else a new number of its agent and sender.

    Two people whose names look alike get different names, so that neither goes on with the other's session.
    """
    native = recorded.native
    if native is not None and "~" not in recorded.info.id and _is_free(native, recorded, sessions):
        return native
    agent, sender = _pair_for(recorded, sessions, pairs)
    number = recorded.info.number or 1
    wanted = f"{agent}_{sender}_{number}"
    taken = _numbers(sessions, f"{agent}_{sender}_")
    if number in taken and not _is_free(wanted, recorded, sessions):
        number = max(taken) + 1
    name = f"{agent}_{sender}_{number}"
    plain = f"{sender_slug(recorded.info.agent or '') or 'agent'}_{sender_slug(recorded.info.user or '') or 'user'}_"
    if native is not None:
        notes.append(f"the name {native} is taken, so its folder is {name}")
    elif not name.startswith(plain):
        notes.append(f"another sender's name looks like {recorded.info.user!r} there, so its folder is {name}")
    return name


def _is_free(name: str, recorded: Recorded, sessions: Path) -> bool:
    """Whether a folder of this name can be this session's: there is none, or one with the same beginning."""
    if not fits_in_a_name(name, limit=_NAME_BYTES) or "/" in name or "\\" in name:
        return False
    folder = sessions / name
    if not folder.exists():
        return True
    there = _meta(folder)
    own = there.get("hansard")
    if isinstance(own, dict) and "id" in own:
        return own["id"] == recorded.info.id
    kept = recorded.heads.get("meta")
    ours = meta_of(kept.data) if kept is not None else {}
    names = ("agent", "created_by", "created_at")
    return bool(ours) and [there.get(member) for member in names] == [ours.get(member) for member in names]


def _meta(folder: Path) -> dict[str, Any]:
    try:
        return meta_of(contents(folder / "meta"))
    except OSError:
        return {}


def _pair_for(recorded: Recorded, sessions: Path, pairs: Pairs) -> tuple[str, str]:
    info = recorded.info
    agent, sender = sender_slug(info.agent or "") or "agent", sender_slug(info.user or "") or "user"
    pair = (info.agent, info.user)
    base = sender[:80]
    sender = base
    while pairs.setdefault((agent[:80], sender), pair) != pair or _is_others(sessions, f"{agent[:80]}_{sender}_", pair):
        sender = f"{base}-{sha256(repr((*pair, sender)).encode('utf-8', 'replace')).hexdigest()[:8]}"
    return agent[:80], sender


def _is_others(sessions: Path, prefix: str, pair: tuple[str | None, str | None]) -> bool:
    """Whether sessions of another agent or sender have this prefix already."""
    for path in sessions.glob(f"{prefix}*") if sessions.is_dir() else ():
        meta = _meta(path)
        if path.name.removeprefix(prefix).isdigit() and meta:
            return (meta.get("agent"), meta.get("created_by")) != (pair[0] or "agent", pair[1] or "user")
    return False


def _numbers(sessions: Path, prefix: str) -> set[int]:
    if not sessions.is_dir():
        return set()
    numbers = (path.name.removeprefix(prefix) for path in sessions.iterdir() if path.name.startswith(prefix))
    return {int(number) for number in numbers if number.isascii() and number.isdigit()}
