"""From a plan to a run that records (I-46 … I-48, I-81 … I-84).

    plan ─► key ─► Open, and what the folders here tell ─► folder, journal ─► server ─► uploader ─► hooks
             │                                                                  │
             └─ no account: offline                 it answers no: an error ────┤
                                  it does not answer: to disk, or an error ─────┘

What is made on the way is unmade together, whatever goes wrong, Ctrl-C too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from kiseki.base import ids, run_names
from kiseki.base.clock import wall_us
from kiseki.base.version import __version__
from kiseki.client import registry
from kiseki.client.credentials import Target, fault_of_key, read_anonymous, write_anonymous
from kiseki.errors import (
    AuthenticationError,
    CommError,
    RunStateError,
    ServerError,
    UsageError,
    UsageValueError,
)
from kiseki.record.types import Open
from kiseki.sdk import hooks, script
from kiseki.sdk.arguments import CONTINUING, Continuation
from kiseki.sdk.current import Session
from kiseki.sdk.folder import RunFolder, create_folder, folder_of_runs
from kiseki.sdk.link import Link, write_settings
from kiseki.sdk.plan import Plan
from kiseki.sdk.run import Run
from kiseki.sdk.tags import checked_tags
from kiseki.sdk.terminal import Terminal
from kiseki.uploader.death import started_us

if TYPE_CHECKING:
    from kiseki.sdk.earlier import Restored
    from kiseki.sdk.registration import Registered


def start(session: Session, plan: Plan) -> Run:
    """Make the run of a plan. On any failure nothing of it is left."""
    terminal = Terminal(plan.settings.silent, plan.settings.quiet)
    if not plan.is_offline:
        plan = _with_credentials(plan, terminal)
    opening, restored = _beginning(plan)
    made = _Made(opening)
    try:
        return _make(session, plan, made, restored, terminal)
    except _Otherwise as wish:
        made.undo()
        if wish.text:
            terminal.warn(wish.text)
        return start(session, wish.plan)
    except BaseException as error:
        was_refused = isinstance(error, (ServerError, AuthenticationError, UsageError))
        made.undo(is_told=not was_refused)
        raise


class _Otherwise(Exception):
    """The run is to be started by another plan; `text` tells the person why, "" if that is no news."""

    def __init__(self, plan: Plan, text: str = "") -> None:
        super().__init__(text)
        self.plan = plan
        self.text = text


class _Made:
    """What there is of a run so far.

    Attributes:
        server: the one that may know the run already.
    """

    def __init__(self, opening: Open) -> None:
        self.opening = opening
        self.folder: RunFolder | None = None
        self.run: Run | None = None
        self.server: Target | None = None

    def undo(self, is_told: bool = False) -> None:
        """Leave nothing of it; with `is_told` the server, too, learns that it has ended."""
        frames = b""
        if self.run is not None:
            if is_told and self.server is not None:
                with contextlib.suppress(OSError):  # the folder is gone, or the disk full
                    frames = self.run._last_words()
            self.run._abandon()
        elif self.folder is not None:
            self.folder.remove()
        registry.remove(self.opening.stream)
        if frames and self.server is not None:
            from kiseki.sdk.registration import withdraw

            withdraw(self.server, self.opening.stream, frames)


def _make(
    session: Session, plan: Plan, made: _Made, restored: Restored | None, terminal: Terminal
) -> Run:
    """Make a run, step by step; `made` holds what is to be undone."""
    settings, opening, base_url = plan.settings, made.opening, plan.target.base_url
    root = settings.root_dir or os.curdir
    folder = create_folder(root, settings.dir_name, opening.run, plan.is_offline, terminal)
    made.folder = folder
    run = made.run = Run(session, settings, folder, opening, plan.allow_val_change)
    run.config.update(plan.config)
    note = partial(
        write_settings, folder, settings, opening, base_url, plan.is_offline, plan.is_anonymous
    )
    note()
    told, save_code = "", False
    is_unknown = opening.resume in CONTINUING and restored is None
    if not plan.is_offline:
        made.server = plan.target
        answer, told = _register(run, plan, terminal, is_unknown)
        if answer is not None:
            run._set_place(answer.place)
            if restored is not None:
                _warn_of_offline_part(run, restored, answer.restored, base_url, terminal)
            restored, save_code = answer.restored, answer.save_code
    elif is_unknown:
        note(is_behind=True)
        run._stand_behind()
    if restored is not None:
        run._go_on_from(restored)
        note(runtime_before_us=restored.state.runtime_us)
    with contextlib.suppress(OSError):  # then the server does not find the folder by itself
        registry.add(opening.stream, folder.path, base_url, opening.run)
    key = plan.target.key if plan.is_anonymous else settings.api_key or ""
    link = Link(folder, settings, terminal, base_url, plan.is_offline, run._set_place, told, key)
    run._begin(link)
    session.activate(run, plan.is_global)
    hooks.start(run, save_code)
    if settings.symlink:
        folder.link_latest()
    session.terminal = terminal
    _say_hello(run, plan, terminal)
    return run


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
            raise plan.unanswered(error) from error
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


def _register(
    run: Run, plan: Plan, terminal: Terminal, is_unknown: bool
) -> tuple[Registered | None, str]:
    """Make the run known to the server, within `init_timeout`.

    Args:
        run: the run.
        plan: how it is started.
        terminal: hears of trouble.
        is_unknown: it is to go on, and nobody here knows from where.

    Returns:
        What the server said; or None, and the code of the trouble that the person was told.
    """
    from kiseki.sdk.registration import Unreachable, register  # loads HTTP, not needed offline

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
        if plan.is_anonymous and not plan.is_renewed:  # it was claimed, or has expired (I-48)
            write_anonymous(plan.target.base_url, None)
            nobody = Target(plan.target.base_url)
            raise _Otherwise(
                plan._replace(target=nobody, is_anonymous=False, is_renewed=True)
            ) from error
        if plan.target.key:
            raise AuthenticationError(
                f"{error}. To sign in with another key: kiseki login --relogin (KISEKI_API_KEY, if it is "
                "set, comes before it)"
            ) from error
        if plan.is_forced or plan.continuation.question:
            raise AuthenticationError(f"{error}. To sign in: kiseki login") from error
        raise _Otherwise(
            plan._replace(is_offline=True),
            f"{error}\nnot logged in: this run is recorded offline.\n"
            "to log in: kiseki login; to upload the run later: kiseki sync",
        ) from error
    except ServerError as error:
        if error.detail.get("code") == "deleted" and not plan.settings.run_id:
            raise _Otherwise(
                plan._replace(continuation=Continuation()), f"{error}\na new run is started"
            ) from error
        raise
    if not isinstance(answer, Unreachable):
        return answer, ""
    if plan.demand:
        raise plan.unanswered(answer.error) from answer.error
    if is_unknown:
        raise _Otherwise(
            plan._replace(is_offline=True),
            f"{answer.error}\nwhat the run {run.id!r} logged before is not known here either: it is recorded "
            "offline, and its steps, which count from 0, are put behind the earlier ones at upload.\n"
            "to upload: kiseki sync",
        )
    terminal.warn(answer.text(run.sync_dir))
    return None, answer.code


def _warn_of_offline_part(
    run: Run, here: Restored, there: Restored | None, base_url: str, terminal: Terminal
) -> None:
    """Tell of what is recorded here and was never uploaded: the run goes on without it."""
    if there is None:
        how = f", but not on {base_url}: it begins anew there"
    elif here.state.next_step > there.state.next_step:
        steps = f" up to step {here.state.next_step - 1:,}, on {base_url}"
        last = there.state.next_step - 1
        how = f"{steps} {f'up to step {last:,}' if last >= 0 else 'without rows'}: it goes on from there"
    else:
        return
    terminal.warn(
        f"the run {run.id!r} is recorded on this machine{how}.\n"
        f"to go on with what is recorded: kiseki sync {os.path.dirname(run.sync_dir)}, then resume"
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
        name=settings.run_name or run_names.run_name(),
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
        if wanted.fork is None and (alive := earlier.running(found, run_id)) is not None:
            raise UsageError(
                f"the run {run_id!r} is still alive on this machine (process {alive.pid}). End that process "
                "first, or give another id"
            )
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
        last = restored.last_step
        raise UsageValueError(
            f"the run {moment.run!r} as recorded on this machine has no step {moment.step}: "
            + (f"its last one is {last}" if last >= 0 else "it has no rows")
        )


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
