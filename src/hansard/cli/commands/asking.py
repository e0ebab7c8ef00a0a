"""`hansard ask` and `answer`: a question that a session waits with, and its answer."""

from __future__ import annotations

import click

from ..context import SESSION, Run, pass_run
from ..output import output_option
from ..rows import told


@click.command("ask")
@click.argument("session", type=SESSION)
@click.argument("question")
@click.option("--option", "options", multiple=True, metavar="TEXT", help="An answer to choose; repeatable.")
@click.option("--only-options", is_flag=True, help="Take no answer but these.")
@output_option("table", "json")
@pass_run
def ask_command(
    run: Run, *, session: str, question: str, options: tuple[str, ...], only_options: bool, output: str
) -> int:
    """Have a session wait for a person's answer; its status becomes paused. A question that waits already is replaced.

    \b
    Examples:
      hansard ask @last 'Deploy to production?' --option yes --option no --only-options
      hansard ls --waiting
    """
    found = run.session(session)
    found.ask(question, options, allow_custom=not only_options)
    return told(found, f"waits for an answer: hansard answer {found.id} TEXT", output)


@click.command("answer")
@click.argument("session", type=SESSION)
@click.argument("text")
@click.option("--by", help="Who answers; it is kept in the record.")
@output_option("table", "json")
@pass_run
def answer_command(run: Run, *, session: str, text: str, by: str | None, output: str) -> int:
    """Answer the question that a session waits with.

    \b
    Examples:
      hansard ls --waiting
      hansard answer 0199d3b2 yes --by ana

    The answer is the result of the tool call that asked, or else a user message. The exit code is 4 if no question waits.
    """
    found = run.session(session)
    found.answer(text, by=by)
    return told(found, "answered", output)
