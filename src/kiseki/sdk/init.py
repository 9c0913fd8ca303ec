"""`init`: from its arguments to a run that records (I-01 … I-84)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.base.version import __version__
from kiseki.client import registry
from kiseki.client.credentials import Target, fault_of_key, resolve
from kiseki.errors import AuthenticationError, CommError
from kiseki.record.types import Open
from kiseki.sdk import arguments, names, script
from kiseki.sdk.config import DEFAULTS_FILE, from_yaml, pairs_of
from kiseki.sdk.current import Session
from kiseki.sdk.disabled import DisabledRun
from kiseki.sdk.folder import create_folder
from kiseki.sdk.link import Link, Place, write_settings
from kiseki.sdk.run import Run
from kiseki.sdk.settings import Settings, from_argument
from kiseki.sdk.tags import checked_tags
from kiseki.sdk.terminal import Terminal
from kiseki.uploader.death import started_us


class Plan(NamedTuple):
    """Everything that is decided before anything is made."""

    settings: Settings
    config: dict[str, Any]
    allow_val_change: bool
    is_offline: bool
    is_explicit: bool  # the person asked for the server: no answer is an error (design §3.2)
    is_forced: bool
    target: Target
    is_global: bool


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
    texts = {"entity": entity, "name": name, "notes": notes, "group": group, "job_type": job_type}
    for what, text in texts.items():
        arguments.check_text(what, text)
    arguments.check_later(
        id=id, resume=resume, resume_from=resume_from, fork_from=fork_from, anonymous=anonymous,
        flags=flags,
    )  # fmt: skip
    explicit = {
        "entity": entity, "project": project, "run_id": id, "run_name": name, "run_notes": notes,
        "run_tags": None if tags is None else checked_tags(tags), "run_group": group,
        "run_job_type": job_type, "root_dir": arguments.check_dir(dir), "mode": mode,
    }  # fmt: skip
    base.update(explicit)
    arguments.check_project(base.project)
    arguments.check_id(base.run_id)
    checked_tags(base.run_tags or [])
    if base.mode == "shared":
        raise NotImplementedError('init(mode="shared") comes with a later version of Kiseki')

    rule = arguments.reinit_rule(reinit)
    if rule == "default":
        rule = "finish_previous" if script.is_notebook() else "return_previous"
    if rule == "return_previous" and session.runs:
        active = session.runs[-1]
        session.terminal.say(
            f"init() returns the run {active.name!r}, which is still active; its arguments are ignored. "
            "For a new run call finish() first, or give reinit=True"
        )
        return active
    plan = Plan(
        settings=base,
        config=_all_config(base, config, config_include_keys, config_exclude_keys),
        allow_val_change=script.is_notebook()
        if allow_val_change is None
        else bool(allow_val_change),
        is_offline=base.mode == "offline",
        is_explicit=base.mode == "online" or bool(force),
        is_forced=bool(force),
        target=resolve(base.base_url, base.api_key, session.environ),
        is_global=rule != "create_new",
    )
    if rule == "finish_previous":
        session.finish_all()
    return start(session, plan)


def is_disabled(base: Settings, settings: Any, mode: Any) -> bool:
    """Return whether the run is to be a no-op (I-44, E-06)."""
    if mode is not None:
        return bool(mode == "disabled")
    given = settings.given if isinstance(settings, Settings) else settings
    given = given if isinstance(given, Mapping) else {}
    if given.get("mode") is not None:
        return bool(given["mode"] == "disabled")
    return bool(given.get("disabled", base.disabled) or base.mode == "disabled")


def start(session: Session, plan: Plan) -> Run:
    """Make the run of a plan. On any failure nothing of it is left (I-81, I-84)."""
    settings = plan.settings
    terminal = Terminal(settings.silent, settings.quiet)
    fault = fault_of_key(plan.target.key) if plan.target.key and not plan.is_offline else ""
    if fault:
        raise AuthenticationError(
            f"the key for {plan.target.base_url} is malformed: {fault}. "
            "To sign in: kiseki login --relogin"
        )
    opening = _opening(settings)
    folder = create_folder(
        settings.root_dir or os.curdir, settings.dir_name, opening.run, plan.is_offline, terminal
    )
    run: Run | None = None
    try:
        run = Run(session, settings, folder, opening, plan.allow_val_change)
        run.config.update(plan.config)
        write_settings(folder, settings, opening, plan.target.base_url, plan.is_offline)
        told = "" if plan.is_offline else _register(run, plan, terminal)
        with contextlib.suppress(OSError):  # then the server does not find the folder by itself
            registry.add(opening.stream, folder.path, plan.target.base_url, opening.run)
        run._begin(
            Link(
                folder,
                settings,
                terminal,
                plan.target.base_url,
                plan.is_offline,
                run._set_place,
                told,
            )
        )
    except _NotLoggedIn as error:
        _abandon(run, opening)
        terminal.warn(
            f"{error}\nnot logged in: this run is recorded offline.\n"
            "to log in: kiseki login; to upload the run later: kiseki sync"
        )
        return start(session, plan._replace(is_offline=True))
    except BaseException:
        if run is None:
            folder.remove()
        else:
            _abandon(run, opening)
        raise
    if settings.symlink:
        folder.link_latest()
    session.terminal = terminal
    session.activate(run, plan.is_global)
    _say_hello(run, terminal)
    return run


class _NotLoggedIn(Exception):
    """The server wants a key, there is none, and the run may go on offline (I-47)."""


def _abandon(run: Run | None, opening: Open) -> None:
    if run is not None:
        run._abandon()
    registry.remove(opening.stream)


def _register(run: Run, plan: Plan, terminal: Terminal) -> str:
    """Make the run known to the server; return the code of trouble that was told, "" if all is well."""
    from kiseki.sdk.registration import register  # loads HTTP, which offline runs do not need

    stream = run._stream
    try:
        answer = register(plan.target, stream.opening, stream.frames(), plan.settings.init_timeout)
    except AuthenticationError as error:
        if plan.target.key or plan.is_forced:
            raise
        raise _NotLoggedIn(str(error)) from error
    if isinstance(answer, Place):
        run._set_place(answer)
        return ""
    if plan.is_explicit:
        asked = "force=True" if plan.is_forced else 'mode="online"'
        raise CommError(
            f"{answer.error}; init({asked}) needs the server at {plan.target.base_url} "
            f"(setting base_url; waited {plan.settings.init_timeout:g} s, setting init_timeout)"
        ) from answer.error
    terminal.warn(answer.text(run.sync_dir))
    return answer.code


def _opening(settings: Settings) -> Open:
    program = settings.program or script.program()
    return Open(
        stream=ids.stream_id(),
        run=settings.run_id or ids.run_id(),
        project=settings.project or script.guess_project(program),
        entity=settings.entity or "",
        started_us=wall_us(),
        name=settings.run_name or names.run_name(),
        notes=settings.run_notes,
        tags=None if settings.run_tags is None else checked_tags(settings.run_tags),
        group=settings.run_group,
        job_type=settings.run_job_type,
        host=settings.host or socket.gethostname(),
        pid=os.getpid(),
        process_started_us=started_us(os.getpid()),
        program=program,
        sdk=f"kiseki {__version__}",
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
    return found


def _say_hello(run: Run, terminal: Terminal) -> None:
    lines = [f"run {run.name} of project {run.project}"]
    if run.url:
        lines.append(f"watch it at {run.url}")
    else:
        lines.append(f"recorded in {run.sync_dir}")
    terminal.say("\n".join(lines))
