"""What `init` accepts: every check of an argument that needs nothing but the argument (I-14 … I-68)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kiseki.base.names import fault_of
from kiseki.errors import UsageTypeError, UsageValueError

RESUME = ("allow", "never", "must", "auto")
REINIT = {
    None: "default",
    "default": "default",
    True: "finish_previous",
    "finish_previous": "finish_previous",
    False: "return_previous",
    "return_previous": "return_previous",
    "create_new": "create_new",
}
ANONYMOUS = ("never", "allow", "must")
_MOMENT = re.compile(r"([^?]+)\?_step=(\d+)")


def check_text(name: str, value: Any) -> None:
    """Raise unless `value` is text or None."""
    if value is not None and not isinstance(value, str):
        raise UsageTypeError(f"{name} must be text, got {value!r}")


def check_project(project: str | None) -> None:
    """Raise unless `project` may be the name of a project (I-14)."""
    check_text("project", project)
    if project is not None and (fault := fault_of("project", project, is_segment=True)):
        raise UsageValueError(fault)


def check_id(run_id: str | None) -> None:
    """Raise unless `run_id` may be the id of a run (I-20)."""
    check_text("id", run_id)
    if run_id is not None and (fault := fault_of("id", run_id)):
        raise UsageValueError(fault)


def check_dir(value: Any) -> str | None:
    """Return `dir` as text (I-15)."""
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise UsageTypeError(f"dir must be a path, got {value!r}")
    return str(os.fspath(value))


def reinit_rule(reinit: Any) -> str:
    """Return what `reinit` asks for (I-50 … I-53)."""
    if reinit is None or isinstance(reinit, (bool, str)):
        rule = REINIT.get(reinit)
        if rule is not None:
            return rule
    allowed = "True, False, 'default', 'return_previous', 'finish_previous', 'create_new'"
    raise UsageValueError(f"reinit must be one of {allowed}; got {reinit!r}")


def check_later(
    *,
    id: str | None,
    resume: Any,
    resume_from: Any,
    fork_from: Any,
    anonymous: Any,
    flags: Mapping[str, Any],
) -> None:
    """Check the arguments that a later version brings; raise `NotImplementedError` for what is asked.

    Raises:
        UsageValueError, UsageTypeError: a value that will not be allowed then either (I-48, I-55, I-61,
            I-67).
        NotImplementedError: an argument that would be ignored today; the message names it.
    """
    if anonymous is not None and anonymous not in ANONYMOUS:
        raise UsageValueError(f"anonymous must be one of {', '.join(ANONYMOUS)}; got {anonymous!r}")
    if not (resume is None or isinstance(resume, bool) or resume in RESUME):
        raise UsageValueError(f"resume must be one of {', '.join(RESUME)}; got {resume!r}")
    moments = {"resume_from": resume_from, "fork_from": fork_from}
    asked = [name for name, value in moments.items() if value is not None]
    if resume not in (None, False):
        asked.insert(0, "resume")
    if len(asked) > 1:
        raise UsageValueError(f"{' and '.join(asked)} exclude each other")
    for name, value in moments.items():
        if value is not None and id is not None and name == "fork_from" and _run_of(value) == id:
            raise UsageValueError(f"fork_from makes a new run; its id must not be {id!r}")
        if value is not None and _run_of(value) is None:
            raise UsageValueError(
                f"{name} must look like '3f9a0c1x?_step=200' (run id, then the step); got {value!r}"
            )
    for name, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise UsageTypeError(f"{name} must be True, False or None, got {value!r}")
        if value:
            asked.append(name)
    if anonymous not in (None, "never"):
        asked.append("anonymous")
    if asked:
        raise NotImplementedError(f"init({asked[0]}=…) comes with a later version of Kiseki")


def _run_of(moment: Any) -> str | None:
    found = _MOMENT.fullmatch(moment) if isinstance(moment, str) else None
    return found.group(1) if found else None


def chosen_keys(
    config: dict[str, Any],
    include: Iterable[str] | None,
    exclude: Iterable[str] | None,
) -> dict[str, Any]:
    """Return the pairs of `config` that are wanted (I-33, I-34).

    Raises:
        UsageValueError: both rules are given (I-35).
    """
    if include is not None and exclude is not None:
        raise UsageValueError("config_include_keys and config_exclude_keys exclude each other")
    for name, keys in (("config_include_keys", include), ("config_exclude_keys", exclude)):
        if isinstance(keys, str):
            raise UsageTypeError(f"{name} must be a list of keys, got {keys!r}")
    if include is not None:
        wanted = set(include)
        return {key: value for key, value in config.items() if key in wanted}
    unwanted = set(exclude or ())
    return {key: value for key, value in config.items() if key not in unwanted}
