"""How LangGraph names a thread and a checkpoint, and how it takes one."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from ..store import Session
from .langgraph_thread import Thread
from .langgraph_writing import EMPTY
from .naming import fitting


def thread_session(thread_id: str) -> str:
    """The id of the session that a thread is: its own, or one made of it where that is too long."""
    return fitting(str(thread_id))


def place_of(config: RunnableConfig) -> tuple[str, str]:
    """The thread and the namespace that a config names."""
    given = config.get("configurable", {})
    return str(given["thread_id"]), given.get("checkpoint_ns") or ""


def config_of(thread_id: str, ns: str, identity: str) -> RunnableConfig:
    """The config that names a checkpoint."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": identity}}


def tuple_of(thread: Thread, session: Session, thread_id: str, ns: str, identity: str) -> CheckpointTuple:
    """A checkpoint as LangGraph takes it."""
    record = thread.checkpoints[ns][identity]
    body = thread.body(session, record.seq)
    held: dict[str, Any] = {}
    for channel in body["versions"]:
        at = thread.source(session, ns, record.seq, channel)
        if at is not None and at[1] != EMPTY:
            held[channel] = thread.value(session, channel, at)
    codec = thread.codec
    checkpoint: Any = {
        **codec.value(body["rest"]), "id": identity, "channel_values": held, "channel_versions": dict(body["versions"])
    }  # fmt: skip
    return CheckpointTuple(
        config_of(thread_id, ns, identity),
        checkpoint,
        codec.value(body["metadata"]),
        None if record.parent is None else config_of(thread_id, ns, record.parent),
        thread.writes(session, ns, identity),
    )
