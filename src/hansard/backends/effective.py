"""Which part of a change of fields would change something: what is so already is not written again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..codec import values
from ..fold import Fold
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import Changes, Keys

_INFO_FIELDS = frozenset(SessionInfo.__struct_fields__)


def effective(changes: Changes, fold: Fold) -> Changes:
    """The part of `changes` that would change something now."""
    info = fold.info()
    same = {name for name, value in changes.set.items() if _equal(_field(info, name), value)}
    if isinstance(changes.set.get("title"), str):
        # A title is one thing with who chose it: the same words, now chosen by a person, are a change.
        about = {"title", "title_source"}
        same = same - about if _retitles(changes.set, info) else same | about
    return Changes(
        set={name: value for name, value in changes.set.items() if name not in same},
        clear=tuple(name for name in changes.clear if _field(info, name) is not None),
        state=_effective_keys(changes.state, info.state),
        config=_effective_keys(changes.config, info.config),
        metadata=_effective_keys(changes.metadata, info.metadata),
        labels=_effective_keys(changes.labels, info.labels),
    )


def _retitles(given: Mapping[str, Json], info: SessionInfo) -> bool:
    """Whether a title that is set would be the title, or be one of another source."""
    source = given.get("title_source", "given")
    if info.title_source == "given" and source == "generated":
        return False
    return (given["title"], source) != (info.title, info.title_source)


def _field(info: SessionInfo, name: str) -> Json:
    # The derived title is no given one: giving the same text is a change.
    if name == "title" and info.title_source == "derived":
        return None
    return info.fields.get(name) if name in info.fields or name not in _INFO_FIELDS else getattr(info, name)


def _effective_keys(keys: Keys, current: Mapping[str, Json]) -> Keys:
    if not keys:
        return keys
    changed = {key: value for key, value in keys.set.items() if key not in current or not _equal(current[key], value)}
    if keys.replace:
        gone = tuple(key for key in current if key not in keys.set)
        return Keys(set=changed, remove=gone)
    return Keys(set=changed, remove=tuple(key for key in keys.remove if key in current and key not in changed))


def _equal(one: Json, other: Json) -> bool:
    # == alone takes True for 1 and 1 for 1.0, which JSON tells apart.
    return one == other and values.encode(one) == values.encode(other)
