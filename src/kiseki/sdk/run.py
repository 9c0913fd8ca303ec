"""`Run`: the handle of one run (R-01 … R-20, F-01 … F-07)."""

from __future__ import annotations

import contextlib
import copy
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO
from urllib.parse import quote

from kiseki.base.clock import wall_us
from kiseki.errors import CommError, RunStateError, UsageError, UsageTypeError
from kiseki.record.fold import RunState, apply
from kiseki.record.types import OWN_STEPS, Describe, File, Finish, Note, Open, Record, State
from kiseki.record.types import Summary as SummaryRecord
from kiseki.sdk.alerts import AlertLevel, Alerts
from kiseki.sdk.config import Config
from kiseki.sdk.console import ConsoleLog, LoggerCapture, Redirect
from kiseki.sdk.current import Session, session
from kiseki.sdk.ending import Ending, say_how_it_went, send_rest
from kiseki.sdk.exit import exit_code_of
from kiseki.sdk.folder import RunFolder
from kiseki.sdk.guard import DebugLog, Guard
from kiseki.sdk.link import Link, Place
from kiseki.sdk.metrics import DefinedMetric, metric_record
from kiseki.sdk.rows import Rows
from kiseki.sdk.script import is_notebook
from kiseki.sdk.settings import Settings
from kiseki.sdk.stream import Stream
from kiseki.sdk.summary import Summary
from kiseki.sdk.tags import Tags, checked_tags
from kiseki.sdk.terminal import Terminal
from kiseki.sdk.values import Normaliser, plain_text

if TYPE_CHECKING:
    from kiseki.sdk.code import LoggedCode
    from kiseki.sdk.earlier import Restored
    from kiseki.sdk.media.batch import Batch
    from kiseki.sdk.notebook import Cells
    from kiseki.sdk.upload_status import RunStatus
    from kiseki.sdk.watch import Watch

WRITABLE = ("name", "notes", "tags")
LATER = (
    "log_artifact", "use_artifact", "link_artifact", "upsert_artifact", "finish_artifact", "log_model",
    "use_model", "link_model", "pin_config_keys",
)  # fmt: skip


class LaterError(NotImplementedError, AttributeError):
    """A method that a later version brings; `hasattr` says that it is not there."""


class Home(NamedTuple):
    """What a run's copy in another process knows of the process that began it."""

    pid: int
    state: RunState
    place: Place
    runtime_before_us: int = 0


