"""`python -m hansard.cli`: the command line for where the script `hansard` is not on the path."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
