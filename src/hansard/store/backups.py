"""What backups and restores tell of what they did: apart from what does it, which needs zip files and the like."""

from __future__ import annotations

import msgspec

from ..model.requests import Finding


class Backup(msgspec.Struct, frozen=True):
    """What a backup holds."""

    path: str
    made_at: str
    """Everything that was acknowledged before this is in it."""
    sessions: dict[str, tuple[int, str]]
    """The last seq and hash of each session in it, by id."""
    documents: int = 0
    """Versions of documents of the store."""
    failed: tuple[Finding, ...] = ()
    """Sessions and documents that could not be copied, and why."""


class Restored(msgspec.Struct, frozen=True):
    """What a restore did; of a dry run, what it would do."""

    new: tuple[str, ...] = ()
    """Sessions that were not there."""
    grown: tuple[str, ...] = ()
    """Sessions that lacked entries and have them now."""
    unchanged: tuple[str, ...] = ()
    """Sessions that have all of it, and maybe more."""
    replaced: tuple[str, ...] = ()
    """Sessions that were there with other entries, which are gone: only with `overwrite`."""
    conflicts: tuple[Finding, ...] = ()
    """Sessions and documents that are there with other content, and were left as they are."""
    documents: int = 0
    """Versions of documents that were written."""
    failed: tuple[Finding, ...] = ()
    dry_run: bool = False
