"""What any session says, as a transcript of the Claude Agent SDK: so that Claude goes on with what another program began."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

try:
    from claude_agent_sdk import SessionKey, SessionStoreEntry
except ImportError as error:
    _MISSING: Final = "the Claude Agent SDK is not installed: pip install 'hansard[claude]'"
    raise ImportError(_MISSING) from error

from ..aio import AsyncSession
from ..codec import values
from ..errors import Invalid
from ..formats.claude_code import FORMAT
from ..model.entry import Part
from ..model.info import Message
from ..payloads.anthropic import encode
from ..store import Session
from .attached import Results, own_payload, with_files
from .opened import sync_of

_VERSION: Final = "2.0.0"
"""Of Claude Code, whose lines these are like."""
_NO_USAGE: Final = {"input_tokens": 0, "output_tokens": 0}


def conversation(
    session: Session | AsyncSession, key: SessionKey, *, cwd: str | os.PathLike[str] | None = None
) -> list[SessionStoreEntry]:
    """The history of a session as the lines of a new transcript.

    They are appended to the store under `key`, and `ClaudeAgentOptions(resume=key["session_id"], cwd=cwd, …)` goes on
    with them. `cwd` is the directory that the agent will work in, else the current one. What Claude said itself is as
    it was. A line is known by what was said up to it: so what is appended again is there once, and where the history
    has become another one, the transcript branches there.

    Raises:
        Invalid: the session id of the key is no UUID, which is all that the SDK resumes.
    """
    try:
        space = UUID(key["session_id"])
    except ValueError:
        msg = f"key: session_id {key['session_id']!r} is no UUID; give one, str(uuid.uuid4()) for example"
        raise Invalid(msg) from None
    envelope: dict[str, Any] = {
        "isSidechain": False, "userType": "external", "cwd": str(Path(cwd if cwd is not None else ".").absolute()),
        "sessionId": key["session_id"], "version": _VERSION, "gitBranch": "",
    }  # fmt: skip
    session = sync_of(session)
    lines: list[Any] = []
    parent: str | None = None
    results = Results(whole=True)
    for message in session.history():
        said = _said(session, message, results.wanted(message.parts))
        if not said["content"]:
            continue
        uuid = str(uuid5(space, sha256(f"{parent}/".encode() + values.encode(said)).hexdigest()))
        if said["role"] == "assistant":
            said = {
                "id": f"msg_{uuid.replace('-', '')}", "type": "message", "model": message.model or "unknown",
                "stop_reason": "end_turn", "stop_sequence": None, **said, "usage": _NO_USAGE,
            }  # fmt: skip
        line = {"parentUuid": parent, **envelope, "type": said["role"], "message": said, "uuid": uuid}
        lines.append({**line, "timestamp": message.at})
        parent = uuid
    return lines


def _said(session: Session, message: Message, parts: Sequence[Part]) -> dict[str, Any]:
    """The message of a line: Claude's own, or one that says what another program said."""
    own = own_payload(session, message, format=FORMAT)
    line = None if own is None else values.decode(own.encode("utf-8", "surrogatepass"))
    said = line.get("message") if isinstance(line, dict) else None
    if isinstance(said, dict) and said.get("role") in ("user", "assistant") and "content" in said:
        return said
    return encode(message.role, with_files(parts, session.attachment))
