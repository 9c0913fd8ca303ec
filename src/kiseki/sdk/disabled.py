"""The run that does nothing (X-01 … X-05): for tests, and for scripts that want no tracking today.

It looks like a run, its config and summary hold what they were given, and nothing it is called with
raises. No file, no process, no network.
"""

from __future__ import annotations

import contextlib
import copy
import time
from typing import Any

from kiseki.base import ids, run_names
from kiseki.base.clock import wall_us
from kiseki.errors import Error, UsageError
from kiseki.record.fold import RunState, apply
from kiseki.record.types import Record, Row
from kiseki.sdk.config import Config, pairs_of
from kiseki.sdk.current import Session
from kiseki.sdk.metrics import DefinedMetric, metric_record
from kiseki.sdk.run import LATER, Run
from kiseki.sdk.settings import Settings
from kiseki.sdk.summary import Summary
from kiseki.sdk.tags import Tags
from kiseki.sdk.upload_status import RunStatus
from kiseki.sdk.values import Normaliser

_WRONG = (UsageError, Error, NotImplementedError, TypeError, ValueError)


class Nothing:
    """Answers every call and attribute with itself: `run.log_artifact(…).wait().name` is harmless."""

    def __call__(self, *args: Any, **kwargs: Any) -> Nothing:
        return self

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Any:
        return iter(())


class DisabledRun(Run):
    """A run of `mode="disabled"`."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        project: Any,
        id: Any,
        name: Any,
        notes: Any,
        tags: Any,
        config: Any,
        group: Any,
        job_type: Any,
    ) -> None:
        self._session = session
        self._settings = settings
        self._has_ended = False
        self._started_us = wall_us()
        self._started_s = time.monotonic()
        self._next = 0
        self._state = RunState(
            id=_text(id) or ids.run_id(),
            project=_text(project) or "disabled",
            entity="disabled",
            name=_text(name) or run_names.run_name(),
            notes=_text(notes),
            group=_text(group),
            job_type=_text(job_type),
        )
        normaliser = Normaliser(
            lambda path, reason: None, text_of=str, media_of=lambda value: {"_type": value.kind}
        )
        self._normaliser = normaliser
        self._config = Config(lambda record: None, allow_val_change=True)
        self._summary = Summary(
            lambda: self._state.summary, self._apply, normaliser, lambda data, keys: dict(data)
        )
        self.tags = tags or ()
        with contextlib.suppress(*_WRONG):
            self._config.update({} if config is None else pairs_of(config))

    def log(self, data: Any, step: Any = None, commit: Any = None) -> None:
        """Keep the last value of every key in the summary."""
        with contextlib.suppress(*_WRONG):
            values = self._normaliser.flat(data)
            at = step if isinstance(step, int) else self._next
            runtime_us = int((time.monotonic() - self._started_s) * 1e6)
            self._apply(Row(tuple(values), at, wall_us(), runtime_us, list(values.values())))
            if commit is not False:
                self._next = max(self._next, at + 1)

    def log_at(self, data: Any, step: Any = None, timestamp: Any = None) -> None:
        """Keep the last value of every key in the summary."""
        self.log(data, step)

    def before_finish(self, call: Any) -> None:
        """Do nothing."""

    def save(self, *args: Any, **kwargs: Any) -> list[str]:
        """Save nothing."""
        return []

    def restore(self, *args: Any, **kwargs: Any) -> None:
        """Fetch nothing."""

    def log_code(self, *args: Any, **kwargs: Any) -> None:
        """Store nothing."""

    def write_logs(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""

    def status(self) -> RunStatus:
        """Return that nothing is written and nothing waits."""
        return RunStatus(0, 0, None)

    def watch(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def unwatch(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def display(self, *args: Any, **kwargs: Any) -> bool:
        """Show nothing."""
        return False

    def to_html(self, *args: Any, **kwargs: Any) -> str:
        """Return a card with its name."""
        from kiseki.sdk import display

        return display.page(display.Card(self.name, "disabled"))

    def define_metric(self, name: Any, *args: Any, **kwargs: Any) -> DefinedMetric:
        """Apply it to the summary."""
        with contextlib.suppress(*_WRONG):
            self._apply(metric_record(name, *args, **kwargs))
        return DefinedMetric(str(name))

    def alert(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def mark_preempting(self) -> None:
        """Do nothing."""

    def finish(self, *args: Any, **kwargs: Any) -> None:
        """End it: it is no longer the active run."""
        self._end(0, True)

    def finish_at_exit(self, exit_code: int) -> None:
        """End it."""
        self._end(exit_code, True)

    def after_fork(self) -> None:
        """Do nothing."""

    @property
    def entity(self) -> str:
        return self._state.entity

    @property
    def name(self) -> str:
        return self._state.name

    @name.setter
    def name(self, name: Any) -> None:
        self._state.name = _text(name)

    @property
    def notes(self) -> str:
        return self._state.notes

    @notes.setter
    def notes(self, notes: Any) -> None:
        self._state.notes = _text(notes)

    @property
    def tags(self) -> Tags:
        return Tags(self._state.tags)

    @tags.setter
    def tags(self, tags: Any) -> None:
        found = [tags] if isinstance(tags, str) else tags
        with contextlib.suppress(TypeError):
            self._state.tags = [str(tag) for tag in found]

    @property
    def dir(self) -> str:
        import tempfile

        return tempfile.gettempdir()

    @property
    def sync_dir(self) -> str:
        import tempfile

        return tempfile.gettempdir()

    @property
    def step(self) -> int:
        return self._next

    @property
    def starting_step(self) -> int:
        return 0

    @property
    def resumed(self) -> bool:
        return False

    @property
    def offline(self) -> bool:
        return False

    @property
    def disabled(self) -> bool:
        return True

    @property
    def mode(self) -> str:
        return "disabled"

    @property
    def url(self) -> str | None:
        return None

    @property
    def project_url(self) -> str | None:
        return None

    @property
    def settings(self) -> Settings:
        return copy.copy(self._settings)

    def _apply(self, record: Record | Row) -> None:
        apply(self._state, record)

    def _end(self, exit_code: int, quiet: bool) -> None:
        self._has_ended = True
        self._session.deactivate(self)

    def __getattr__(self, name: str) -> Any:
        if name in LATER:
            return Nothing()
        raise AttributeError(f"a run has no attribute {name!r}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
