"""The settings of a folder: `kiseki/settings`, an ini file with the section `[default]` (E-09)."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from kiseki.cli.output import Failure

SECTION = "default"


def settings_path() -> Path:
    """Return the file that runs started in this folder read: below `KISEKI_DIR`, else below here."""
    return Path(os.environ.get("KISEKI_DIR") or ".") / "kiseki" / "settings"


def read_settings() -> dict[str, str]:
    """Return the settings of this folder as they are written."""
    parser = _parser()
    return dict(parser.items(SECTION)) if parser.has_section(SECTION) else {}


def change_settings(changes: Mapping[str, str | None]) -> None:
    """Change settings of this folder, None removes one; whatever else the file says stays.

    Raises:
        Failure: the file cannot be read, and is left as it is.
    """
    parser, path = _parser(), settings_path()
    if not parser.has_section(SECTION):
        parser.add_section(SECTION)
    for name, value in changes.items():
        if value is None:
            parser.remove_option(SECTION, name)
        else:
            parser.set(SECTION, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".settings.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        parser.write(file)
    os.replace(draft, path)


def _parser() -> configparser.ConfigParser:
    parser, path = configparser.ConfigParser(interpolation=None), settings_path()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise Failure(
            f"{path} cannot be read: {reason}",
            kept="it was left as it is.",
            todo=f"remove it: rm {path}",
        ) from error
    return parser
