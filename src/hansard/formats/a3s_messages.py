"""Messages of ours as a3s-code has them: two roles, four kinds of blocks, and nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from ..codec import values
from ..model.entry import Json, Part
from ..model.info import Message
from .a3s_reading import FORMAT, role_of
from .jsontext import Piece, compact
from .placing import writable
from .record import stretch_of

_ROLES: Final = {"user": "user", "tool": "user", "assistant": "assistant"}


class Messages:
    """The visible messages of a session, those from a3s-code as they were."""

    def __init__(self, session: Any) -> None:
        """Read them."""
        self.pieces: list[Piece] = []
        self.roles: dict[str, Json] = {}
        """True roles by index, of messages whose role a3s-code does not know or would read as another."""
        self.notes: list[str] = []
        self.kept = 0
        """How many came from a3s-code."""
        self._attachment: Callable[[str], bytes] = session.attachment
        for message in session.messages():
            stretch = stretch_of(message.id)
            raw = message.raw if isinstance(message.raw, dict) else {}
            if stretch is not None and stretch.list == "messages" and raw.get("format") == FORMAT:
                text = session.payload(message)
                value = values.decode(text.encode("utf-8", "surrogatepass"))
                self.pieces.append(Piece(value, text if raw.get("exact") is True else None))
                self.kept += 1
                self._role(message.role, value)
            else:
                self._own(message)

    def _role(self, role: str, value: Json) -> None:
        if role_of(value) != role:
            self.roles[str(len(self.pieces) - 1)] = role

    def _own(self, message: Message) -> None:
        role = _ROLES.get(message.role)
        if role is None:
            role = "user"
            self.notes.append(
                f"a message of role {message.role!r} became one of a user; the true role is kept beside it"
            )
        thoughts = [str(part.get("text") or "") for part in message.parts if part.get("type") == "reasoning"]
        blocks = [block for part in message.parts if (block := self._block(part)) is not None]
        value: dict[str, Json] = {"role": role, "content": blocks}
        if any(thoughts):
            value["reasoning_content"] = "\n".join(thoughts)
        value = writable(value)
        self.pieces.append(Piece(value))
        self._role(message.role, value)

    def _block(self, part: Part) -> Json:
        kind = part.get("type")
        if kind == "reasoning":
            return None
        if kind == "text":
            return {"type": "text", "text": str(part.get("text", ""))}
        if kind == "tool_call":
            given = ordered(part.get("arguments"))
            return {
                "type": "tool_use",
                "id": str(part.get("id") or ""),
                "name": str(part.get("name") or ""),
                "input": given,
            }
        if kind == "tool_result":
            return {
                "type": "tool_result",
                "tool_use_id": str(part.get("call_id") or ""),
                "content": self._content(part.get("content")),
                "is_error": part.get("is_error") is True,
            }
        return self._file(part) if kind == "file" else {"type": "text", "text": compact(part.get("value", part))}

    def _content(self, content: Json) -> Json:
        if isinstance(content, str):
            return content
        if isinstance(content, list) and all(isinstance(item, dict) and "type" in item for item in content):
            found = [self._block(item) for item in content]
            return [block for block in found if block is not None and block["type"] in ("text", "image")]
        return compact(content)

    def _file(self, part: Part) -> Json:
        mime, sha256 = str(part.get("mime") or ""), part.get("attachment")
        if mime.startswith("image/") and isinstance(sha256, str):
            data = b64encode(self._attachment(sha256)).decode()
            return {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}
        name = part.get("name") or part.get("url") or mime or "without a name"
        self.notes.append("a file became its name in the text: messages of a3s-code hold text and images only")
        return {"type": "text", "text": f"[file {str(name)[:200]}]"}


def ordered(value: Json) -> Json:
    """The value with the members of its objects in the order in which a3s-code writes free values: by name."""
    if isinstance(value, list):
        return [ordered(item) for item in value]
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return value
