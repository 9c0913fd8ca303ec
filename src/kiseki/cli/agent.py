"""`kiseki agent`: run what a sweep says (K-06)."""

from __future__ import annotations

import sys

import click

from kiseki.cli.output import DONE, json_option, leave, print_json


@click.command("agent")
@click.argument("sweep", metavar="ENTITY/PROJECT/SWEEP")
@click.option("--count", type=click.IntRange(1), help="At most so many runs.")
@json_option
def command(sweep: str, count: int | None, as_json: bool) -> None:
    """Run what a sweep says, until it ends.

    Starts the program of the sweep for one run after the other, with its parameters as arguments. Any number
    of agents may work on one sweep, on any number of machines.
    """
    from kiseki.sdk.sweeping import work

    stdout = sys.stderr.fileno() if as_json else None  # the document stands alone
    done = work(sweep, None, None, None, count, stdout)
    if as_json:
        print_json({"runs": done})
    else:
        click.echo(f"{done} runs")
    leave(DONE)
