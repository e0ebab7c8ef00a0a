"""Sessions in PostgreSQL: the same contract and the same bytes as in a folder, for many processes on many machines."""

from .backend import PostgresBackend
from .connecting import Settings, settings_of
from .migrating import Tables

__all__ = ["PostgresBackend", "Settings", "Tables", "settings_of"]
