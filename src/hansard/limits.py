"""The bounds of a store, in one place. Each is checked where a value comes in, and named when it is exceeded."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

FORMAT: Final = 1
"""Version of the line format and of the store's layout that this code writes."""

ENTRY_BYTES_MAX: Final = 64 * MIB
"""One encoded line, its newline included."""

COMMIT_BYTES_MAX: Final = 256 * MIB
"""All lines of one commit."""

DEPTH_MAX: Final = 200
"""Nested lists and objects in one body."""

ID_BYTES_MAX: Final = 512
"""UTF-8 bytes of the id of a session or of an entry."""

LABELS_BYTES_MAX: Final = 64 * KIB
"""Labels and metadata of one session together, encoded."""

STATE_BYTES_MAX: Final = MIB
"""The state of one session, encoded."""

OPEN_LOGS_MAX: Final = 256
"""Logs that one store object keeps open; the least recently used is closed first."""

SESSION_BYTES_WARN: Final = 4 * GIB
"""A session above this size draws a warning: cut it by a fork or a child."""

CUT_BYTES_MIN: Final = KIB
"""Base64 of at least this many characters inside a message becomes an attachment."""

PATH_RANGES_MAX: Final = 256
"""Ranges of the visible path that SessionInfo holds; beyond that the path is walked."""

NOTED_SESSIONS_MAX: Final = 64
"""Sessions that one process appends to before the index must reach a clean point."""

SEARCH_RANKED_MAX: Final = 2_000
"""Newest hits among which the ranked order is made."""

TEXT_PIECE_TOKENS_MAX: Final = 8_000
"""Tokens of one indexed piece of text."""

DOCUMENT_BYTES_MAX: Final = 16 * MIB
"""The content of one version of a document."""

CATEGORY_DEPTH_MAX: Final = 16
"""Nested segments of a document's category."""

SESSION_DOCUMENTS_MAX: Final = 1_000
"""Documents of one session, deleted ones included: all of them stand in its info."""

COUNT_MAX: Final = 2**53
"""Tokens, milliseconds or dollars of one model call; beyond it, JSON of other programs is no longer exact."""

GARBAGE_AGE_S: Final = 3_600
"""What is younger, by the store's clock, is never collected as garbage: an entry may be about to name it."""
