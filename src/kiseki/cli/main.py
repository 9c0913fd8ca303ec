"""The console script `kiseki`. A command's file is loaded when the command is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from kiseki.base.version import __version__
from kiseki.cli.output import (
    ABSENT,
    DONE,
    FAILED,
    OTHER,
    USAGE,
    WRONG_USAGE,
    Failure,
    print_json,
    tell,
)
from kiseki.errors import CommError, Error, ServerError, UsageError

COMMANDS = {
    "server": "Start the server with its web app.",
    "sync": "Upload run folders.",
    "ls": "List projects, runs of a project, or local run folders.",
    "show": "Show one run: state, config, summary, curves, damage.",
    "pull": "Download the files of a run.",
    "sweep": "Make a sweep; pause, resume, stop, cancel it.",
    "agent": "Run what a sweep says.",
    "login": "Store the key for a server.",
    "logout": "Forget the key for a server.",
    "status": "Show server, user and runs that are not uploaded.",
    "init": "Set project, entity and server of this folder's runs.",
    "online": "Let this folder's runs go to the server.",
    "offline": "Keep this folder's runs on this machine.",
    "enabled": "Record this folder's runs again.",
    "disabled": "Record nothing of this folder's runs.",
    "admin": "Administer a server's data folder.",
}
_MODULES = dict.fromkeys(("online", "offline", "enabled", "disabled"), "mode")
INTERRUPTED = 130  # as shells report a command that Ctrl-C ended


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kiseki.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = (
            module.commands[cmd_name] if cmd_name in _MODULES else module.command
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all done, 1 failed and nothing changed, 2 wrong usage, 3 done in part.",
)
@click.version_option(__version__, message="kiseki %(version)s")
def cli() -> None:
    """Record, watch and compare training runs."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        status = cli.main(list(arguments), prog_name="kiseki", standalone_mode=False)
        return status if isinstance(status, int) else DONE
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # since click 8.2
            error.show()
            return USAGE
        where = (
            error.ctx.command_path
            if isinstance(error, click.UsageError) and error.ctx
            else "kiseki"
        )
        todo = f"to see how: {where} --help"
        failure = Failure(error.format_message(), WRONG_USAGE, todo=todo, status=USAGE)
    except click.Abort:
        tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep the interpreter from complaining at its exit.
        sys.stdout = None
        return FAILED
    except Failure as error:
        failure = error
    except (Error, OSError) as error:
        failure = _failure_of(error)
    if "--json" in arguments:
        print_json(failure.document())
    tell(failure.lines())
    return failure.status


def _failure_of(error: Error | OSError) -> Failure:
    if isinstance(error, ServerError) and error.status == 404:
        return Failure(str(error), ABSENT)
    if isinstance(error, CommError):
        from kiseki.uploader.messages import KEY, REFUSED, code_of

        code = code_of(error)
        todo = {
            KEY: "to sign in: kiseki login --relogin (or set KISEKI_API_KEY)",
            REFUSED: "to start a server: kiseki server; to name another: KISEKI_BASE_URL",
        }
        return Failure(str(error), code, todo=todo.get(code, ""))
    if isinstance(error, UsageError):
        return Failure(str(error), WRONG_USAGE, status=USAGE)
    if isinstance(error, OSError):
        named = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        code = ABSENT if isinstance(error, FileNotFoundError) else OTHER
        return Failure(named, code)
    return Failure(str(error), OTHER)
