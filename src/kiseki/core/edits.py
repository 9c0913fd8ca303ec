"""What people change of runs: one, or as many as a filter finds, taken back if they say so.

A change holds until the script says something else than it had said before (`record/fold.py`). Tags are added
and removed one by one, so that two people do not undo each other's. Many runs are changed in small
transactions, and who watches is told once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import zstandard

from kiseki.base.clock import wall_us
from kiseki.core.changes import EVERY_PART
from kiseki.core.folds import Folds
from kiseki.core.limits import NAME_CHARS_MAX, TAG_CHARS_MAX, TEXT_CHARS_MAX
from kiseki.core.live import Live
from kiseki.core.people.audit import Audit
from kiseki.core.query.queries import Queries
from kiseki.core.rights import Principal, check_can_delete
from kiseki.core.trash import Trash
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record.fold import ALIVE, EDITED_TEXTS, Edit
from kiseki.storage.interface import EditedRun, MetaStore, Project, Run

COLORS_MAX = 10_000
TAGS_MAX = 1_000  # added, removed or set at once
IDS_MAX = 10_000  # of runs that are named
RUNS_MAX = 100_000  # that a filter finds
STEP = 200  # runs in one transaction
SINGLY_MAX = 100  # runs that who watches is told of one by one
UNDO_US = 24 * 3600 * 1_000_000
UNDOS_MAX = 20  # of one person


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to change; None and empty: not that."""

    edit: Edit = Edit()
    color: int | None = None


class _Inverse(msgspec.Struct, frozen=True, array_like=True):
    """What takes a change back of those runs of which it still holds.

    Attributes:
        now: what the change made of them.
        before: what it was.
    """

    runs: list[int]
    now: dict[str, Any]
    before: dict[str, Any]


class _Undo(msgspec.Struct, frozen=True):
    edits: list[_Inverse] = []
    deleted: list[int] = []


