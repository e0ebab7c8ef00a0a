"""What can go wrong, as a caller sees it.

    HansardError
    ├── NotFound        the session, entry, attachment or document is not there (or no longer)
    ├── AlreadyExists   the id is taken
    ├── Conflict        somebody else was faster, or the same id was used for other content; carries the actual `seq`
    ├── LeaseLost       the lease under which the append was made is no longer the newest
    ├── Corrupt         bytes do not verify; says which file, line and offset
    ├── Invalid         the caller's value can't be taken; says where in the value and what would do
    ├── Unavailable     the medium does not answer or can't make a write durable; nothing was acknowledged
    └── Unsupported     this store or this version can't do it; says which can

Every message says what happened, to which object, and what to do next. The class attribute `code` is stable
and is what the command line prints and maps to its exit status.
"""

from __future__ import annotations


class HansardError(Exception):
    """Base of every error that Hansard raises on purpose."""

    code = "error"


class NotFound(HansardError, LookupError):
    """The named thing does not exist in this store (any more)."""

    code = "not-found"


class AlreadyExists(HansardError):
    """The id is in use by another session of this store."""

    code = "already-exists"


class Conflict(HansardError):
    """The session is not as the caller expected; nothing was written. `seq` is its actual last number."""

    code = "conflict"

    def __init__(self, message: str, *, seq: int) -> None:
        """Keep `seq` beside the message, so that a caller can read what is new and try again."""
        super().__init__(message)
        self.seq = seq


class LeaseLost(HansardError):
    """A newer lease exists, or this one was released; nothing was written."""

    code = "lease-lost"


class Corrupt(HansardError):
    """Stored bytes do not verify. `path`, `line` (1-based) and `offset` (bytes) say where, as far as known."""

    code = "corrupt"

    def __init__(self, message: str, *, path: str = "", line: int = 0, offset: int = 0) -> None:
        """Keep the place beside the message; 0 and "" mean that this part of the place is not known."""
        super().__init__(message)
        self.path = path
        self.line = line
        self.offset = offset


class Invalid(HansardError, ValueError):
    """The value can't be stored; nothing was written."""

    code = "invalid"


class Unavailable(HansardError):
    """The store can't be reached or can't make a write durable; nothing that failed was acknowledged."""

    code = "unavailable"


class Unsupported(HansardError):
    """The operation is outside what this backend, platform or version does."""

    code = "unsupported"
