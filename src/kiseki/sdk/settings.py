"""Every setting in one table: name, type, default, environment variable, what it does.

Rising precedence (E-02): default → settings files (the user's, then the folder's) → environment →
`setup(settings)` → `init(settings=…)` → arguments of `init`. The environment is read once per process
(E-08): `KISEKI_<NAME>`, else `WANDB_<NAME>`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kiseki.errors import UsageTypeError, UsageValueError

PREFIXES = ("KISEKI_", "WANDB_")
TRUE = ("1", "true", "yes", "on", "t", "y")
FALSE = ("0", "false", "no", "off", "f", "n", "")
MODES = ("online", "offline", "disabled")
OLD_MODES = {"dryrun": "offline", "run": "online"}  # I-45


class Field(NamedTuple):
    """One setting. `kind`: str, bool, int, float, list, path or call; `choices` limits text."""

    kind: str
    default: Any
    env: str
    doc: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    is_later: bool = False  # known, and not built yet: setting it raises


FIELDS: dict[str, Field] = {
    "mode": Field("str", None, "MODE", "online, offline or disabled", (*MODES, *OLD_MODES, "shared")),
    "disabled": Field("bool", False, "DISABLED", "true: mode disabled"),
    "project": Field("str", None, "PROJECT", "project of the run"),
    "entity": Field("str", None, "ENTITY", "user or team that owns the run"),
    "run_id": Field("str", None, "RUN_ID", "id of the run"),
    "run_name": Field("str", None, "NAME", "display name"),
    "run_notes": Field("str", None, "NOTES", "description"),
    "run_tags": Field("list", None, "TAGS", "tags, separated by commas"),
    "run_group": Field("str", None, "RUN_GROUP", "group"),
    "run_job_type": Field("str", None, "JOB_TYPE", "job type"),
    "resume": Field("str", None, "RESUME", "what to do if the id exists", is_later=True),
    "root_dir": Field("path", None, "DIR", "folder that holds the folder of runs"),
    "dir_name": Field("str", "kiseki", "DIR_NAME", "name of the folder of runs"),
    "config_paths": Field("list", None, "CONFIG_PATHS", "YAML files for the config, by commas"),
    "base_url": Field("str", None, "BASE_URL", "address of the server"),
    "api_key": Field("str", None, "API_KEY", "key for the server"),
    "silent": Field("bool", False, "SILENT", "write nothing to the terminal"),
    "quiet": Field("bool", False, "QUIET", "write warnings only"),
    "show_run": Field("bool", False, "SHOW_RUN", "open the run's page", is_later=True),
    "console": Field("str", "auto", "CONSOLE", "how output is captured",
                     ("auto", "wrap", "redirect", "off")),
    "program": Field("str", None, "PROGRAM", "name of the program, in place of the script's path"),
    "host": Field("str", None, "HOST", "name of the machine, in place of the found one"),
    "username": Field("str", None, "USERNAME", "user name in the environment"),
    "email": Field("str", None, "USER_EMAIL", "mail address in the environment"),
    "docker": Field("str", None, "DOCKER", "image of the container"),
    "disable_git": Field("bool", False, "DISABLE_GIT", "capture nothing of git"),
    "disable_code": Field("bool", False, "DISABLE_CODE", "keep no uncommitted changes of the code"),
    "save_code": Field("bool", False, "SAVE_CODE", "store the program with the run", is_later=True),
    "ignore_globs": Field("list", None, "IGNORE_GLOBS", "files not to upload", is_later=True),
    "notebook_name": Field("str", None, "NOTEBOOK_NAME", "notebook", is_later=True),
    "init_timeout": Field("float", 10.0, "INIT_TIMEOUT", "s that init waits for the server",
                          minimum=0.1),
    "http_timeout": Field("float", 10.0, "HTTP_TIMEOUT", "s for one request of the uploader",
                          minimum=0.1),
    "finish_timeout": Field("float", 60.0, "FINISH_TIMEOUT", "s that finish waits; 0 = for ever",
                            minimum=0.0),
    "stop_fn": Field("call", None, "", "called when somebody presses Stop; None = KeyboardInterrupt"),
    "strict": Field("bool", False, "STRICT", "raise what goes wrong inside Kiseki"),
    "fsync": Field("str", "never", "FSYNC", "always: log() waits for the disk", ("never", "always")),
    "symlink": Field("bool", True, "SYMLINK", "make the latest-run link"),
    "x_stats_sampling_interval": Field("float", 15.0, "STATS_SAMPLING_INTERVAL",
                                       "s between samples of system metrics", minimum=0.1),
    "x_disable_stats": Field("bool", False, "DISABLE_STATS", "no system metrics"),
    "x_disable_meta": Field("bool", False, "DISABLE_META", "capture nothing of the environment"),
    "x_save_requirements": Field("bool", True, "SAVE_REQUIREMENTS", "list the installed packages"),
    "x_stats_disk_paths": Field("list", None, "STATS_DISK_PATHS",
                                "folders whose disks are watched; none = /"),
    "x_label": Field("str", None, "LABEL", "name of this writer", is_later=True),
    "x_primary": Field("bool", True, "PRIMARY", "first of several writers", is_later=True),
    "x_update_finish_state": Field("bool", True, "UPDATE_FINISH_STATE", "may end the run",
                                   is_later=True),
}  # fmt: skip

# Read where they are used, by the client: folders must be known before there are settings.
FOLDER_VARIABLES = ("CONFIG_DIR", "DATA_DIR")


class Settings:
    """Values for the names of `FIELDS`, as attributes. Unset ones give their default.

    Args:
        values: settings by name. None means not set.

    Raises:
        UsageValueError: an unknown name, or a value that is not allowed.
        UsageTypeError: a value of the wrong type.
        NotImplementedError: a setting that a later version brings.
    """

    __slots__ = ("_values",)
    _values: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        object.__setattr__(self, "_values", {})
        self.update(values)

    def update(self, values: Mapping[str, Any] | Settings) -> None:
        """Set several; of none if one of them is wrong."""
        given = values.given if isinstance(values, Settings) else values
        checked = {name: check(name, value) for name, value in given.items() if value is not None}
        self._values.update(checked)

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are not at their default."""
        return dict(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in FIELDS:
            raise AttributeError(f"there is no setting {name!r}")
        return self._values.get(name, FIELDS[name].default)

    def __setattr__(self, name: str, value: Any) -> None:
        if value is None:
            self._values.pop(name, None)
        else:
            self._values[name] = check(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and other._values == self._values

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Settings:
        new = Settings()
        new._values.update(self._values)
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Settings:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., Settings], tuple[dict[str, Any]]]:
        return _restore, (self._values,)

    def __repr__(self) -> str:
        shown = dict(self._values)
        if "api_key" in shown:
            shown["api_key"] = "…"
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _restore(values: dict[str, Any]) -> Settings:
    settings = Settings()
    settings._values.update(values)
    return settings


