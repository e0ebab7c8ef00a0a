"""`hansard completion`: the script that lets a shell complete commands, options and session ids."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ..problems import Problem


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> int:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(hansard completion bash)"                                  # in ~/.bashrc
      eval "$(hansard completion zsh)"                                   # in ~/.zshrc
      hansard completion fish > ~/.config/fish/completions/hansard.fish
    """
    from ..root import hansard

    made = get_completion_class(shell)
    if made is None:
        msg = f"this version of click knows no completion for {shell}"
        raise Problem(msg, code="unsupported")
    click.echo(made(hansard, {}, "hansard", "_HANSARD_COMPLETE").source())
    return 0
