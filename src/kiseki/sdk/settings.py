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
from kiseki.sdk.values import plain_text

PREFIXES = ("KISEKI_", "WANDB_")
TRUE = ("1", "true", "yes", "on", "t", "y")
FALSE = ("0", "false", "no", "off", "f", "n", "")
MODES = ("online", "offline", "disabled", "shared")
RESUME = ("allow", "never", "must", "auto")
ANONYMOUS = ("never", "allow", "must")
OLD_MODES = {"dryrun": "offline", "run": "online"}  # I-45


class Field(NamedTuple):
    """One setting. `kind` names a check of `_CASTS`; `choices` limits text."""

    kind: str
    default: Any
    env: str
    doc: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None


FIELDS: dict[str, Field] = {
    "mode": Field("str", None, "MODE", "online, offline, disabled or shared", (*MODES, *OLD_MODES)),
    "disabled": Field("bool", False, "DISABLED", "true: mode disabled"),
    "project": Field("str", None, "PROJECT", "project of the run"),
    "entity": Field("str", None, "ENTITY", "user or team that owns the run"),
    "run_id": Field("str", None, "RUN_ID", "id of the run"),
    "run_name": Field("str", None, "NAME", "display name"),
    "run_notes": Field("str", None, "NOTES", "description"),
    "run_tags": Field("list", None, "TAGS", "tags, separated by commas"),
    "run_group": Field("str", None, "RUN_GROUP", "group"),
    "run_job_type": Field("str", None, "JOB_TYPE", "job type"),
    "resume": Field("resume", None, "RESUME", "what to do if the id exists"),
    "resume_from": Field("str", None, "RESUME_FROM", "moment to rewind to: ID?_step=N"),
    "fork_from": Field("str", None, "FORK_FROM", "moment to fork from: ID?_step=N"),
    "anonymous": Field("anonymous", None, "ANONYMOUS",
                       "never, allow or must: may the run do without an account"),
    "root_dir": Field("path", None, "DIR", "folder that holds the folder of runs"),
    "dir_name": Field("str", "kiseki", "DIR_NAME", "name of the folder of runs"),
    "config_paths": Field("list", None, "CONFIG_PATHS", "YAML files for the config, by commas"),
    "base_url": Field("str", None, "BASE_URL", "address of the server"),
    "app_url": Field("str", None, "APP_URL", "address of its pages, if another than base_url"),
    "api_key": Field("str", None, "API_KEY", "key for the server"),
    "silent": Field("bool", False, "SILENT", "write nothing to the terminal"),
    "quiet": Field("bool", False, "QUIET", "write warnings only"),
    "show_run": Field("bool", False, "SHOW_RUN", "open the run's page"),
    "console": Field("str", "auto", "CONSOLE", "how output is captured",
                     ("auto", "wrap", "redirect", "off")),
    "console_multipart": Field("bool", False, "CONSOLE_MULTIPART",
                               "output.log in parts; accepted: lines are stored one by one anyway"),
    "capture_loggers": Field("list", None, "CAPTURE_LOGGERS",
                             "names of loggers whose lines are recorded too"),
    "program": Field("str", None, "PROGRAM", "name of the program, in place of the script's path"),
    "host": Field("str", None, "HOST", "name of the machine, in place of the found one"),
    "username": Field("str", None, "USERNAME", "user name in the environment"),
    "email": Field("str", None, "USER_EMAIL", "mail address in the environment"),
    "docker": Field("str", None, "DOCKER", "image of the container"),
    "disable_git": Field("bool", False, "DISABLE_GIT", "capture nothing of git"),
    "disable_git_fork_point": Field("bool", False, "DISABLE_GIT_FORK_POINT",
                                    "no difference against the upstream branch"),
    "git_commit": Field("str", None, "GIT_COMMIT", "commit, in place of the found one"),
    "git_remote_url": Field("str", None, "GIT_REMOTE_URL", "remote, in place of the found one"),
    "git_root": Field("path", None, "GIT_ROOT", "folder whose repository is described"),
    "disable_code": Field("bool", False, "DISABLE_CODE",
                          "store no code, nor uncommitted changes of it"),
    "save_code": Field("bool", None, "SAVE_CODE",
                       "store the program with the run; none = as the user's settings page says"),
    "sync_tensorboard": Field("bool", False, "SYNC_TENSORBOARD", "log what TensorBoard is given"),
    "monitor_gym": Field("bool", False, "MONITOR_GYM", "log the videos of Gym environments"),
    "ignore_globs": Field("list", None, "IGNORE_GLOBS", "files not to upload"),
    "notebook_name": Field("str", None, "NOTEBOOK_NAME", "path of the notebook"),
    "cache_dir": Field("path", None, "CACHE_DIR", "folder of the artifact cache"),
    "artifact_dir": Field("path", None, "ARTIFACT_DIR", "folder for downloaded artifacts"),
    "init_timeout": Field("float", 10.0, "INIT_TIMEOUT", "s that init waits for the server",
                          minimum=0.1),
    "http_timeout": Field("float", 10.0, "HTTP_TIMEOUT", "s for one request of the uploader",
                          minimum=0.1),
    "file_pusher_timeout": Field("float", None, "FILE_PUSHER_TIMEOUT",
                                 "s for one request with file contents; none = http_timeout",
                                 minimum=0.1),
    "service_wait": Field("float", 30.0, "SERVICE_WAIT",
                          "accepted: the uploader starts without being waited for", minimum=0.0),
    "heartbeat_seconds": Field("float", 30.0, "HEARTBEAT_SECONDS",
                               "longest silence towards the server in s", minimum=0.1),
    "finish_timeout": Field("float", 60.0, "FINISH_TIMEOUT", "s that finish waits; 0 = for ever",
                            minimum=0.0),
    "finish_timeout_raises": Field("bool", False, "FINISH_TIMEOUT_RAISES",
                                   "finish raises CommError when not all is on the server"),
    "summary_timeout": Field("float", 60.0, "SUMMARY_TIMEOUT",
                             "accepted: the summary is known without asking", minimum=0.0),
    "insecure_disable_ssl": Field("bool", False, "INSECURE_DISABLE_SSL",
                                  "accept any certificate of the server"),
    "stop_fn": Field("call", None, "", "called when somebody presses Stop; None = KeyboardInterrupt"),
    "strict": Field("bool", False, "STRICT", "raise what goes wrong inside Kiseki"),
    "error_reporting": Field("bool", False, "ERROR_REPORTING",
                             "accepted: Kiseki reports nothing to anybody"),
    "debug": Field("bool", False, "DEBUG", "write what Kiseki does to logs/debug.log in detail"),
    "fsync": Field("str", "never", "FSYNC", "always: log() waits for the disk", ("never", "always")),
    "symlink": Field("bool", True, "SYMLINK", "make the latest-run link"),
    "sweep_id": Field("str", None, "SWEEP_ID", "sweep that the run belongs to"),
    "sweep_param_path": Field("path", None, "SWEEP_PARAM_PATH",
                              "YAML file with the parameters of a sweep's run"),
    "x_stats_sampling_interval": Field("float", 15.0, "STATS_SAMPLING_INTERVAL",
                                       "s between samples of system metrics", minimum=0.1),
    "x_disable_stats": Field("bool", False, "DISABLE_STATS", "no system metrics"),
    "x_disable_meta": Field("bool", False, "DISABLE_META", "capture nothing of the environment"),
    "x_save_requirements": Field("bool", True, "SAVE_REQUIREMENTS", "list the installed packages"),
    "x_stats_disk_paths": Field("list", None, "STATS_DISK_PATHS",
                                "folders whose disks are watched; none = /"),
    "x_stats_gpu_device_ids": Field("ints", None, "STATS_GPU_DEVICE_IDS",
                                    "numbers of the GPUs that are watched; none = all"),
    "x_stats_open_metrics_endpoints": Field("dict", None, "STATS_OPEN_METRICS_ENDPOINTS",
                                            "name → address of OpenMetrics pages to sample"),
    "x_stats_open_metrics_filters": Field("list", None, "STATS_OPEN_METRICS_FILTERS",
                                          "patterns; only metrics that match one are kept"),
    "x_label": Field("str", None, "LABEL", "name of this writer of a shared run"),
    "x_primary": Field("bool", True, "PRIMARY",
                       "whether this writer of a shared run describes the environment"),
    "x_update_finish_state": Field("bool", True, "UPDATE_FINISH_STATE",
                                   "whether the end of this writer ends the run"),
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

    def forget(self, *names: str) -> None:
        """Set these settings back to their defaults."""
        for name in names:
            self._values.pop(name, None)

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
    value = _CASTS[field.kind](name, value)
    if field.choices and value not in field.choices:
        raise UsageValueError(f"{name} must be one of {', '.join(field.choices)}; got {value!r}")
    if field.minimum is not None and not value >= field.minimum:
        raise UsageValueError(f"{name} must be at least {field.minimum:g}; got {value!r}")
    return OLD_MODES.get(value, value) if name == "mode" else value


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
        return [plain_text(name, part) for part in value]
    raise UsageTypeError(f"{name} must be a list of text, got {value!r}")


def _ints(name: str, value: Any) -> list[int]:
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, (list, tuple)):
        try:
            return [int(part) for part in parts]
        except (TypeError, ValueError):
            pass
    raise UsageTypeError(f"{name} must be a list of numbers, got {value!r}")


