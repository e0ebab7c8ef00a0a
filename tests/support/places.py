"""Where the tests of an adapter have their store: each kind of backend there is."""

from __future__ import annotations

from support import stores

KINDS = ("memory", "file", "postgres")


def place_of(kind, folder):
    """What hansard.open takes for an empty store of this kind; without a server the test is skipped."""
    if kind == "memory":
        return "memory:"
    return str(folder / "store") if kind == "file" else stores.url_of(stores.empty_database())
