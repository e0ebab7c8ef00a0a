"""Hansard: a durable store for the sessions of AI agents. The flat public API; each name is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from . import aio
    from .errors import (
        AlreadyExists,
        Conflict,
        Corrupt,
        HansardError,
        Invalid,
        LeaseLost,
        NotFound,
        Unavailable,
        Unsupported,
    )
    from .model.documents import Document, DocumentKey, DocumentWrite
    from .model.entry import (
        Entry,
        NewEntry,
        assistant,
        event,
        message,
        raw_message,
        reasoning,
        step,
        system,
        text,
        tool,
        tool_call,
        tool_result,
        usage,
        user,
    )
    from .model.info import Attachment, Lease, Message, Segment, SessionInfo, Usage
    from .model.requests import ANY, Appended, Erasure, Finding, Garbage, Health, Hit, Keys, Page
    from .opening import open  # noqa: A004 - hansard.open is the name
    from .store import (
        KEEP,
        Backup,
        Branch,
        Cleaned,
        Copied,
        CopyReport,
        Documents,
        Draft,
        Kept,
        LeaseHandle,
        Located,
        Restored,
        RetentionPolicy,
        Run,
        RunHandle,
        Session,
        SnapshotStore,
        Spent,
        Step,
        Store,
        Trimmed,
    )

    __version__: str

__all__ = [
    "ANY",
    "KEEP",
    "AlreadyExists",
    "Appended",
    "Attachment",
    "Backup",
    "Branch",
    "Cleaned",
    "Conflict",
    "Copied",
    "CopyReport",
    "Corrupt",
    "Document",
    "DocumentKey",
    "DocumentWrite",
    "Documents",
    "Draft",
    "Entry",
    "Erasure",
    "Finding",
    "Garbage",
    "HansardError",
    "Health",
    "Hit",
    "Invalid",
    "Kept",
    "Keys",
    "Lease",
    "LeaseHandle",
    "LeaseLost",
    "Located",
    "Message",
    "NewEntry",
    "NotFound",
    "Page",
    "Restored",
    "RetentionPolicy",
    "Run",
    "RunHandle",
    "Segment",
    "Session",
    "SessionInfo",
    "SnapshotStore",
    "Spent",
    "Step",
    "Store",
    "Trimmed",
    "Unavailable",
    "Unsupported",
    "Usage",
    "__version__",
    "aio",
    "assistant",
    "event",
    "message",
    "open",
    "raw_message",
    "reasoning",
    "step",
    "system",
    "text",
    "tool",
    "tool_call",
    "tool_result",
    "usage",
    "user",
]

_NAMES: Final = {
    "errors": (
        "AlreadyExists", "Conflict", "Corrupt", "HansardError", "Invalid", "LeaseLost", "NotFound", "Unavailable",
        "Unsupported",
    ),
    "model.documents": ("Document", "DocumentKey", "DocumentWrite"),
    "model.entry": (
        "Entry", "NewEntry", "assistant", "event", "message", "raw_message", "reasoning", "step", "system", "text", "tool",
        "tool_call", "tool_result", "usage", "user",
    ),
    "model.info": ("Attachment", "Lease", "Message", "Segment", "SessionInfo", "Usage"),
    "model.requests": ("ANY", "Appended", "Erasure", "Finding", "Garbage", "Health", "Hit", "Keys", "Page"),
    "opening": ("open",),
    "store": (
        "KEEP", "Backup", "Branch", "Cleaned", "Copied", "CopyReport", "Documents", "Draft", "Kept", "LeaseHandle", "Located",
        "Restored", "RetentionPolicy", "Run", "RunHandle", "Session", "SnapshotStore", "Spent", "Step", "Store", "Trimmed",
    ),
}  # fmt: skip
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, its module imported now."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("hansard")
    elif name == "aio":
        value = import_module(".aio", __name__)
    elif name in _MODULES:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted({*globals(), *__all__})
