"""Sessions in PostgreSQL: the same contract and the same bytes as in a folder, for many processes on many machines."""

from .backend import PostgresBackend
from .connecting import Settings, settings_of

__all__ = ["PostgresBackend", "Settings", "settings_of"]
