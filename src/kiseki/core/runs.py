"""One run: found, read; and where its rows lie. What people change of it is in `edits.py`."""

from __future__ import annotations

from collections.abc import Sequence

from kiseki.core.folds import Folds
from kiseki.core.lineage import chain
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal, Verb
from kiseki.errors import NotFound
from kiseki.record.fold import RunState
from kiseki.storage.interface import (
    Attempt,
    Fork,
    MetaStore,
    Metric,
    Piece,
    Project,
    Range,
    Space,
)
from kiseki.storage.interface import Run as Run


class Runs:
    """Answers what a run is. Thread-safe."""

    def __init__(self, meta: MetaStore, projects: Projects, folds: Folds) -> None:
        self._meta = meta
        self._projects = projects
        self._folds = folds

    def find(
        self,
        who: Principal,
        entity: str,
        project: str,
        id: str,
        verb: Verb = "read",
        *,
        in_trash: bool = False,
    ) -> tuple[Project, Run]:
        """Return a run and its project, as fresh as the last commit. Raises NotFound, Forbidden.

        Args:
            in_trash: also one that was deleted and can be restored.
        """
        owner = self._projects.find(who, entity, project, verb)
        run = self._meta.run(owner.number, id)
        if run is None or run.purged_us or (run.deleted_us is not None and not in_trash):
            raise NotFound(f"run {entity}/{project}/{id} does not exist", code="absent")
        return owner, self._folds.fresh(run)

    def state(self, run: Run, ordinal: int | None = None) -> RunState:
        """Return a copy of everything that the records of an attempt say (None: of the latest).

        Raises:
            NotFound: there is no such attempt.
        """
        number = run.attempt if ordinal is None else self.attempt(run, ordinal).number
        return self._folds.state(number)

    def attempts(self, run: Run) -> list[Attempt]:
        """Return all attempts of a run, the first one first."""
        return [self._folds.fresh_attempt(attempt) for attempt in self._meta.attempts(run.number)]

    def attempt(self, run: Run, ordinal: int) -> Attempt:
        """Return the 1st, 2nd, … attempt of a run. Raises NotFound."""
        for attempt in self._meta.attempts(run.number):
            if attempt.ordinal == ordinal:
                return attempt
        raise NotFound(f"run {run.id} has no attempt {ordinal}", code="absent")

    def pieces(self, run: Run) -> list[Piece]:
        """Return what the history of a run is made of, oldest first, its own piece last."""
        return self._meta.lineage(run.history)

    def forks(self, run: Run) -> list[Fork]:
        """Return the runs that begin with rows of a run."""
        return self._meta.forks(run.number)

    def metrics(self, run: Run) -> list[Metric]:
        """Return what the latest attempt logged, in the order of first appearance."""
        return self._meta.run_metrics(run.attempt)

    def ranges(self, run: Run, space: Space, ordinal: int | None = None) -> list[Range]:
        """Return where the rows of a run lie, oldest first (None: of its latest attempt)."""
        if ordinal is None:
            return self.ranges_of([run], space)[0]
        attempt = self.attempt(run, ordinal)
        head = attempt.history if space == "history" else attempt.system
        return chain(head, self._meta.segments([head]))

    def ranges_of(self, runs: Sequence[Run], space: Space) -> list[list[Range]]:
        """Return the ranges of many runs' latest attempts, in the order of `runs`."""
        return self.ranges_from(
            [run.history if space == "history" else run.system for run in runs], space
        )

    def ranges_from(self, heads: Sequence[int], space: Space) -> list[list[Range]]:
        """Return the ranges of histories that end in these segments, in their order."""
        if space == "system":  # samples of the machine are never inherited
            return [[Range(head)] for head in heads]
        known = self._meta.segments(heads)
        return [chain(head, known) for head in heads]
