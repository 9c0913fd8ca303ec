"""`init`: from its arguments to a plan (I-01 … I-84); `start.py` makes the run of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.client.credentials import resolve
from kiseki.errors import UsageError
from kiseki.sdk import arguments, script
from kiseki.sdk.arguments import continuation_of
from kiseki.sdk.config import DEFAULTS_FILE, from_yaml, pairs_of
from kiseki.sdk.current import Session
from kiseki.sdk.disabled import DisabledRun
from kiseki.sdk.plan import Plan
from kiseki.sdk.run import Run
from kiseki.sdk.settings import Settings, from_argument
from kiseki.sdk.start import start
from kiseki.sdk.tags import checked_tags
from kiseki.sdk.terminal import Terminal


def init(
    session: Session,
    *,
    entity: str | None,
    project: str | None,
    dir: Any,
    id: str | None,
    name: str | None,
    notes: str | None,
    tags: Sequence[str] | None,
    config: Any,
    config_exclude_keys: Sequence[str] | None,
    config_include_keys: Sequence[str] | None,
    allow_val_change: bool | None,
    group: str | None,
    job_type: str | None,
    mode: str | None,
    force: bool | None,
    anonymous: str | None,
    reinit: Any,
    resume: Any,
    resume_from: str | None,
    fork_from: str | None,
    flags: Mapping[str, bool | None],
    settings: Settings | Mapping[str, Any] | None,
) -> Run:
    """Start a run; the public function is `kiseki.init`, which says what the arguments mean."""
    base = session.base_settings()
    if is_disabled(base, settings, mode):
        disabled = DisabledRun(
            session, base, project, id, name, notes, tags, config, group, job_type
        )
        session.activate(disabled, is_global=True)
        return disabled
    base.update(from_argument(settings))
    arguments.check_project(project)
    arguments.check_id(id)
    arguments.check_entity(entity)
    texts = {"name": name, "notes": notes, "group": group, "job_type": job_type}
    for what, text in texts.items():
        arguments.check_text(what, text)
    arguments.check_anonymous(anonymous)
    arguments.check_flags({**flags, "force": force, "allow_val_change": allow_val_change})
    arguments.check_resume(resume)
    arguments.check_exclusive(resume, resume_from, fork_from)
    explicit = {
        "entity": entity, "project": project, "run_id": id, "run_name": name, "run_notes": notes,
        "run_tags": None if tags is None else checked_tags(tags), "run_group": group,
        "run_job_type": job_type, "root_dir": arguments.check_dir(dir), "mode": mode,
        "anonymous": anonymous, "save_code": flags["save_code"],
        "monitor_gym": flags["monitor_gym"],
        "sync_tensorboard": _first(flags["sync_tensorboard"], flags["tensorboard"]),
    }  # fmt: skip
    params = _assign(session, base, explicit)
    if resume or resume_from is not None or fork_from is not None:
        base.forget("resume", "resume_from", "fork_from")
    explicit.update(resume=resume or None, resume_from=resume_from, fork_from=fork_from)
    base.update(explicit)
    session.terminal = Terminal(base.silent, base.quiet)
    _tell_deprecated(session, resume, flags)
    arguments.check_entity(base.entity)
    arguments.check_project(base.project)
    arguments.check_id(base.run_id)
    checked_tags(base.run_tags or [])
    continuation = continuation_of(base.run_id, base.resume, base.resume_from, base.fork_from)
    if continuation.rewind is not None:
        base.run_id = continuation.rewind.run  # I-64

    rule = arguments.reinit_rule(reinit)
    if rule == "default":
        rule = "finish_previous" if script.is_notebook() else "return_previous"
    if rule == "return_previous" and session.runs:
        active = session.runs[-1]
        if continuation.resume == "must":  # I-57
            raise UsageError(
                f"resume='must' while the run {active.name!r} is active: call finish() first, or give "
                "reinit=True or reinit='create_new'"
            )
        session.terminal.say(
            f"init() returns the run {active.name!r}, which is still active; its arguments are ignored. "
            "For a new run call finish() first, or give reinit=True"
        )
        return active
    plan = Plan(
        settings=base,
        config={
            **_all_config(base, config, config_include_keys, config_exclude_keys),
            **params,
        },
        allow_val_change=script.is_notebook()
        if allow_val_change is None
        else bool(allow_val_change),
        continuation=continuation,
        is_offline=base.mode == "offline",
        is_explicit=base.mode == "online" or bool(force),
        is_forced=bool(force),
        target=resolve(base.base_url, base.api_key, session.environ),
        is_global=rule != "create_new",
    )
    if rule == "finish_previous":
        session.finish_all()
    run = start(session, plan)
    run.config._lock_keys(params, session.terminal.warn)
    return run


def _assign(session: Session, base: Settings, explicit: dict[str, Any]) -> dict[str, Any]:
    """Make a run of a sweep the one that its agent was told to run; return the parameters (C-13)."""
    given = session.assignment
    if given is not None:
        base.update({
            "entity": given.entity, "project": given.project, "run_id": given.run,
            "sweep_id": given.sweep,
        })  # fmt: skip
    if not base.sweep_id or (given is None and not base.sweep_param_path):
        return {}
    for name in ("entity", "project", "run_id"):
        told, said = getattr(base, name), explicit[name]
        if told is not None and said is not None and said != told:
            session.warn_once(
                f"init({name.removeprefix('run_')}={said!r}) is ignored: runs of a sweep are where it is"
            )
        explicit[name] = told or said
    if given is not None:
        return dict(given.params)
    return from_yaml(str(base.sweep_param_path))


def is_disabled(base: Settings, settings: Any, mode: Any) -> bool:
    """Return whether the run is to be a no-op (I-44, E-06)."""
    if mode is not None:
        return bool(mode == "disabled")
    given = settings.given if isinstance(settings, Settings) else settings
    given = given if isinstance(given, Mapping) else {}
    if given.get("mode") is not None:
        return bool(given["mode"] == "disabled")
    return bool(given.get("disabled", base.disabled) or base.mode == "disabled")


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _tell_deprecated(session: Session, resume: Any, flags: Mapping[str, bool | None]) -> None:
    """Say once per process what to write instead (I-59, I-60, I-71)."""
    if isinstance(resume, bool):
        instead = "resume='auto'" if resume else "nothing"
        session.warn_once(
            f"init(resume={resume}) is deprecated: give {instead}, which means the same"
        )
    if flags["tensorboard"] is not None:
        session.warn_once(
            "init(tensorboard=…) is deprecated: give sync_tensorboard=…, which means the same"
        )


def _all_config(
    settings: Settings, config: Any, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> dict[str, Any]:
    """Return the config of all sources; later ones win (C-03)."""
    found: dict[str, Any] = {}
    if os.path.isfile(DEFAULTS_FILE):
        found.update(from_yaml(DEFAULTS_FILE))
    for path in settings.config_paths or ():
        found.update(from_yaml(path))
    given = {} if config is None else pairs_of(config)
    found.update(arguments.chosen_keys(given, include, exclude))
    if settings.sweep_param_path:
        found.update(from_yaml(settings.sweep_param_path))
    return found
