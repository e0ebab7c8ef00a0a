"""Stores of a3s-code: sessions with their parts in files of their own, or as snapshots; either layout, or both at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .a3s_paths import recognise
from .directories import Advance
from .report import ExportReport, FileReport

__all__ = ["export_sessions", "import_folder", "recognise"]


def import_folder(store: Any, folder: Path, *, dry_run: bool, advance: Advance) -> list[FileReport]:
    """Bring a store in, session by session; what is sealed or damaged is in the reports."""
    from .a3s_importing import StoreImport

    run = StoreImport(store, folder, dry_run=dry_run)
    run.survey()
    run.sessions(advance)
    run.beside()
    return run.reports


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write sessions as a store of a3s-code."""
    from .a3s_writing import export

    return export(store, ids, folder)
