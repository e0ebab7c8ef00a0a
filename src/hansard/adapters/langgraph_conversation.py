"""What any session says, as messages of LangChain: so that a graph goes on with what another program began."""

from __future__ import annotations

from typing import Final

try:
    from langchain_core.messages import BaseMessage, messages_from_dict
except ImportError as error:
    _MISSING: Final = "LangGraph is not installed: pip install 'hansard[langgraph]'"
    raise ImportError(_MISSING) from error

from ..payloads.langchain import encode
from ..store import Session
from .attached import with_files


def conversation(session: Session) -> list[BaseMessage]:
    """The history of a session as a graph takes it: `graph.invoke({"messages": [*conversation(session), …]}, config)`.

    It is given to a thread once, when LangGraph is new to the session; from then on the thread has it.
    """
    shown = session.history()
    return messages_from_dict([
        encode(message.role, with_files(message.parts, session.attachment)) for message in shown
    ])  # fmt: skip
