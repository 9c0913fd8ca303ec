"""`init`: from its arguments to a run that records (I-01 … I-84)."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.base.version import __version__
from kiseki.client import registry
from kiseki.client.credentials import Target, fault_of_key, read_anonymous, resolve, write_anonymous
from kiseki.errors import (
    AuthenticationError,
    CommError,
    RunStateError,
    ServerError,
    UsageError,
    UsageValueError,
)
from kiseki.record.types import Open
from kiseki.sdk import arguments, hooks, names, script
from kiseki.sdk.arguments import CONTINUING, Continuation, continuation_of
from kiseki.sdk.config import DEFAULTS_FILE, from_yaml, pairs_of
from kiseki.sdk.current import Session
from kiseki.sdk.disabled import DisabledRun
from kiseki.sdk.folder import RunFolder, create_folder, folder_of_runs
from kiseki.sdk.link import Link, write_settings
from kiseki.sdk.run import Run
from kiseki.sdk.settings import Settings, from_argument
from kiseki.sdk.tags import checked_tags
from kiseki.sdk.terminal import Terminal
from kiseki.uploader.death import started_us

if TYPE_CHECKING:
    from kiseki.sdk.earlier import Restored
    from kiseki.sdk.registration import Registered


class Plan(NamedTuple):
    """Everything that is decided before anything is made."""

    settings: Settings
    config: dict[str, Any]
    allow_val_change: bool
    continuation: Continuation
    is_offline: bool
    is_explicit: bool  # the person asked for the server: no answer is an error (design §3.2)
    is_forced: bool
    target: Target
    is_global: bool
    is_anonymous: bool = False
    is_renewed: bool = False  # the anonymous account is a new one

    @property
    def demand(self) -> str:
        """What was asked for that needs the server's answer, as it is written in `init`; "" if nothing."""
        if self.is_forced:
            return "force=True"
        return self.continuation.question or ('mode="online"' if self.is_explicit else "")


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
    arguments.check_anonymous(anonymous)
    arguments.check_flags(flags)
    arguments.check_exclusive(resume, resume_from, fork_from)
    explicit = {
        "entity": entity, "project": project, "run_id": id, "run_name": name, "run_notes": notes,
        "run_tags": None if tags is None else checked_tags(tags), "run_group": group,
        "run_job_type": job_type, "root_dir": arguments.check_dir(dir), "mode": mode,
        "anonymous": anonymous, "save_code": flags["save_code"],
        "monitor_gym": flags["monitor_gym"],
        "sync_tensorboard": _first(flags["sync_tensorboard"], flags["tensorboard"]),
    }  # fmt: skip
    if resume or resume_from is not None or fork_from is not None:
        base.forget("resume", "resume_from", "fork_from")
    explicit.update(resume=resume or None, resume_from=resume_from, fork_from=fork_from)
    base.update(explicit)
    session.terminal = Terminal(base.silent, base.quiet)
    _tell_deprecated(session, resume, flags)
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
        config=_all_config(base, config, config_include_keys, config_exclude_keys),
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


def start(session: Session, plan: Plan) -> Run:
    """Make the run of a plan. On any failure nothing of it is left (I-81, I-84)."""
    settings = plan.settings
    terminal = Terminal(settings.silent, settings.quiet)
    asked = plan
    if not plan.is_offline:
        plan = _with_credentials(plan, terminal)
    opening, restored = _beginning(plan)
    folder: RunFolder | None = None
    run: Run | None = None
    is_asked = False
    try:
        root = settings.root_dir or os.curdir
        folder = create_folder(root, settings.dir_name, opening.run, plan.is_offline, terminal)
        run = Run(session, settings, folder, opening, plan.allow_val_change)
        run.config.update(plan.config)
        is_behind = opening.resume in CONTINUING and restored is None
        write_settings(
            folder, settings, opening, plan.target.base_url, plan.is_offline, plan.is_anonymous,
            is_behind=plan.is_offline and is_behind,
        )  # fmt: skip
        if plan.is_offline and is_behind:
            run._stand_behind()
        told, save_code = "", False
        if not plan.is_offline:
            is_asked = True
            answer = _register(run, plan)
            if isinstance(answer, Unreached):
                if is_behind:
                    raise _NotKnown(answer.reason)
                told = answer.code
                terminal.warn(answer.text)
            else:
                run._set_place(answer.place)
                restored, save_code = answer.restored, answer.save_code
        if restored is not None:
            run._go_on_from(restored)
            write_settings(
                folder, settings, opening, plan.target.base_url, plan.is_offline, plan.is_anonymous,
                restored.state.runtime_us,
            )  # fmt: skip
        with contextlib.suppress(OSError):  # then the server does not find the folder by itself
            registry.add(opening.stream, folder.path, plan.target.base_url, opening.run)
        key = plan.target.key if plan.is_anonymous else settings.api_key or ""
        base_url, is_offline = plan.target.base_url, plan.is_offline
        run._begin(
            Link(folder, settings, terminal, base_url, is_offline, run._set_place, told, key)
        )
        session.activate(run, plan.is_global)
        hooks.start(run, save_code)
        if settings.symlink:
            folder.link_latest()
        session.terminal = terminal
        _say_hello(run, plan, terminal)
    except _NotLoggedIn as error:
        _abandon(run, folder, opening)
        terminal.warn(
            f"{error}\nnot logged in: this run is recorded offline.\n"
            "to log in: kiseki login; to upload the run later: kiseki sync"
        )
        return start(session, plan._replace(is_offline=True))
    except _NotKnown as error:
        _abandon(run, folder, opening)
        terminal.warn(
            f"{error}\nwhat the run {opening.run!r} logged before is not known here either: it is recorded "
            "offline, and its steps, which count from 0, are put behind the earlier ones at upload.\n"
            "to upload: kiseki sync"
        )
        return start(session, plan._replace(is_offline=True))
    except _AccountEnded:
        _abandon(run, folder, opening)
        write_anonymous(plan.target.base_url, None)
        return start(session, asked._replace(is_renewed=True))
    except _IsGone as error:
        _abandon(run, folder, opening)
        terminal.warn(f"{error}\na new run is started")
        return start(session, plan._replace(continuation=Continuation()))
    except BaseException as error:
        was_refused = isinstance(error, (ServerError, AuthenticationError, UsageError))
        _abandon(run, folder, opening, plan.target if is_asked and not was_refused else None)
        raise
    return run


