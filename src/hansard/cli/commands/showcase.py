"""`hansard demo`: the promises, kept before one's eyes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from ..problems import NOTHING


@click.command("demo")
@click.option(
    "--keep", type=click.Path(file_okay=False), metavar="DIR", help="Make the store in this folder, and keep it."
)
def demo_command(keep: str | None) -> int:
    """Import two transcripts, kill a writer in the middle, and prove that nothing acknowledged is lost.

    \b
    Examples:
      hansard demo
      hansard demo --keep /tmp/hansard-demo

    Everything happens in a temporary folder; your own store is not touched. The exit code is 0 only if all of it held.
    """
    from ..demo import Failed, run_demo

    folder = Path(keep or tempfile.mkdtemp(prefix="hansard-demo-"))
    try:
        run_demo(folder / "store" if keep is None else folder, kept=keep is not None)
    except Failed as failure:
        click.echo(f"FAILED: {failure}")
        click.echo("Please report this with the lines above.")
        return NOTHING
    finally:
        if keep is None:
            shutil.rmtree(folder)
    return 0
