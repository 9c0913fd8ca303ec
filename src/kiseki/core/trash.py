"""The trash: runs are deleted softly, restored for a week, then purged in small steps.

    delete ──► in the trash ── 7 days ──► purge: the run is blank, its id stays taken (I-21)
                  │ restore                 ├─► segments that nothing hangs on, their streams
                  ▼                         └─► content that no run and no artifact of the project names
               as it was

Records of a run in the trash are refused if whoever sends them keeps them: Kiseki's own uploader does, and
sends them once the run is restored. The official client keeps nothing, so what it sends is stored.

What is to be done stands in the meta store (runs that expired, segments of purged runs, `unnamed` contents),
and a step is done before its note goes away. So a server killed at any instant goes on where it was, and
every step may happen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from kiseki.base.clock import wall_us
from kiseki.core import saved
from kiseki.core.artifact_sweep import ArtifactSweep
from kiseki.core.files import Files, is_shown
from kiseki.core.folds import Folds
from kiseki.core.people.audit import Audit
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record.codec import encode_value
from kiseki.record.fold import StoredFile
from kiseki.storage.blobs import is_digest
from kiseki.storage.interface import Loose, MetaStore, Project, Run, SeriesStore

KEPT_US = 7 * 24 * 3600 * 1_000_000  # how long a run can be restored
RUNS_MAX = 1_000  # deleted or restored at once
PAGE_MAX = 1_000  # of the list
STEP = 100  # runs, segments, attempts looked up at a time


class Trash:
    """Deletes, restores and purges runs. Thread-safe, but for `purge`, which one thread runs."""

    def __init__(
        self,
        meta: MetaStore,
        series: SeriesStore,
        folds: Folds,
        files: Files,
        audit: Audit,
        now_us: Callable[[], int] = wall_us,
        artifacts: ArtifactSweep | None = None,
    ) -> None:
        self._artifacts = artifacts
        self._meta = meta
        self._series = series
        self._folds = folds
        self._files = files
        self._audit = audit
        self._now_us = now_us

    def find(self, project: Project, ids: Sequence[str]) -> list[Run]:
        """Return runs of a project, also those in the trash, each once.

        Raises:
            Invalid: too many.
            NotFound: one does not exist.
        """
        if len(ids) > RUNS_MAX:
            raise Invalid(f"{len(ids):,} runs; the limit is {RUNS_MAX:,} at once", code="runs")
        wanted = list(dict.fromkeys(ids))
        found = self._meta.runs(project.number, wanted, deleted=True)
        if len(found) < len(wanted):
            known = {run.id for run in found}
            absent = next(id for id in wanted if id not in known)
            what = f"{project.entity}/{project.name}/{absent}"
            raise NotFound(f"run {what} does not exist; nothing was changed", code="absent")
        return found

    def delete(self, runs: Sequence[Run], by: str, *, is_told: bool = True) -> list[Run]:
        """Put runs into the trash; return those that were not there. `by`: name of the user."""
        now = self._now_us()
        changed = _those(runs, self._meta.throw_away([run.number for run in runs], by, now))
        self._folds.delete(changed, is_told=is_told)
        return changed

    def restore(self, runs: Sequence[Run], *, is_told: bool = True) -> list[Run]:
        """Take runs out of the trash; return those that were there.

        Raises:
            Conflict: code `purged`: one was there for too long. Nothing is restored.
        """
        since = self._now_us() - KEPT_US
        for run in runs:
            if run.deleted_us is not None and (run.purged_us or run.deleted_us <= since):
                raise Conflict(
                    f"run {run.entity}/{run.project_name}/{run.id} was in the trash for more than 7 days and "
                    "cannot be restored; nothing was changed",
                    code="purged",
                )
        changed = _those(runs, self._meta.restore([run.number for run in runs], since))
        self._folds.reap()  # nobody looked whether they fell silent
        self._folds.restore(changed, is_told=is_told)
        return changed

    def list(self, project: Project, offset: int = 0, limit: int = 200) -> tuple[int, list[Run]]:
        """Return how many runs of a project are in the trash, and some of them, deleted last first."""
        return self._meta.trash(project.number, max(0, offset), max(0, min(limit, PAGE_MAX)))

    # ── for good ──

    def purge(self) -> Iterator[None]:
        """Purge what was in the trash for too long; whoever iterates may stop after any step."""
        before = self._now_us() - KEPT_US
        while expired := self._meta.expired(before, STEP):
            for run in expired:
                self._blank(run, before)
                yield
        while loose := self._meta.loose_segments(STEP):
            for gone in loose:
                self._drop(gone)
                yield
        if self._artifacts is not None:
            yield from self._artifacts.steps()
        for project, digests in self._meta.unnamed().items():
            yield from self._clear(project, digests, before)

    def _blank(self, run: Run, before_us: int) -> None:
        """Forget what a run is, but for what others hang on: its segments, and the media they show."""
        self._folds.forget(run)
        hung = self._meta.hung_on(run.number)
        files: dict[int, bytes] = {}
        digests: dict[str, None] = {}
        for attempt in self._meta.attempts(run.number):
            named = self._folds.files(attempt.number)
            digests |= dict.fromkeys(_digests(named))
            step = hung.get(attempt.number)
            shown = {} if step is None else {p: f for p, f in named.items() if is_shown(p, step)}
            if shown:
                files[attempt.number] = encode_value(shown)
        is_purged = self._meta.purge(run, before_us, self._now_us(), files, list(digests))
        self._folds.forget(
            run
        )  # a record that came meanwhile brought it back, as one that takes more
        if is_purged:
            path = f"{run.entity}/{run.project_name}/{run.id}"
            self._audit.note("", "run-purged", path, "trash")

    def _drop(self, gone: Loose) -> None:
        digests = _digests(self._folds.files(gone.attempt))
        self._series.drop(gone.project, [gone.segment], gone.streams)
        self._meta.drop_segment(gone, digests)

    def _clear(self, project: int, digests: Collection[str], before_us: int) -> Iterator[None]:
        """Drop contents that no run or artifact of a project names and nobody was told of lately."""
        left = set(digests)
        after = 0
        while left and (parts := self._meta.files_parts(project, after, STEP)):
            after = parts[-1][0]
            for _, part in parts:
                left.difference_update(_digests(saved.files(part)))
            yield
        left -= self._meta.artifact_blobs(project, sorted(left))
        self._meta.settle(project, [digest for digest in digests if digest not in left])
        gone = self._meta.drop_blobs(project, sorted(left), before_us)
        yield
        for digest in gone:
            self._files.drop_unheld(digest)
            yield
        self._meta.settle(project, gone)


def _digests(files: Mapping[str, StoredFile]) -> list[str]:
    return [file.sha256 for file in files.values() if is_digest(file.sha256)]


def _those(runs: Iterable[Run], numbers: Collection[int]) -> list[Run]:
    wanted = set(numbers)
    return [run for run in runs if run.number in wanted]