class _NotLoggedIn(Exception):
    """The server wants a key, there is none, and the run may go on offline (I-47)."""


class _NotKnown(Exception):
    """No server says where the run stands that is to go on, and no folder of this machine does."""


class _AccountEnded(Exception):
    """The anonymous account was claimed, or has expired: another one is needed (I-48)."""


class _IsGone(Exception):
    """The run that `resume="auto"` found here was deleted on the server."""


class Unreached(NamedTuple):
    """The server did not answer; what the person is told, the code of it, and why in short."""

    text: str
    code: str
    reason: str


def _abandon(
    run: Run | None, folder: RunFolder | None, opening: Open, told: Target | None = None
) -> None:
    """Leave nothing of a start that failed.

    Args:
        told: the server that may know the run already.
    """
    frames = b""
    if run is None:
        if folder is not None:
            folder.remove()
    else:
        if told is not None:
            with contextlib.suppress(OSError):  # the folder is gone, or the disk full
                frames = run._last_words()
        run._abandon()
    registry.remove(opening.stream)
    if told is not None and frames:
        from kiseki.sdk.registration import withdraw

        withdraw(told, opening.stream, frames)


def _with_credentials(plan: Plan, terminal: Terminal) -> Plan:
    """Return the plan with the key it needs: the person's, or that of an anonymous account (I-48)."""
    target, wish = plan.target, plan.settings.anonymous or "never"
    if wish == "must" or (wish == "allow" and not target.key):
        return _anonymous(plan, terminal)
    fault = fault_of_key(target.key) if target.key else ""
    if fault:
        raise AuthenticationError(
            f"the key for {target.base_url} is malformed: {fault}. "
            "To sign in: kiseki login --relogin"
        )
    return plan


def _anonymous(plan: Plan, terminal: Terminal) -> Plan:
    from kiseki.sdk.registration import anonymous_target

    try:
        target = anonymous_target(plan.target, plan.settings.init_timeout)
    except CommError as error:
        if plan.demand:
            raise _unanswered(plan, error) from error
        terminal.warn(
            f"{error}\nan anonymous account needs the server: this run is recorded offline.\n"
            "to upload it later: kiseki sync"
        )
        return plan._replace(is_offline=True)
    if target is not None:
        return plan._replace(target=target, is_anonymous=True)
    refusal = f"{plan.target.base_url} makes no anonymous accounts"
    if plan.is_forced or plan.continuation.question:
        raise AuthenticationError(f"{refusal}. To sign in: kiseki login")
    terminal.warn(
        f"{refusal}: this run is recorded offline.\n"
        "to log in: kiseki login; to upload the run later: kiseki sync"
    )
    return plan._replace(is_offline=True)


def _register(run: Run, plan: Plan) -> Registered | Unreached:
    """Make the run known to the server, within `init_timeout`."""
    from kiseki.sdk.registration import (
        Unreachable,
        register,
    )  # loads HTTP, which offline is not needed

    stream, timeout = run._stream, plan.settings.init_timeout
    began = time.monotonic()
    if run_ids := _gone_on_from(run._stream.opening, plan):
        from kiseki.uploader.sync import send_ended

        send_ended(run_ids, plan.target, began + timeout / 2)
    left = max(0.1, timeout - (time.monotonic() - began))
    try:
        is_unchecked = plan.settings.insecure_disable_ssl or None
        answer = register(plan.target, stream.opening, stream.frames(), left, is_unchecked)
    except AuthenticationError as error:
        if plan.is_anonymous and not plan.is_renewed:
            raise _AccountEnded(str(error)) from error
        if plan.target.key or plan.is_forced or plan.continuation.question:
            raise
        raise _NotLoggedIn(str(error)) from error
    except ServerError as error:
        if error.detail.get("code") == "deleted" and not plan.settings.run_id:
            raise _IsGone(str(error)) from error
        raise
    if not isinstance(answer, Unreachable):
        return answer
    if plan.demand:
        raise _unanswered(plan, answer.error) from answer.error
    return Unreached(answer.text(run.sync_dir), answer.code, str(answer.error))


