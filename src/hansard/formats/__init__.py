"""Formats that sessions come in and go out as: one module a format, found by looking into the file.

`detect` tells a format, `import_paths` (in `hansard.formats.importing`) brings files in, `raw_lines` gives a source's
own lines back byte for byte. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .detecting import Detected, detect, examine
    from .directories import export_directory
    from .importing import import_paths
    from .raw import raw_lines
    from .report import ExportReport, ImportReport

__all__ = [
    "Detected",
    "ExportReport",
    "ImportReport",
    "detect",
    "examine",
    "export_directory",
    "import_paths",
    "raw_lines",
]

_HOMES = {
    "Detected": "detecting",
    "detect": "detecting",
    "examine": "detecting",
    "export_directory": "directories",
    "ExportReport": "report",
    "ImportReport": "report",
    "import_paths": "importing",
    "raw_lines": "raw",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f".{home}", __name__), name)
