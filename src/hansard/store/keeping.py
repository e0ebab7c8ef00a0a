"""The half of a store that decides what is kept: cleanup, retention, backups."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from ..backend import Progress
from ..errors import Invalid
from ..model.requests import Health
from . import cleaning, retention
from .backups import Backup, Restored
from .care import Care
from .cleaning import Cleaned
from .retention import RetentionPolicy


class Keeping(Care):
    """A store as whoever has to keep it small and safe sees it."""

    @property
    def retention(self) -> RetentionPolicy | None:
        """The policy that the store was opened with."""
        pruner = self._place.pruner
        return None if pruner is None else pruner.policy

    def cleanup(
        self, mode: Literal["empty", "children", "all"] = "empty", *, keep_pinned: bool = True, dry_run: bool = False
    ) -> Cleaned:
        """Sessions that nobody needs are gone: those without any but system messages, all children, or all.

        A session goes with its descendants, and only if none of them is pinned (unless `keep_pinned` is False), running,
        leased or damaged; that is looked at again under its lock. Of a tree that stays, parts may go. The result names
        what went and what stayed, and why.

        Raises:
            Invalid: there is no such mode.
        """
        place = self._place
        return cleaning.cleanup(place.backend, place.clock, mode, keep_pinned=keep_pinned, dry_run=dry_run)

    def prune(self, policy: RetentionPolicy | None = None, *, dry_run: bool = False) -> Cleaned:
        """What the policy (None: the one that the store was opened with) lets go is gone, the oldest first.

        A tree is as old as its newest change; it stays if something in it is pinned, running, leased or damaged, or was
        touched meanwhile, which is looked at again under its lock. Forks of it keep what they show.

        Raises:
            Invalid: there is no policy.
        """
        chosen = self.retention if policy is None else policy
        if not isinstance(chosen, RetentionPolicy):
            msg = "prune: give a RetentionPolicy, or open the store with one: hansard.open(retention=…)"
            raise Invalid(msg)
        return retention.prune(self._place.backend, self._place.clock, chosen, dry_run=dry_run)

    def backup(self, to: str | Path, *, progress: Progress | None = None) -> Backup:
        """The whole store is at this place, a folder or a `.zip` file, verified and synced, while writers went on.

        Each session is a prefix of the living one that holds everything acknowledged before the call; documents of the
        store are there with their versions. The place must not be there before. What is damaged can't be in a backup,
        and is named in `failed`.

        Raises:
            AlreadyExists: something is at the place.
            Unavailable: nothing can be written there.
        """
        from . import backing

        return backing.backup(self._place.backend, self._place.clock, Path(to), progress)

    def restore(
        self, source: str | Path, *, overwrite: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> Restored:
        """What the backup holds is in this store. The backup is verified first, and stays as it is.

        A session that is there gets what it lacks, and keeps what it has more. One that has other entries is left as it
        is and named in `conflicts`; with `overwrite` it is replaced, and named in `replaced`. So it is with documents.

        Raises:
            NotFound: there is no backup.
            Invalid: it is none.
            Corrupt: it does not verify; nothing was restored.
        """
        from . import restoring

        return restoring.restore(
            Path(source), self._place.backend, self._place.clock, overwrite=overwrite, dry_run=dry_run,
            progress=progress,
        )  # fmt: skip

    def health(self) -> Health:
        """The store could make a write durable a moment ago, and nothing is left of the trial.

        `details["retention"]` says when the store was pruned last, and what went wrong then.

        Raises:
            Unavailable: it could not; names the place.
        """
        found = super().health()
        pruner = self._place.pruner
        if pruner is None:
            return found
        return msgspec.structs.replace(found, details={**found.details, "retention": pruner.details()})