@dataclass(frozen=True, slots=True)
class Chosen:
    """Runs to change together: their numbers, and how they were chosen, for the audit log."""

    project: Project
    numbers: Sequence[int]
    how: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of the runs are different now, and the id of what takes that back ("": nothing does)."""

    matching: int
    changed: int
    undo: str


class Edits:
    """Changes runs. Thread-safe. Rights to write are checked before, those to delete here."""

    def __init__(
        self,
        meta: MetaStore,
        folds: Folds,
        live: Live,
        trash: Trash,
        audit: Audit,
        queries: Queries,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._folds = folds
        self._live = live
        self._trash = trash
        self._audit = audit
        self._queries = queries
        self._now_us = now_us

    # ── one ──

    def edit(self, run: Run, changes: Changes) -> None:
        """Change a run. Raises Invalid."""
        check(changes)
        for _ in self._changed([run.number], changes, is_told=True):
            pass

    def stop(self, run: Run) -> None:
        """Ask the script of a run to stop: its uploader hears it with the next answer."""
        now = self._now_us()
        self._meta.edit_run(run.number, {"stop_us": now})
        self._folds.stop(run.attempt, now)
        self._folds.tell_edited([run])

    # ── many ──

    def choose(
        self, project: Project, user: str, ids: Sequence[str] | None, filter: str | None
    ) -> Chosen:
        """Return the runs that are named, or that a filter finds.

        Raises:
            Invalid: both or none are given, too many.
            NotFound: one does not exist.
        """
        if (ids is None) == (filter is None):
            raise Invalid("give either `runs` or `filter`", code="runs")
        if ids is not None:
            return self._named(project, ids)
        found = self._queries.matching(project, filter=filter or "", user=user, limit=RUNS_MAX + 1)
        if len(found) > RUNS_MAX:
            raise Invalid(
                f"more than {RUNS_MAX:,} runs match; narrow the filter, and change the others after these",
                code="runs",
            )
        return Chosen(project, found, f"{len(found):,} runs that match {filter!r}")

    def _named(self, project: Project, ids: Sequence[str]) -> Chosen:
        if len(ids) > IDS_MAX:
            raise Invalid(f"{len(ids):,} runs; the limit is {IDS_MAX:,} by id", code="runs")
        wanted = list(dict.fromkeys(ids))
        found = self._meta.runs(project.number, wanted)
        if len(found) < len(wanted):
            known = {run.id for run in found}
            absent = next(id for id in wanted if id not in known)
            what = f"{project.entity}/{project.name}/{absent[:100]}"
            raise NotFound(f"run {what} does not exist; nothing was changed", code="absent")
        return Chosen(project, [run.number for run in found], f"{len(found):,} runs by id")

    def edit_many(self, who: Principal, chosen: Chosen, changes: Changes) -> Outcome:
        """Change runs in the same way. Raises Invalid."""
        check(changes)
        inverse: dict[bytes, _Inverse] = {}
        count = 0
        try:
            for before, after in self._changed(
                chosen.numbers, changes, is_told=self._is_few(chosen)
            ):
                count += 1
                now, was = _difference(before, after)
                key = msgspec.msgpack.encode((now, was))
                inverse.setdefault(key, _Inverse([], now, was)).runs.append(before.number)
        finally:  # also of what was done before the disk was full
            undo = self._keep(who, chosen.project, _Undo(list(inverse.values()))) if count else ""
            self._tell(chosen, count)
        return Outcome(len(chosen.numbers), count, undo)

    def stop_many(self, chosen: Chosen) -> Outcome:
        """Ask the scripts of those runs to stop that are running."""
        count = 0
        now = self._now_us()
        for some in _steps(chosen.numbers):
            alive = [run for run in self._meta.runs_by_number(some) if run.state in ALIVE]
            self._meta.edit_runs(
                [EditedRun(run.number, run.attempt, {"stop_us": now}) for run in alive]
            )
            for run in alive:
                self._folds.stop(run.attempt, now)
            if self._is_few(chosen):
                self._folds.tell_edited(alive)
            count += len(alive)
        self._tell(chosen, count)
        return Outcome(len(chosen.numbers), count, "")

    def delete_many(self, who: Principal, chosen: Chosen, expected: int | None = None) -> Outcome:
        """Put runs into the trash: all, or none.

        Raises:
            Conflict: code `more`: there are more than `expected`.
            Forbidden: one of them is somebody else's, and `who` no admin.
        """
        if expected is not None and len(chosen.numbers) > expected:
            raise Conflict(
                f"{len(chosen.numbers):,} runs match, and not {expected:,}; nothing was deleted",
                code="more", matching=len(chosen.numbers),
            )  # fmt: skip
        for some in _steps(chosen.numbers):
            for run in self._meta.runs_by_number(some):
                check_can_delete(who, run.entity, run.project_name, run.user, f"run {run.id}")
        gone: list[int] = []
        few = self._is_few(chosen)
        for some in _steps(chosen.numbers):
            runs = self._trash.delete(self._meta.runs_by_number(some), who.user.name, is_told=few)
            gone += [run.number for run in runs]
            if few:
                paths = [f"{run.entity}/{run.project_name}/{run.id}" for run in runs]
                self._audit.by_each(who, "run-deleted", paths)
        if not few:
            self._note(who, "runs-deleted", chosen, len(gone))
        undo = self._keep(who, chosen.project, _Undo(deleted=gone)) if gone else ""
        self._tell(chosen, len(gone))
        return Outcome(len(chosen.numbers), len(gone), undo)

    def undo(self, who: Principal, project: Project, id: str) -> Outcome:
        """Take a change back, but for what was changed again since.

        Raises:
            NotFound: it was taken back, is older than a day, or somebody else's.
        """
        data = self._meta.undo(id, project.number, who.user.number, self._now_us())
        if data is None:
            raise NotFound(
                "this change cannot be taken back any more: that works once, for 24 hours, for its maker",
                code="absent",
            )
        undo = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data), type=_Undo)
        numbers = [number for inverse in undo.edits for number in inverse.runs] + undo.deleted
        chosen = Chosen(project, numbers, f"{len(numbers):,} runs, taken back")
        few = self._is_few(chosen)
        count = 0
        for inverse in undo.edits:
            for some in _steps(inverse.runs):
                held = [
                    run.number
                    for run in self._meta.runs_by_number(some)
                    if _holds(run, inverse.now)
                ]
                changes = _taking_back(inverse)
                count += sum(1 for _ in self._changed(held, changes, is_told=few))
        for some in _steps(undo.deleted):
            runs = self._trash.restore(self._meta.runs_by_number(some, deleted=True), is_told=few)
            count += len(runs)
            if few:
                paths = [f"{run.entity}/{run.project_name}/{run.id}" for run in runs]
                self._audit.by_each(who, "run-restored", paths)
        if undo.deleted and not few:
            self._note(who, "runs-restored", chosen, count)
        self._meta.drop_undo(id)
        self._tell(chosen, count)
        return Outcome(len(numbers), count, "")

    # ── how ──

    def _changed(
        self, numbers: Sequence[int], changes: Changes, *, is_told: bool
    ) -> Iterator[tuple[Run, Run]]:
        """Change runs step by step; yield those that this changed, as they were and as they are."""
        for some in _steps(numbers):
            changed = {
                before.number: (before, after)
                for before, after in self._folds.edit(some, changes.edit)
            }
            if changes.color is not None:
                self._colour(some, changes.color, changed)
            if is_told:
                self._folds.tell_edited([after for _, after in changed.values()])
            yield from changed.values()

    def _colour(
        self, numbers: Sequence[int], color: int, changed: dict[int, tuple[Run, Run]]
    ) -> None:
        runs = [run for run in self._meta.runs_by_number(numbers) if run.color != color]
        self._meta.edit_runs([EditedRun(run.number, run.attempt, {"color": color}) for run in runs])
        for run in runs:
            before, after = changed.get(run.number, (run, run))
            changed[run.number] = before, replace(after, color=color)

    def _is_few(self, chosen: Chosen) -> bool:
        return len(chosen.numbers) <= SINGLY_MAX

    def _tell(self, chosen: Chosen, count: int) -> None:
        if count and not self._is_few(chosen):
            self._live.publish_every(chosen.project, EVERY_PART)

    def _keep(self, who: Principal, project: Project, undo: _Undo) -> str:
        id, now = secrets.token_urlsafe(16), self._now_us()
        data = zstandard.ZstdCompressor(3).compress(msgspec.msgpack.encode(undo))
        self._meta.add_undo(
            id, project.number, who.user.number, data,
            now_us=now, until_us=now + UNDO_US, keep=UNDOS_MAX,
        )  # fmt: skip
        return id

    def _note(self, who: Principal, action: Any, chosen: Chosen, count: int) -> None:
        project = f"{chosen.project.entity}/{chosen.project.name}"
        self._audit.by(who, action, f"{project}: {count:,} of {chosen.how}")


def _steps(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), STEP):
        yield numbers[start : start + STEP]


def _difference(before: Run, after: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is different now, and what it was; of tags those that were added, and removed."""
    now: dict[str, Any] = {}
    was: dict[str, Any] = {}
    for field in (*EDITED_TEXTS, "color"):
        if getattr(before, field) != getattr(after, field):
            now[field], was[field] = getattr(after, field), getattr(before, field)
    if added := [tag for tag in after.tags if tag not in before.tags]:
        was["tags_remove"] = added
    if removed := [tag for tag in before.tags if tag not in after.tags]:
        was["tags_add"] = removed
    return now, was


