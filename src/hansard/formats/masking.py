"""Secrets in the configurations of other programs: masked before anything is stored, and told by their places."""

from __future__ import annotations

from ..model.entry import Json
from ..store.redacting import SECRET_KEYS


def masked(value: Json, where: str) -> tuple[Json, list[str]]:
    """The value with null for every secret that is said, and the places of those."""
    places: list[str] = []
    found = _masked(value, where, places)
    return (found, places) if places else (value, places)


def _masked(value: Json, where: str, places: list[str]) -> Json:
    if isinstance(value, list):
        return [_masked(item, f"{where}/{n}", places) for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Json] = {}
    for name, item in value.items():
        if name in SECRET_KEYS and item is not None:
            places.append(f"{where}/{name}")
            kept[name] = None
        else:
            kept[name] = _masked(item, f"{where}/{name}", places)
    return kept