def check(name: str, value: Any) -> Any:
    """Return `value` as the setting `name` stores it."""
    field = FIELDS.get(name)
    if field is None:
        raise UsageValueError(f"there is no setting {name!r}; see kiseki.Settings")
    if field.is_later and value != field.default:
        raise NotImplementedError(f"the setting {name!r} comes with a later version of Kiseki")
    value = _CASTS[field.kind](name, value)
    if field.choices and value not in field.choices:
        raise UsageValueError(f"{name} must be one of {', '.join(field.choices)}; got {value!r}")
    if field.minimum is not None and not value >= field.minimum:
        raise UsageValueError(f"{name} must be at least {field.minimum:g}; got {value!r}")
    return OLD_MODES.get(value, value) if name == "mode" else value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageTypeError(f"{name} must be text, got {value!r}")
    return value


def _path(name: str, value: Any) -> str:
    try:
        return str(os.fspath(value))
    except TypeError as error:
        raise UsageTypeError(f"{name} must be a path, got {value!r}") from error


def _bool(name: str, value: Any) -> bool:
    if isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in TRUE or lowered in FALSE:
            return lowered in TRUE
        raise UsageValueError(f"{name} must be true or false, got {value!r}")
    if isinstance(value, (bool, int)):
        return bool(value)
    raise UsageTypeError(f"{name} must be true or false, got {value!r}")


def _float(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UsageTypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except ValueError as error:
        raise UsageValueError(f"{name} must be a number, got {value!r}") from error


def _list(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, (list, tuple)):
        return [_text(name, part) for part in value]
    raise UsageTypeError(f"{name} must be a list of text, got {value!r}")


def _call(name: str, value: Any) -> Any:
    if not callable(value):
        raise UsageTypeError(f"{name} must be a function, got {value!r}")
    return value


_CASTS: dict[str, Callable[[str, Any], Any]] = {
    "str": _text, "path": _path, "bool": _bool, "float": _float, "list": _list, "call": _call,
}  # fmt: skip

Tell = Callable[[str], None]


def snapshot(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that could be settings; what counts as the environment from now on."""
    return {name: value for name, value in environ.items() if name.startswith(PREFIXES)}


def from_environment(environ: Mapping[str, str], warn: Tell) -> Settings:
    """Return the settings given by the environment (E-00).

    The address and the key are left out: `client.credentials.resolve` reads them, as a pair.

    Raises:
        UsageValueError: a variable that counts and whose value is not allowed.
    """
    settings = Settings()
    for name, field in FIELDS.items():
        if not field.env or name in ("base_url", "api_key"):
            continue
        variable = next((p + field.env for p in PREFIXES if environ.get(p + field.env)), None)
        if variable is None:
            continue
        try:
            settings.update({name: environ[variable]})
        except NotImplementedError:
            warn(f"{variable} is not read yet: it comes with a later version of Kiseki")
        except (UsageValueError, UsageTypeError) as error:
            raise UsageValueError(f"{variable}: {error}") from error
    return settings


def from_file(path: str, warn: Tell) -> Settings:
    """Return the settings of an ini file, section `[default]` (E-09). A broken file is told, not fatal."""
    settings = Settings()
    if not os.path.isfile(path):
        return settings
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        warn(f"the settings file {path} cannot be read and is ignored: {reason}")
        return settings
    for name, value in parser.items("default") if parser.has_section("default") else ():
        try:
            settings.update({name: value})
        except (UsageValueError, UsageTypeError, NotImplementedError) as error:
            warn(f"{path}: {error}")
    return settings


def from_argument(settings: Settings | Mapping[str, Any] | None) -> Settings:
    """Return `init(settings=…)` or `setup(settings=…)` checked (I-75, I-77)."""
    if settings is None:
        return Settings()
    if isinstance(settings, Settings):
        return copy.copy(settings)
    if isinstance(settings, Mapping):
        found = Settings()
        found.update(settings)
        return found
    raise UsageTypeError(f"settings must be a dict or kiseki.Settings, got {settings!r}")
