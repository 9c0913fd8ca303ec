"""`kiseki online`, `offline`, `enabled`, `disabled`: what runs of this folder do (K-01)."""

from __future__ import annotations

import click

from kiseki.cli.output import DONE, json_option, leave, print_json, tell
from kiseki.cli.settings_file import change_settings, settings_path

ABOUT = {
    "online": "Runs of this folder go to the server, as soon as it is there.",
    "offline": "Runs of this folder stay on this machine until `kiseki sync`.",
    "enabled": "Runs of this folder are recorded again.",
    "disabled": "Runs of this folder are not recorded: every call does nothing.",
}
# `online` is the absence of a setting: `mode=online` would make an absent server an error.
MODES = {"online": None, "offline": "offline", "enabled": None, "disabled": "disabled"}


def _command(name: str) -> click.Command:
    @click.command(name, help=ABOUT[name])
    @json_option
    def command(as_json: bool) -> None:
        change_settings({"mode": MODES[name], "disabled": None})
        if as_json:
            print_json({"mode": MODES[name] or "online", "settings": str(settings_path())})
        else:
            tell(f"{ABOUT[name][0].lower()}{ABOUT[name][1:]} Kept in {settings_path()}")
        leave(DONE)

    return command


commands = {name: _command(name) for name in ABOUT}
