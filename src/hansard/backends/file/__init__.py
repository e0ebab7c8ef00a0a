"""The file backend: a folder per session, readable lines in it, and an index beside them that can always be rebuilt."""

from .backend import FileBackend
from .reading import FileReader

__all__ = ["FileBackend", "FileReader"]
