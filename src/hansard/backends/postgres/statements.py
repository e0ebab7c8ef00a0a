"""The SQL of this backend: read from the .sql files beside this module, each statement under its name.

A file holds statements, each behind a line `-- name: its_name`. Nothing a caller gives is ever part of a statement: values
are parameters, so what is loaded here is as literal as if it stood in the code.
"""

from __future__ import annotations

import functools
import re
from importlib.resources import files
from types import MappingProxyType
from typing import Final, LiteralString, cast

_NAMED: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT: Final = re.compile(r"^\s*--.*\n", re.MULTILINE)


@functools.cache
def statements(name: str) -> MappingProxyType[str, LiteralString]:
    """The statements of the file `sql/<name>.sql`, by their names."""
    text = (files("hansard.backends.postgres") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    pieces = _NAMED.split(text)[1:]
    found = {title: _COMMENT.sub("", body).strip() for title, body in zip(pieces[::2], pieces[1::2], strict=True)}
    return MappingProxyType({title: cast("LiteralString", body) for title, body in found.items()})