class Run:
    """A run: log to it, describe it, end it. Made by `kiseki.init`, never by hand.

    Use as a context manager: leaving the block finishes the run, with exit code 1 after an exception.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        folder: RunFolder,
        opening: Open,
        allow_val_change: bool,
        home: Home | None = None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._folder = folder
        self._terminal = Terminal(settings.silent, settings.quiet)
        self._pid = os.getpid() if home is None else home.pid
        self._started_us = opening.started_us if home is None else home.state.started_us
        # In another process than the one that began, the wall clock is what both know.
        since_us = 0 if home is None else max(0, wall_us() - opening.started_us)
        self._runtime_before_us = 0 if home is None else home.runtime_before_us
        self._started_ns = time.monotonic_ns() - (since_us + self._runtime_before_us) * 1000
        self._starting_step = 0
        self._is_resumed = False
        self._place = Place() if home is None else home.place
        self._link: Link | None = None
        self._has_ended = False
        self._exit_code = 0
        self._told: set[tuple[str, str]] = set()
        self._before_finish: list[Callable[[], object]] = []
        self._watch: Watch | None = None
        self._cells: Cells | None = None
        self._alerts = Alerts()
        self._state = RunState() if home is None else home.state
        apply(self._state, opening)
        self._stream = Stream(
            folder.journal, opening, self._terminal, settings.fsync, is_inherited=home is not None
        )
        normaliser = Normaliser(self._tell_replaced)
        self._rows = Rows(self._stream, self._state, normaliser, self._started_ns, self._take_media)
        self._config = Config(self._change, allow_val_change, self._state.config)
        self._summary = Summary(
            self._read_summary, self._write_summary, normaliser, self._rows.keep_media
        )
        self._console: ConsoleLog | None = None
        self._redirect: Redirect | None = None
        self._loggers: LoggerCapture | None = None
        self._debug = DebugLog(os.path.join(folder.logs, "debug.log"), settings.debug)
        # The shortest way to the rows: saves a call per row.
        self._log: Callable[..., None] = self._rows.log
        if opening.shared:
            self._log = self._log_shared

    # -- logging -------------------------------------------------------------------------------------

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Record one row. When this returns, the row is with the operating system.

        Args:
            data: values by key: numbers, text, bools, None, arrays, media (`Image`, `Table`, …; figures and
                data frames as they are), nested dicts and lists of these.
            step: the row's step; default: the open row's, else one more than the largest so far. The row
                stays open: `log` calls without `step`, or with the same, add to it.
            commit: whether the row is complete. Default: True without `step`, False with it.

        Raises:
            UsageTypeError: `data` is no mapping, a key is not text, a value has no plain form, `step` is no
                integer, `commit` is no bool. UsageValueError: something is too large. Nothing of the row was
                stored then.
            RunStateError: the run has ended.
        """
        self._log(data, step, commit)

    def log_at(
        self, data: Mapping[str, Any], step: int | None = None, timestamp: float | None = None
    ) -> None:
        """Record a row beside those of `log`: one that `log` holds open stays open, and is not added to.

        For what is logged on somebody's behalf, between two of their own calls.

        Args:
            data: as for `log`.
            step: the row's step, any number; default, and where several processes log to the run: one
                more than the largest so far.
            timestamp: when it happened, in Unix seconds; default: now.

        Raises:
            UsageTypeError, UsageValueError, RunStateError: as for `log`.
        """
        rows = self._rows
        with self._stream.lock:
            held = rows._open
            if step is None or self._stream.opening.shared:
                step = rows._next
            try:
                rows.happened_us = 0 if timestamp is None else max(0, int(timestamp * 1e6))
                rows.log(data, step, True)
            finally:
                rows._open, rows.happened_us = held, 0

    def define_metric(
        self,
        name: str,
        step_metric: str | DefinedMetric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> DefinedMetric:
        """Say how a metric is drawn and summarised. Holds for keys first logged later.

        Args:
            name: key path (`val.loss` for nested dicts), or the beginning of several and `*`.
            step_metric: metric to use as x axis.
            step_sync: add the step metric's last value to rows that lack it; default: if it is given.
            hidden: draw no chart by itself.
            summary: rules, separated by commas: min, max, mean, last, first, best; or none, or copy.
            goal: minimize or maximize; says what `best` is.
            overwrite: forget what was defined for this name before.

        Raises:
            UsageValueError, UsageTypeError: an argument is not allowed.
            RunStateError: the run has ended.
        """
        record = metric_record(name, step_metric, step_sync, hidden, summary, goal, overwrite)
        self._check_active("define_metric")
        self._rows.define(record)
        return DefinedMetric(record.name)

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Record histograms of torch models; they join the row of the next `log`.

        Keys are `gradients/<name>` and `parameters/<name>`; of the second and further models
        `gradients/graph_1/<name>`.

        Args:
            models: a `torch.nn.Module`, or a list of them.
            criterion: accepted.
            log: gradients, parameters, all or None.
            log_freq: batches from one histogram to the next.
            idx: number of the first of the models; default: how many were watched before.
            log_graph: accepted; the shape of the model is not recorded.

        Raises:
            UsageTypeError: not a torch module.
            UsageValueError: an argument is not allowed, or a model is watched already.
            RunStateError: the run has ended.
        """
        from kiseki.sdk.watch import Watch

        self._check_active("watch")
        if self._watch is None:
            self._watch = Watch(self)
            self.before_finish(self._watch.close)
        self._watch.add(models, log, log_freq, idx)

    def unwatch(self, models: Any = None) -> None:
        """Watch these models no more; None: all of them."""
        if self._watch is not None:
            self._watch.remove(models)

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Put files into the run; they are uploaded beside the rows (A-01).

        Args:
            glob_str: path or pattern; `**` goes through folders. Folders themselves are left out.
            base_path: the part of the path that is not kept in the name; default: the current folder, of
                an absolute path all but its last folder.
            policy: live: again whenever a file changes; now: once, at once; end: when the run ends.

        Returns:
            The paths below `run.dir`, where they are links to the files (copies where links are impossible,
            or with the setting `symlink=False`).

        Raises:
            UsageValueError: an unknown policy; a path that is not below `base_path`.
            RunStateError: the run has ended.
        """
        from kiseki.sdk import files

        self._check_active("save")
        return files.save(self, glob_str, base_path, policy)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> TextIO | None:
        """Fetch a file of this run, or of another one, from the server (R-23).

        Args:
            name: the file's name in the run.
            run_path: `entity/project/id`; default: this run.
            replace: fetch it even if it is there already.
            root: folder to write it below; default: `run.dir`.

        Returns:
            The file opened for reading as text, None if the run has no such file on the server.

        Raises:
            UsageValueError: the name may not become a path.
            CommError: the server does not answer, or says no.
        """
        from kiseki.sdk import files

        return files.restore(name, run_path, replace, root, self)

    def log_code(
        self,
        root: str | os.PathLike[str] = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> LoggedCode | None:
        """Store the source code below a folder with the run, in `files/code/` (A-20).

        Args:
            root: folder to look through. Hidden folders and the folder of runs are left out.
            name: of the code; default: made of the project's.
            include_fn: says of a path, or of a path and `root`, whether to take it; default: `.py` files.
            exclude_fn: says which of these not to take; default: none.

        Returns:
            What was taken; None, with a warning, if nothing was.
        """
        from kiseki.sdk import code

        self._check_active("log_code")
        return code.log_code(
            self, root, name, include_fn or code.is_python, exclude_fn or code.is_nothing
        )

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Record a message that somebody should see.

        Args:
            title: short; the same title is not sent again within `wait_duration`.
            text: the message.
            level: INFO (default), WARN or ERROR.
            wait_duration: seconds or a `timedelta`; default 60 s, 0 for no limit.
        """
        self._check_active("alert")
        record = self._alerts.record(title, text, level, wait_duration, self._rows.step)
        if record is not None:
            self._stream.write(record)

    def write_logs(self, text: str) -> None:
        """Add text to the console log of the run, also where the console is not captured (R-22).

        Args:
            text: lines as of stdout; the last one is ended.

        Raises:
            UsageTypeError: `text` is no text. RunStateError: the run has ended.
        """
        self._check_active("write_logs()")
        line = plain_text("text", text)
        self._console_log().feed("stdout", line if line.endswith("\n") else line + "\n")

    def status(self) -> RunStatus:
        """Return how far the upload is: records written, and those no server has acknowledged yet (R-07)."""
        from kiseki.sdk.upload_status import read_status

        return read_status(self.sync_dir, self._stream.opening.stream, self._stream.written)

    def mark_preempting(self) -> None:
        """Report that the machine is about to be taken away (R-06)."""
        self._change(State(state="preempting", time_us=wall_us()))

    # -- what the run is -----------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Key of the run in its project."""
        return self._state.id

    @property
    def entity(self) -> str:
        """User or team that owns the run; "" as long as no server has said which."""
        return self._place.entity or self._state.entity

    @property
    def project(self) -> str:
        return self._state.project

    @property
    def group(self) -> str:
        return self._state.group

    @property
    def job_type(self) -> str:
        return self._state.job_type

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def name(self) -> str:
        """Display name; assign to change it."""
        return self._state.name

    @name.setter
    def name(self, name: str) -> None:
        self._change(Describe(name=plain_text("name", name)))

    @property
    def notes(self) -> str:
        """Description; assign to change it."""
        return self._state.notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._change(Describe(notes=plain_text("notes", notes or "")))

    @property
    def tags(self) -> Tags:
        """Tags; assign, or `run.tags += ["new"]`. Tags that are not allowed change nothing (I-28)."""
        return Tags(self._state.tags)

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        try:
            found = checked_tags(tags)
        except UsageError as error:
            self._terminal.warn(f"tags were not changed: {error}")
            return
        self._change(Describe(tags=found))

    @property
    def config(self) -> Config:
        """What went into the run."""
        return self._config

    @property
    def config_static(self) -> Mapping[str, Any]:
        """A copy of the config that cannot be written."""
        return MappingProxyType(self._config.as_dict())

    @property
    def summary(self) -> Summary:
        """The last value of every key."""
        return self._summary

    @property
    def settings(self) -> Settings:
        """A copy of the run's settings."""
        return copy.copy(self._settings)

    @property
    def dir(self) -> str:
        """The run's `files` folder."""
        return self._folder.files

    @property
    def sync_dir(self) -> str:
        """The run folder."""
        return self._folder.path

    @property
    def start_time(self) -> float:
        """Unix seconds; of a resumed run when it first began."""
        return self._started_us / 1e6

    @property
    def starting_step(self) -> int:
        """Step of the first row of this process: 0 unless resumed, rewound or forked."""
        return self._starting_step

    @property
    def step(self) -> int:
        """Step the next `log` goes to; while a row is open, that row's."""
        return self._rows.step

    @property
    def resumed(self) -> bool:
        """Whether the run was there before: resumed or rewound. A fork is a new run."""
        return self._is_resumed

    @property
    def offline(self) -> bool:
        """Whether nothing is sent to a server."""
        return self._link is None or self._link.is_offline

    @property
    def disabled(self) -> bool:
        return False

    @property
    def mode(self) -> str:
        """`online` or `offline`."""
        return "offline" if self.offline else "online"

    @property
    def url(self) -> str | None:
        """Address of the run's page; None offline."""
        return self._place.url or None

    @property
    def project_url(self) -> str | None:
        """Address of the project's page; None offline."""
        return self._place.project_url or None

    @property
    def sweep_id(self) -> str | None:
        return self._state.sweep_id or None

    @property
    def sweep_url(self) -> str | None:
        """Address of the page of its sweep; None offline, and without one."""
        if not self.sweep_id or not self.project_url:
            return None
        return f"{self.project_url}/sweeps/{quote(self.sweep_id, safe='')}"

    def get_url(self) -> str | None:
        """Old name of `url`."""
        return self.url

    def get_project_url(self) -> str | None:
        """Old name of `project_url`."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """Old name of `sweep_url`."""
        return self.sweep_url

    def project_name(self) -> str:
        """Old name of `project`."""
        return self.project

    # -- showing it ----------------------------------------------------------------------------------

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run below the cell of a notebook; return whether this is one.

        Args:
            height: pixels, at most.
            hidden: show the name only, until it is pressed.
        """
        if self._cells is None:
            return False
        self._cells.show(height, hidden)
        return True

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return the run as a card in HTML: name, state, link to its page, metrics; see `display`."""
        from kiseki.sdk import display

        return display.page(display.of_run(self), height, hidden)

    def _repr_html_(self) -> str:
        return self.to_html()

    # -- ending --------------------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: everything is on disk when this returns, and on the server unless it says otherwise.

        Args:
            exit_code: 0 (default): finished; anything else: failed.
            quiet: True: say nothing.
        """
        if exit_code is not None and (
            isinstance(exit_code, bool) or not isinstance(exit_code, int)
        ):
            raise UsageTypeError(f"exit_code must be an integer, got {exit_code!r}")
        self._end(exit_code or 0, bool(quiet))

    def join(self, exit_code: int | None = None) -> None:
        """Old name of `finish`."""
        self.finish(exit_code)

    def before_finish(self, call: Callable[[], object]) -> None:
        """Have `call()` called once when the run is about to end, while it can still be logged to."""
        self._check_active("before_finish")
        self._before_finish.append(call)

    def finish_at_exit(self, exit_code: int) -> None:
        """End the run because the script ends. Raises nothing."""
        guard = Guard("finishing the run at exit", self._settings.strict)
        with contextlib.suppress(KeyboardInterrupt), guard:  # Ctrl-C while waiting for the uploader
            self._end(exit_code, False)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        if isinstance(error, SystemExit):
            self._end(exit_code_of(error.code), False)
        else:
            self._end(1 if kind is not None else 0, False)
        return False

    def _end(self, exit_code: int, quiet: bool) -> None:
        if os.getpid() != self._pid:  # a forked child: the run is the parent's to end (T-04)
            self._rows.close()
            self._stream.close()
            return
        self._call_before_finish()
        with self._stream.lock:
            if self._has_ended:
                return
            self._has_ended = True
            self._exit_code = exit_code
        try:
            self._stop_hearing()
            with self._stream.lock:
                self._rows.close()
                self._write_last(exit_code)
                self._stream.close()
        finally:
            self._session.deactivate(self)
            self._debug.close()
        self._say_goodbye(Terminal(self._settings.silent, self._settings.quiet or quiet))

    def _call_before_finish(self) -> None:
        while self._before_finish:
            call = self._before_finish.pop()
            with Guard("ending what was added to the run", self._settings.strict):
                call()

    def _say_goodbye(self, terminal: Terminal) -> None:
        ending = Ending(
            folder=self._folder.path,
            journal=self._stream.path,
            name=self.name,
            url=self.url,
            exit_code=self._exit_code,
            rows=max(0, self._rows.count - self._stream.dropped_rows),
            dropped=self._stream.dropped,
            shapes=self._rows.shapes,
            values=self._state.values,
            is_kept=os.path.exists(self._stream.path),
            has_others=self._folder.has_other_journals(),
        )
        with Guard("saying goodbye", self._settings.strict):
            say_how_it_went(ending, terminal)
        missing = ""
        with Guard("waiting for the uploader", self._settings.strict):
            if self._link is not None:
                missing = send_rest(ending, self._link, self._settings.finish_timeout, terminal)
        if missing and self._settings.finish_timeout_raises:  # F-27
            raise CommError(missing)

    def _write_last(self, exit_code: int) -> None:
        """Write the files of the end and the last records."""
        folder = self._folder
        makers: list[Callable[[], File | None]] = [lambda: folder.describe("output.log")]
        if self._stream.opening.primary:  # of several writers one describes the run (T-10)
            makers += [
                lambda: folder.write_config(self._config.as_dict()),
                lambda: folder.write_summary(self._summary.as_dict()),
            ]
        if not os.path.exists(folder.path):
            makers = []  # deleted while the run went on; the end of the run says what is lost
        for make in makers:
            try:
                record = make()
            except OSError as error:  # the journal holds the same; it comes first
                self._terminal.warn(f"a file of {folder.files} cannot be written: {error}")
                continue
            if record is not None:
                self._stream.write(record)
        if self._settings.x_update_finish_state:
            self._write_finish(exit_code)

    def _write_finish(self, exit_code: int) -> None:
        runtime_us = (time.monotonic_ns() - self._started_ns) // 1000
        self._stream.write(Finish(exit_code=exit_code, time_us=wall_us(), runtime_us=runtime_us))

    # -- inside ----------------------------------------------------------------------------------------

    def _set_place(self, place: Place) -> None:
        app_url = self._settings.app_url
        self._place = place.below(app_url) if app_url else place

    def _go_on_from(self, restored: Restored) -> None:
        """Take over what the run had before (I-69); what `init` was given stays. Before the first row."""
        state, own = restored.state, self._state
        self._config.go_on_from(state.config)
        state.config = self._config.as_dict()
        if restored.is_resumed:
            self._started_us = state.started_us or self._started_us
        else:
            state.opened, state.writers, state.started_us = [], {}, self._started_us
        for field in RunState.__struct_fields__:
            setattr(own, field, getattr(state, field))
        apply(own, self._stream.opening)
        self._is_resumed = restored.is_resumed
        self._starting_step = own.next_step
        self._runtime_before_us = own.runtime_us
        self._started_ns -= own.runtime_us * 1000
        self._rows.go_on(self._started_ns)

    def _stand_behind(self) -> None:
        """Note when the script gives a step itself: until then the steps are put behind the server's."""
        self._log = self._log_behind

    def _log_behind(self, data: Mapping[str, Any], step: Any = None, commit: Any = None) -> None:
        if step is not None:
            text = "from here on the script gave the steps itself"
            self._stream.write(Note(code=OWN_STEPS, text=text, time_us=wall_us()))
            self._log = self._rows.log
        self._rows.log(data, step, commit)

    def _log_shared(self, data: Mapping[str, Any], step: Any = None, commit: Any = None) -> None:
        """Log to a run with several writers: nobody's steps are those of the others (T-10)."""
        if step is not None:
            self._terminal.warn(
                'the step given to log() is ignored: with mode="shared" several processes log to the run',
                key="shared-step",
            )
        self._rows.log(data, None, commit)

    def _begin(self, link: Link) -> None:
        """Start hearing the console; from now on the run is the user's."""
        self._link = link
        how = self._settings.console
        if how != "off":
            feed = self._console_log().feed
            if how == "redirect":
                self._redirect = Redirect(feed)
            else:
                self._session.capture.add(feed)
            self._loggers = LoggerCapture(self._settings.capture_loggers or (), feed)
        if is_notebook():
            from kiseki.sdk import notebook

            self._cells = notebook.follow(self)

    def _console_log(self) -> ConsoleLog:
        if self._console is None:
            path = os.path.join(self._folder.files, "output.log")
            label = self._stream.opening.label
            self._console = ConsoleLog(self._stream.write, path, self._settings.strict, label)
        return self._console

    def _pause(self) -> None:
        """No cell of the notebook runs: sample no system metrics (J-01)."""
        if self._link is not None:
            self._link.pause()

    def _resume(self, since_ns: int) -> None:
        """A cell begins: leave the time since then out of the run time (J-01)."""
        self._started_ns += self._rows.rest(since_ns)
        if self._link is not None:
            self._link.resume()

    def _stop_hearing(self) -> None:
        console, self._console = self._console, None
        if console is None:
            return
        if self._loggers is not None:
            self._loggers.close()
            self._loggers = None
        if self._redirect is not None:
            self._redirect.close()
            self._redirect = None
        self._session.capture.remove(console.feed)
        console.close()

    def _abandon(self) -> None:
        """Undo a start that failed: no folder, no open file stays (I-81)."""
        self._call_before_finish()
        self._stop_hearing()
        self._has_ended = True
        self._rows.close()
        self._stream.close()
        if self._link is not None:
            self._link.kill()
        self._session.deactivate(self)
        self._debug.close()
        self._folder.remove()

    def _last_words(self) -> bytes:
        """Return the records of a start that failed, the last one saying so."""
        self._write_finish(1)
        return self._stream.frames()

    def _check_active(self, what: str) -> None:
        if self._has_ended:
            raise RunStateError(f"the run {self.name!r} has ended; {what} comes before finish()")

    def _change(self, record: Record) -> None:
        """Write a record and let the run's state follow it."""
        self._check_active("changing it")
        self._rows.change(record)

    def _read_summary(self) -> dict[str, Any]:
        return self._rows.fold().summary

    def _write_summary(self, record: SummaryRecord) -> None:
        with self._stream.lock:
            self._rows.claim(record.set)
            self._change(record)

    def _take_media(self, data: Mapping[str, Any], keys: tuple[str, ...]) -> Batch:
        """Write drafts of the media in `data`, to which `keys` lead."""
        from kiseki.sdk.media.batch import Batch  # and NumPy with it

        batch = Batch(
            self._folder.files,
            self._folder.tmp,
            self._tell_replaced,
            lambda path, text: self._tell_once("media", path, text),
            is_synced=self._settings.fsync == "always",
        )
        return batch.take(data, keys)

    def _tell_replaced(self, path: str, reason: str) -> None:
        self._tell_once("replaced", path, f"the value of {path!r} was replaced: {reason}")

    def _tell_once(self, code: str, path: str, text: str) -> None:
        """Say something about a key once, here and on the run page (reliability 2.10)."""
        if (code, path) in self._told:
            return
        self._told.add((code, path))
        self._terminal.warn(text)
        self._stream.write(Note(code=code, text=text, count=1, time_us=wall_us()))

    def after_fork(self) -> None:
        """In a forked child: the run goes on there with a stream of its own (T-02)."""
        self._stream.after_fork()
        self._rows.forget_forms()
        self._console = None
        if self._loggers is not None:
            self._loggers.close()
            self._loggers = None

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in WRITABLE:
            raise AttributeError(f"a run has no attribute {name!r} that can be set")
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in LATER:
            raise LaterError(f"run.{name} comes with a later version of Kiseki")
        raise AttributeError(f"a run has no attribute {name!r}")

    def __reduce__(self) -> tuple[Callable[..., Run], tuple[Any, ...]]:
        settings = copy.copy(self._settings)
        settings.stop_fn = None
        with self._stream.lock:
            state = copy.deepcopy(self._rows.fold())
            home = Home(self._pid, state, self._place, self._runtime_before_us)
            opening = self._stream.opening
        allow = self._config._allow_val_change
        return attached, (settings, self._folder.path, opening, allow, home)

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def __copy__(self) -> Run:
        return self

    def __repr__(self) -> str:
        return f"<kiseki.Run {self.path} {self.name!r}>"


def attached(settings: Settings, path: str, opening: Open, allow: bool, home: Home) -> Run:
    """Return the run that was pickled: the same object here, a copy in another process (T-02).

    The copy logs to the run by a stream of its own; only the process that began the run ends it.
    """
    key = opening.stream
    run = session.attached.get(key)
    if run is None:
        run = next(
            (active for active in session.runs if active._stream.opening.stream == key), None
        )
    if run is None:
        folder = RunFolder(path, opening.run)
        run = session.attached[key] = Run(session, settings, folder, opening, allow, home)
        session.run = session.run or run
    return run