def _unanswered(plan: Plan, error: CommError) -> CommError:
    """Return the error of a server that does not answer where it has to (I-83)."""
    return CommError(
        f"{error}; init({plan.demand}) needs the server at {plan.target.base_url} (setting base_url; waited "
        f"{plan.settings.init_timeout:g} s, setting init_timeout)"
    )


def _gone_on_from(opening: Open, plan: Plan) -> set[str]:
    """Return the ids of the runs whose earlier records must be on the server first."""
    parent = plan.continuation.parent
    if parent is not None:
        return {parent.run}
    return {opening.run} if opening.resume in CONTINUING else set()


def _beginning(plan: Plan) -> tuple[Open, Restored | None]:
    """Return the first record of the run, and what it goes on from as far as this machine knows."""
    settings, wanted = plan.settings, plan.continuation
    program = settings.program or script.program(settings.notebook_name)
    project = settings.project or script.guess_project(program)
    run_id, restored = settings.run_id, None
    if wanted != Continuation():
        run_id, restored = _continued(plan, project)
    parent = wanted.parent
    is_shared = settings.mode == "shared"
    opening = Open(
        stream=ids.stream_id(),
        run=run_id or ids.run_id(),
        project=project,
        entity=settings.entity or "",
        started_us=wall_us(),
        name=settings.run_name or names.run_name(),
        is_default_name=not settings.run_name,
        notes=settings.run_notes,
        tags=None if settings.run_tags is None else checked_tags(settings.run_tags),
        group=settings.run_group,
        job_type=settings.run_job_type,
        sweep_id=settings.sweep_id,
        resume=wanted.resume if run_id else None,
        parent_run=parent.run if parent is not None else None,
        parent_step=parent.step if parent is not None else None,
        host=settings.host or socket.gethostname(),
        pid=os.getpid(),
        process_started_us=started_us(os.getpid()),
        program=program,
        sdk=f"kiseki {__version__}",
        label=settings.x_label or "",
        primary=settings.x_primary or not is_shared,
        shared=is_shared,
    )
    return opening, restored


def _continued(plan: Plan, project: str) -> tuple[str | None, Restored | None]:
    """Return the id of the run to go on with, and what the folders of this machine tell of it.

    Raises:
        UsageError: offline, and they tell that it cannot be done (design §3.2).
    """
    from kiseki.sdk import earlier

    settings, wanted = plan.settings, plan.continuation
    place = settings.root_dir or os.curdir
    try:
        parent = folder_of_runs(place, settings.dir_name)
    except OSError:  # the current folder was removed
        parent = place
    found = earlier.find(parent, project, settings.entity or "")
    run_id: str | None = settings.run_id
    if wanted.resume == "auto":
        crashed = earlier.unfinished(found, run_id)
        run_id = crashed.opening.run if crashed is not None else run_id
    if run_id is None and wanted.parent is None:
        return None, None
    restored = earlier.restored(found, run_id or "", wanted)
    if plan.is_offline:
        check_local(wanted, run_id, restored, is_there=any(k.opening.run == run_id for k in found))
    return run_id, restored


def check_local(
    wanted: Continuation, run_id: str | None, restored: Restored | None, is_there: bool
) -> None:
    """Raise if the folders of this machine answer no; what they cannot know, the server settles at sync."""
    if wanted.resume == "must" and not is_there:
        raise UsageError(
            f"resume='must': no run {run_id!r} is recorded on this machine (argument dir), and offline no "
            "server can be asked. To go on without knowing what came before: resume='allow'"
        )
    if wanted.resume == "never" and is_there:
        raise RunStateError(
            f"the run {run_id!r} is recorded on this machine already, and resume='never' does not allow to "
            "go on with it: give another id, or resume='allow'"
        )
    moment = wanted.parent
    if moment is not None and restored is not None and restored.last_step < moment.step:
        raise UsageValueError(
            f"the run {moment.run!r} as recorded on this machine has no step {moment.step}: its last one "
            f"is {restored.last_step}"
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


def _say_hello(run: Run, plan: Plan, terminal: Terminal) -> None:
    lines = [f"run {run.name} of project {run.project}"]
    if run.starting_step:
        done = "resumed" if run.resumed else "forked"
        lines[0] += f", {done} at step {run.starting_step:,}"
    if run.url:
        lines.append(f"watch it at {run.url}")
    else:
        lines.append(f"recorded in {run.sync_dir}")
    account = read_anonymous(plan.target.base_url) if plan.is_anonymous else None
    if account is not None:
        lines.append(f"the run is anonymous; to see it, and to keep it as yours: {account.link}")
    terminal.say("\n".join(lines))
    if plan.settings.show_run and run.url:
        import webbrowser

        webbrowser.open(run.url)
