"""The command line, the outermost layer: what a person types becomes calls of the public API, and nothing else.

stdout carries data, stderr carries talk. `main` is the entry point; commands are loaded when they are used.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run `hansard` with the arguments of the process, then exit with a code of docs/reference/cli.md."""
    import sys

    try:
        from .surroundings import have_streams

        have_streams()
        from .root import hansard

        hansard.main()
    except KeyboardInterrupt:
        # Before a command has begun, or after it has ended: loading what it needs takes most of a short run.
        sys.stderr.write("\ninterrupted; what was acknowledged is kept\n")
        sys.exit(130)
