"""The functions of the module `kiseki`. All of them act on the active run, and move with it (F-10, F-11)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TextIO

from kiseki.errors import UsageValueError
from kiseki.sdk import init as starting
from kiseki.sdk.alerts import AlertLevel
from kiseki.sdk.current import session
from kiseki.sdk.metrics import DefinedMetric
from kiseki.sdk.run import LATER, Run
from kiseki.sdk.settings import Settings, from_argument


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    anonymous: str | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> Run:
    """Start a run and return it; it becomes `kiseki.run` too.

    Args:
        entity: user or team that owns the run; default: yours.
        project: project, made on first use; default: guessed from the git repository.
        dir: folder for the folder of runs; default: the current one.
        id: key of the run in its project; default: 8 random characters.
        name: short display name; default: two random words and a number.
        notes: longer description.
        tags: labels.
        config: what goes into the run: a dict, an `argparse.Namespace`, absl flags, or the path of a YAML
            file.
        config_exclude_keys: keys of `config` to leave out.
        config_include_keys: the only keys of `config` to take.
        allow_val_change: whether config values may change later; default: in notebooks only.
        group: name of several runs that belong together.
        job_type: kind of run inside the group.
        mode: online, offline, disabled, or shared (several processes log to the run with one `id`);
            default: online while the server can be reached.
        force: True: fail unless logged in to a server.
        anonymous: "allow": without a key, an anonymous account is made, whose runs are seen through the
            link that is printed; "must": so even with a key; "never" (default): a key is needed.
        reinit: what to do while a run is active: "return_previous" (False, default in scripts),
            "finish_previous" (True, default in notebooks), or "create_new".
        resume: what to do if a run with this `id` exists: "allow": go on with it; "must": the same, and
            fail if there is none; "never": fail; "auto": go on with the run of this folder and project that
            crashed last. Default: a new attempt takes its place, the earlier one stays readable.
        resume_from: "{id}?_step={n}": go on with that run behind step n; what came after it stays readable
            as an earlier attempt.
        fork_from: "{id}?_step={n}": a new run whose history begins with that of another up to step n.
        save_code: store the main script or notebook with the run; default: as the settings page says.
        tensorboard: old name of `sync_tensorboard`.
        sync_tensorboard: log what is written through TensorBoard or TensorBoardX.
        monitor_gym: log the videos that Gym environments record.
        settings: `kiseki.Settings` or a dict of the same names.

    Raises:
        UsageError: an argument is not allowed, or the run is alive in another process; nothing was made.
        AuthenticationError: the server does not accept the key.
        CommError: the server refuses the run, or does not answer though `mode="online"`, `force`, a `resume`
            of "must" or "never", `resume_from` or `fork_from` asked for it.
    """
    return starting.init(
        session,
        entity=entity,
        project=project,
        dir=dir,
        id=id,
        name=name,
        notes=notes,
        tags=tags,
        config=config,
        config_exclude_keys=config_exclude_keys,
        config_include_keys=config_include_keys,
        allow_val_change=allow_val_change,
        group=group,
        job_type=job_type,
        mode=mode,
        force=force,
        anonymous=anonymous,
        reinit=reinit,
        resume=resume,
        resume_from=resume_from,
        fork_from=fork_from,
        flags={
            "save_code": save_code,
            "tensorboard": tensorboard,
            "sync_tensorboard": sync_tensorboard,
            "monitor_gym": monitor_gym,
        },
        settings=settings,
    )


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Record one row of the active run; see `Run.log`."""
    run = session.run
    if run is None:
        run = session.active("log()")
    run.log(data, step, commit)


def define_metric(
    name: str,
    step_metric: str | DefinedMetric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> DefinedMetric:
    """Say how a metric of the active run is drawn and summarised; see `Run.define_metric`."""
    run = session.active("define_metric()")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, goal, overwrite)


def save(
    glob_str: str | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
) -> list[str]:
    """Put files into the active run; see `Run.save`."""
    return session.active("save()").save(glob_str, base_path, policy)


def restore(
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> TextIO | None:
    """Fetch a file of a run, by default of the active one; see `Run.restore`.

    Raises:
        UsageValueError: there is neither an active run nor `run_path`.
    """
    if session.run is not None:
        return session.run.restore(name, run_path, replace, root)
    from kiseki.sdk import files

    return files.restore(name, run_path, replace, root, None)


def alert(
    title: str,
    text: str,
    level: str | AlertLevel | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """Record a message that somebody should see; see `Run.alert`."""
    session.active("alert()").alert(title, text, level, wait_duration)


def watch(
    models: Any,
    criterion: Any = None,
    log: str | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """Record histograms of torch models in the active run; see `Run.watch`."""
    session.active("watch()").watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: Any = None) -> None:
    """Watch these models no more; see `Run.unwatch`."""
    session.active("unwatch()").unwatch(models)


def mark_preempting() -> None:
    """Report that the machine is about to be taken away; see `Run.mark_preempting`."""
    session.active("mark_preempting()").mark_preempting()


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the active run; without one, do nothing. See `Run.finish`."""
    if session.run is not None:
        session.run.finish(exit_code, quiet)


def setup(settings: Settings | Mapping[str, Any] | None = None) -> None:
    """Read the environment now, and set what every later `init` starts from (T-12)."""
    session.base_settings()
    session.set_up(from_argument(settings))


def teardown(exit_code: int | None = None) -> None:
    """End all active runs; forget the environment as it was read and what `setup` set (T-12)."""
    session.finish_all(exit_code or 0)
    session.forget()


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    anonymous: str | None = None,
) -> bool:
    """Make sure that there is a key for the server, and remember a new one (Q-01).

    Args:
        key: key to remember; default: the known one, else asked for at a terminal.
        relogin: ask even if a key is known.
        host: address of the server; runs of this process go there.
        force: raise instead of returning False.
        timeout: seconds for the server's answer.
        verify: ask the server whether it takes the key.
        anonymous: "allow": without a key, an anonymous account is made, whose runs can be claimed;
            "must": also with one; "never" (default).

    Returns:
        Whether there is a key; False when the mode is offline or disabled.

    Raises:
        AuthenticationError: the key is malformed or rejected; or there is none and `force` is given.
        CommError: the server does not answer.
    """
    from kiseki.sdk.login import login as log_in

    return log_in(
        session,
        key=key,
        relogin=relogin,
        host=host,
        force=force,
        timeout=timeout,
        verify=verify,
        anonymous=anonymous,
    )


def later_function(name: str) -> Callable[..., Any]:
    """Return the module-level function of a method that a later version brings."""
    if name not in LATER:
        raise UsageValueError(f"{name} is no method of a run")

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(session.active(f"{name}()"), name)(*args, **kwargs)

    call.__name__ = name
    return call