def _holds(run: Run, now: dict[str, Any]) -> bool:
    return all(getattr(run, field) == value for field, value in now.items())


def _taking_back(inverse: _Inverse) -> Changes:
    values = dict(inverse.before)
    color = values.pop("color", None)
    return Changes(Edit(**values), color)


def check(changes: Changes) -> None:
    """Raise Invalid for what a run cannot be called, tagged or coloured."""
    edit = changes.edit
    if edit.name is not None and not 0 < len(edit.name.strip()) <= NAME_CHARS_MAX:
        raise Invalid(f"a run's name has 1 to {NAME_CHARS_MAX} characters", code="name")
    for field in ("group", "job_type"):
        if len(getattr(edit, field) or "") > NAME_CHARS_MAX:
            raise Invalid(f"`{field}` has at most {NAME_CHARS_MAX} characters", code=field)
    if len(edit.notes or "") > TEXT_CHARS_MAX:
        raise Invalid(f"notes have at most {TEXT_CHARS_MAX:,} characters", code="notes")
    tags = [*(edit.tags or ()), *edit.tags_add, *edit.tags_remove]
    if len(tags) > TAGS_MAX:
        raise Invalid(f"{len(tags):,} tags; the limit is {TAGS_MAX:,} at once", code="tags")
    for tag in tags:
        if not 0 < len(tag) <= TAG_CHARS_MAX:
            raise Invalid(f"a tag has 1 to {TAG_CHARS_MAX} characters: {tag[:80]!r}", code="tags")
    if changes.color is not None and not 0 <= changes.color < COLORS_MAX:
        raise Invalid(f"a color is a number from 0 to {COLORS_MAX - 1}", code="color")
