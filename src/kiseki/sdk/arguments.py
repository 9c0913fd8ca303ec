"""What `init` accepts: every check of an argument that needs nothing but the argument (I-14 … I-68)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kiseki.base.names import fault_of
from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.rows import STEP_MAX
from kiseki.sdk.settings import ANONYMOUS, RESUME

REINIT = {
    None: "default",
    "default": "default",
    True: "finish_previous",
    "finish_previous": "finish_previous",
    False: "return_previous",
    "return_previous": "return_previous",
    "create_new": "create_new",
}
CONTINUING = ("allow", "must", "auto")  # values of `resume` that go on with a run that is there
_MOMENT = re.compile(r"([^?]+)\?_step=([0-9]{1,19})")


def check_text(name: str, value: Any) -> None:
    """Raise unless `value` is text or None."""
    if value is not None and not isinstance(value, str):
        raise UsageTypeError(f"{name} must be text, got {value!r}")


def check_entity(entity: str | None) -> None:
    """Raise unless `entity` may be the name of a user or team (I-10)."""
    check_text("entity", entity)
    if entity and (fault := fault_of("entity", entity, is_segment=True)):
        raise UsageValueError(fault)


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
    path = str(os.fspath(value))
    if "\0" in path:
        raise UsageValueError(f"no folder can be called {path!r}")
    return path


def reinit_rule(reinit: Any) -> str:
    """Return what `reinit` asks for (I-50 … I-53)."""
    if reinit is None or isinstance(reinit, (bool, str)):
        rule = REINIT.get(reinit)
        if rule is not None:
            return rule
    allowed = "True, False, 'default', 'return_previous', 'finish_previous', 'create_new'"
    raise UsageValueError(f"reinit must be one of {allowed}; got {reinit!r}")


def check_anonymous(anonymous: Any) -> None:
    """Raise unless `anonymous` is one of its words (I-48)."""
    if anonymous is not None and anonymous not in ANONYMOUS:
        raise UsageValueError(f"anonymous must be one of {', '.join(ANONYMOUS)}; got {anonymous!r}")


def check_flags(flags: Mapping[str, Any]) -> None:
    """Raise unless every flag is True, False or None (I-36, I-46, I-70 … I-73)."""
    for name, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise UsageTypeError(f"{name} must be True, False or None, got {value!r}")


def check_resume(resume: Any) -> None:
    """Raise for what is no spelling of `resume` at all; which words there are, the setting knows (I-55)."""
    if resume is not None and not isinstance(resume, (bool, str)):
        raise UsageValueError(
            f"resume must be one of {', '.join(RESUME)}, True, False; got {resume!r}"
        )


class Moment(NamedTuple):
    """A step of a run, as `resume_from` and `fork_from` name it."""

    run: str
    step: int


def moment_of(name: str, value: Any) -> Moment | None:
    """Return the moment that `value` names, None without one (I-68).

    Raises:
        UsageValueError: it is not of the form `{run id}?_step={step}`.
    """
    if value is None:
        return None
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found.group(2)) > STEP_MAX:
        raise UsageValueError(
            f"{name} must look like '3f9a0c1x?_step=200' (run id, then the step); got {value!r}"
        )
    check_id(found.group(1))
    return Moment(found.group(1), int(found.group(2)))


class Continuation(NamedTuple):
    """What a new session of logging has to do with runs that are there already.

    Attributes:
        resume: allow, never, must or auto; None = the run starts anew.
        rewind: the moment of its own history at which the run goes on.
        fork: the moment of another run's history at which this one begins.
    """

    resume: str | None = None
    rewind: Moment | None = None
    fork: Moment | None = None

    @property
    def parent(self) -> Moment | None:
        """The moment behind which the history goes on, None if that is the end or nowhere."""
        return self.rewind or self.fork

    @property
    def question(self) -> str:
        """The argument that only a server can answer, "" if there is none (I-83)."""
        if self.rewind is not None:
            return "resume_from"
        if self.fork is not None:
            return "fork_from"
        return f"resume={self.resume!r}" if self.resume in ("must", "never") else ""


def check_exclusive(resume: Any, resume_from: Any, fork_from: Any) -> None:
    """Raise if more than one of the arguments is given (I-61)."""
    given = {"resume": resume or None, "resume_from": resume_from, "fork_from": fork_from}
    asked = [name for name, value in given.items() if value is not None]
    if len(asked) > 1:
        raise UsageValueError(f"{' and '.join(asked)} exclude each other: give one of them")


def continuation_of(
    run_id: str | None, resume: str | None, resume_from: str | None, fork_from: str | None
) -> Continuation:
    """Return what the four settings ask for.

    Raises:
        UsageValueError: they exclude each other (I-61, I-67), lack the id, or name no moment (I-68).
    """
    check_exclusive(resume, resume_from, fork_from)
    rewind, fork = moment_of("resume_from", resume_from), moment_of("fork_from", fork_from)
    if fork is not None and fork.run == run_id:
        raise UsageValueError(f"fork_from makes a new run; its id must not be {run_id!r}")
    if resume == "must" and run_id is None:
        raise UsageValueError("resume='must' needs the id of the run to go on with (argument id)")
    if resume == "never" and run_id is None:
        resume = None  # an id made up now exists nowhere
    return Continuation(resume or None, rewind, fork)


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
        if keys is not None and (isinstance(keys, str) or not isinstance(keys, Iterable)):
            raise UsageTypeError(f"{name} must be a list of keys, got {keys!r}")
    if include is not None:
        wanted = set(include)
        return {key: value for key, value in config.items() if key in wanted}
    unwanted = set(exclude or ())
    return {key: value for key, value in config.items() if key not in unwanted}
