"""Secrets in the configurations of other programs: masked before anything is stored, and told by their places."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json

SECRETS: Final = frozenset((
    "access_key", "access_token", "accessToken", "api_key", "apiKey", "api_token", "apiToken", "auth_token", "authToken",
    "authorization", "Authorization", "bearer_token", "client_secret", "clientSecret", "credentials", "password",
    "private_key", "privateKey", "refresh_token", "refreshToken", "secret", "secret_key", "secretKey", "x-api-key",
))  # fmt: skip
"""Exact names of members. Nothing is guessed from parts of names or from values."""


def masked(value: Json, where: str) -> tuple[Json, list[str]]:
    """The value with null for every secret that is set, and the places of those."""
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
        if name in SECRETS and item not in (None, "", [], {}):
            places.append(f"{where}/{name}")
            kept[name] = None
        else:
            kept[name] = _masked(item, f"{where}/{name}", places)
    return kept
