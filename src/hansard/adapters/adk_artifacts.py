"""ADK's artifacts: files with versions, of one session or (`user:` before the name) of all sessions of a user.

They stand in a session of their own, so that saving one never makes a loaded session stale, and the same bytes are kept
once however many versions have them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from google.adk.artifacts.base_artifact_service import ArtifactVersion, BaseArtifactService, ensure_part
from google.adk.errors.input_validation_error import InputValidationError
from google.genai import types

from ..aio.running import threaded
from ..errors import Conflict, NotFound
from ..model.entry import Entry, NewEntry
from ..store import Session, Store
from .following import Following
from .naming import joined
from .opened import AnyStore, opened

KIND: Final = "adk-artifacts"
"""The kind of the sessions that hold artifacts."""
SAVED: Final = "x-adk.artifact"
DELETED: Final = "x-adk.artifact-deleted"
USER: Final = "user:"
_ATTEMPTS_MAX: Final = 64
_REFERENCES_MAX: Final = 5


class _Shelf:
    """The artifacts of one session or user: the seqs of their versions by name."""

    def __init__(self) -> None:
        self.files: dict[str, list[int]] = {}

    def take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind == SAVED and not entry.erased:
                self.files.setdefault(entry.body["file"], []).append(entry.seq)
            elif entry.kind == DELETED:
                self.files.pop(entry.body["file"], None)


class HansardArtifactService(BaseArtifactService):
    """Artifacts in a Hansard store. Versions count 0, 1, 2 …, each number once, from however many processes.

    `store` is an open store of either door, or the place of one, which `close()` then closes.
    """

    def __init__(self, store: AnyStore = None) -> None:
        """Stand on a store. Errors are those of hansard.open."""
        door, self._owned = opened(store)
        self.store: Store = door.sync
        self._shelves: Following[_Shelf] = Following(_Shelf)

    async def save_artifact(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        artifact: types.Part | dict[str, Any],
        session_id: str | None = None,
        custom_metadata: dict[str, Any] | None = None,
    ) -> int:
        """The artifact is durable as the next version, whose number is returned.

        Raises:
            InputValidationError: it holds neither bytes, text nor a file's address, or the session's id is missing.
        """
        holder = holder_of(app_name, user_id, filename, session_id)
        part = ensure_part(artifact)
        if part.inline_data is None and part.text is None and part.file_data is None:
            msg = "an artifact holds inline data, text, or the address of a file; this part has none of them"
            raise InputValidationError(msg)
        return await threaded(partial(self._save, holder, filename, part, custom_metadata or {}))

    async def load_artifact(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        session_id: str | None = None,
        version: int | None = None,
    ) -> types.Part | None:
        """The artifact, now or in a version; None if it is not there. What points to another artifact is followed."""
        holder = holder_of(app_name, user_id, filename, session_id)
        part = await threaded(partial(self._load, holder, filename, version))
        for _ in range(_REFERENCES_MAX):
            pointed = _reference(part)
            if pointed is None:
                return None if part == types.Part() else part
            if pointed["app_name"] != app_name or pointed["user_id"] != user_id:
                whose = f"{pointed['user_id']!r} of {pointed['app_name']!r}"
                msg = f"artifact {filename!r} points to one of another app or user, {whose}; save the file itself"
                raise InputValidationError(msg)
            holder = holder_of(app_name, user_id, pointed["filename"], pointed["session_id"])
            part = await threaded(partial(self._load, holder, pointed["filename"], int(pointed["version"])))
        msg = f"artifact {filename!r} points to others more than {_REFERENCES_MAX} times; save the file itself"
        raise InputValidationError(msg)

    async def list_artifact_keys(self, *, app_name: str, user_id: str, session_id: str | None = None) -> list[str]:
        """The names of the user's artifacts and, if it is given, of the session's, sorted."""
        holders = [holder_of(app_name, user_id, USER, None)]
        if session_id is not None:
            holders.append(holder_of(app_name, user_id, "", session_id))

        def read() -> list[str]:
            return sorted(name for holder in holders for name in self._versions(holder))

        return await threaded(read)

    async def delete_artifact(
        self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None
    ) -> None:
        """The artifact is gone with all its versions; the next one saved under its name is version 0 again."""
        await threaded(partial(self._delete, holder_of(app_name, user_id, filename, session_id), filename))

    async def list_versions(
        self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None
    ) -> list[int]:
        """The numbers of an artifact's versions."""
        holder = holder_of(app_name, user_id, filename, session_id)
        return await threaded(lambda: list(range(len(self._versions(holder).get(filename, ())))))

    async def list_artifact_versions(
        self, *, app_name: str, user_id: str, filename: str, session_id: str | None = None
    ) -> list[ArtifactVersion]:
        """What is known of each version, the oldest first."""
        holder = holder_of(app_name, user_id, filename, session_id)

        def read() -> list[ArtifactVersion]:
            count = len(self._versions(holder).get(filename, ()))
            found = [self._version(holder, filename, number) for number in range(count)]
            return [version for version in found if version is not None]

        return await threaded(read)

    async def get_artifact_version(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        session_id: str | None = None,
        version: int | None = None,
    ) -> ArtifactVersion | None:
        """What is known of a version, the newest if none is said; None if it is not there."""
        holder = holder_of(app_name, user_id, filename, session_id)
        return await threaded(partial(self._version, holder, filename, version))

    async def close(self) -> None:
        """A store that was opened here is closed; one that was given stays open."""
        if self._owned:
            await threaded(self.store.close)

    def _save(self, holder: str, filename: str, part: types.Part, metadata: dict[str, Any]) -> int:
        session = self.store.get_or_create(holder, kind=KIND)
        described: dict[str, Any] = {"part": _without_data(part)}
        mime = None
        if part.inline_data is not None:
            mime = part.inline_data.mime_type
            kept = session.attach(part.inline_data.data or b"", mime=mime, name=filename, record=False)
            described |= {"sha256": kept.sha256, "size": kept.size}
        elif part.text is not None:
            mime = "text/plain"
        elif part.file_data is not None:
            mime = part.file_data.mime_type
        for attempt in range(_ATTEMPTS_MAX):
            with self._shelves.of(session) as (shelf, _, seq):
                version = len(shelf.files.get(filename, ()))
                body = {
                    "file": filename, "version": version, "mime": mime, "metadata": metadata, "at": time.time(), **described
                }  # fmt: skip
                try:
                    session.append(NewEntry(kind=SAVED, body=body), expect=seq)
                except Conflict:
                    if attempt == _ATTEMPTS_MAX - 1:
                        raise
                else:
                    return version
        raise AssertionError

    def _delete(self, holder: str, filename: str) -> None:
        if filename in self._versions(holder):
            self.store.get(holder).append(NewEntry(kind=DELETED, body={"file": filename}))

    def _versions(self, holder: str) -> dict[str, list[int]]:
        try:
            with self._shelves.of(self.store.get(holder)) as (shelf, _, _):
                return {name: list(seqs) for name, seqs in shelf.files.items()}
        except NotFound:
            return {}

    def _entry(self, holder: str, filename: str, version: int | None) -> tuple[Session, Any] | None:
        seqs = self._versions(holder).get(filename, [])
        number = len(seqs) - 1 if version is None else version
        if not 0 <= number < len(seqs):
            return None
        session = self.store.get(holder)
        return session, session.entry(seqs[number]).body

    def _load(self, holder: str, filename: str, version: int | None) -> types.Part | None:
        found = self._entry(holder, filename, version)
        if found is None:
            return None
        session, body = found
        part = types.Part.model_validate(body["part"])
        if part.inline_data is not None:
            part.inline_data.data = session.attachment(body["sha256"])
        return part

    def _version(self, holder: str, filename: str, version: int | None) -> ArtifactVersion | None:
        found = self._entry(holder, filename, version)
        if found is None:
            return None
        session, body = found
        return ArtifactVersion(
            version=body["version"],
            canonical_uri=f"hansard://{session.id}/{filename}/versions/{body['version']}",
            custom_metadata=body["metadata"],
            create_time=body["at"],
            mime_type=body["mime"],
        )


def holder_of(app_name: str, user_id: str, filename: str, session_id: str | None) -> str:
    """The id of the Hansard session that holds an artifact.

    Raises:
        InputValidationError: it belongs to a session, and none is said.
    """
    if filename.startswith(USER):
        return f"~{KIND}@{joined(user_id, app_name)}"
    if session_id is None:
        msg = f"artifact {filename!r}: give a session_id, or begin the name with {USER!r} for all sessions of the user"
        raise InputValidationError(msg)
    return f"~{KIND}@{joined(session_id.strip(), user_id, app_name)}"


def _without_data(part: types.Part) -> dict[str, Any]:
    described = part.model_dump(mode="json", exclude_none=True, exclude={"inline_data": {"data"}})
    if part.inline_data is not None:
        described.setdefault("inline_data", {})
    return described


def _reference(part: types.Part | None) -> Any:
    """What the address of another artifact says; None if the part is no such address."""
    from google.adk.artifacts.artifact_util import is_artifact_ref, parse_artifact_uri

    if part is None or not is_artifact_ref(part) or part.file_data is None:
        return None
    parsed = parse_artifact_uri(part.file_data.file_uri or "")
    return None if parsed is None else parsed._asdict()