def _dict(name: str, value: Any) -> dict[str, Any]:
    found = value
    if isinstance(value, str):
        import json

        try:
            found = json.loads(value)
        except ValueError as error:
            raise UsageValueError(f"{name} must be a JSON object, got {value!r}") from error
    if isinstance(found, Mapping) and all(isinstance(key, str) for key in found):
        return dict(found)
    raise UsageTypeError(f"{name} must be a dict with text keys, got {value!r}")


def _resume(name: str, value: Any) -> str:
    """Return what `resume` means, "" for the deprecated False (I-55, I-59, I-60)."""
    if isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in RESUME:
            return lowered
        if lowered in TRUE or lowered in FALSE:
            value = lowered in TRUE
    if isinstance(value, bool):
        return "auto" if value else ""
    raise UsageValueError(f"{name} must be one of {', '.join(RESUME)}; got {value!r}")


def _anonymous(name: str, value: Any) -> str:
    """Return the wish for an anonymous account; a yes or no is meant for a server, and says nothing here."""
    text = plain_text(name, value).strip().lower()
    if text in ANONYMOUS:
        return text
    if text in TRUE or text in FALSE:
        return ""
    raise UsageValueError(f"{name} must be one of {', '.join(ANONYMOUS)}; got {value!r}")


def _call(name: str, value: Any) -> Any:
    if not callable(value):
        raise UsageTypeError(f"{name} must be a function, got {value!r}")
    return value


_CASTS: dict[str, Callable[[str, Any], Any]] = {
    "str": plain_text, "path": _path, "bool": _bool, "float": _float, "list": _list, "ints": _ints,
    "dict": _dict, "resume": _resume, "anonymous": _anonymous, "call": _call,
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
        except (UsageValueError, UsageTypeError) as error:
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
