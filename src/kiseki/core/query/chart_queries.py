"""Questions of charts: where the rows of runs lie, which groups there are, and the bucketed series."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.core.query import filters
from kiseki.core.query.chains import Chain, clipped
from kiseki.core.query.expressions import of_metric
from kiseki.core.query.grouping import MEAN, Look
from kiseki.core.query.kept import Lru
from kiseki.core.query.run_lists import BELIEVED_TIMES, GROUP_KEYS_MAX, SLOW_S, RunLists
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import Group, Groups, SeriesRequest
from kiseki.core.query.smoothing import PLAIN, Smoothing
from kiseki.core.runs import Runs
from kiseki.errors import Invalid, NotFound
from kiseki.storage.interface import GroupValue, MetaStore, Piece, Project, Run, SeriesStore, Space

CHART_RUNS_MAX = 5_000
CHART_GROUPS_MAX = 500
CHART_GROUP_RUNS_MAX = 20_000  # of all groups of a chart
GROUPED_RUNS_KEPT = 400_000  # their members
HEADS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class GroupsWanted:
    """Which groups a chart shows.

    Attributes:
        by: one to three keys, each spelled as in a sort.
        filter, sort: as of the list; groups come in the order of their first runs.
        values: only these groups, in this order; None: the first `limit`.
        exclude: ids of runs that are left out.
    """

    by: Sequence[str]
    filter: str = ""
    sort: str = ""
    values: Sequence[Sequence[GroupValue]] | None = None
    exclude: Sequence[str] = ()
    limit: int = 100
    look: Look = MEAN
    smoothing: Smoothing = PLAIN


class ChartQueries(RunLists):
    """Answers what charts draw. Thread-safe."""

    def __init__(self, meta: MetaStore, series: SeriesStore, runs: Runs) -> None:
        super().__init__(meta, series, runs)
        self.charts = Charts(series)
        self._inherited: Lru[int, int] = Lru(HEADS_KEPT)  # -1: nothing
        self._groupings: Lru[tuple[object, ...], tuple[str, Sequence[Group], float]] = Lru(
            GROUPED_RUNS_KEPT
        )

    def chains(
        self, project: Project, ids: Sequence[str], space: Space, attempt: int | None = None
    ) -> dict[str, Chain]:
        """Return where the rows of an attempt (None: the latest) lie; runs without it are left out."""
        if len(ids) > CHART_RUNS_MAX:
            raise Invalid(f"at most {CHART_RUNS_MAX:,} runs fit in one request", code="runs")
        return self._chains(project, ids, space, attempt)

    def _chains(
        self, project: Project, ids: Sequence[str], space: Space, attempt: int | None
    ) -> dict[str, Chain]:
        ids = list(dict.fromkeys(ids))
        if attempt is not None:
            return self._chains_of_attempt(self._meta.runs(project.number, ids), space, attempt)
        heads = self._meta.heads(project.number, ids, space)
        chains = self._runs.ranges_from(list(heads.values()), space)
        return {run: tuple(chain) for run, chain in zip(heads, chains, strict=True)}

    def _chains_of_attempt(
        self, runs: Sequence[Run], space: Space, attempt: int
    ) -> dict[str, Chain]:
        found = {}
        for run in runs:
            with contextlib.suppress(NotFound):
                found[run.id] = tuple(self._runs.ranges(run, space, attempt))
        return found

    def chart_groups(
        self,
        project: Project,
        wanted: GroupsWanted,
        space: Space,
        attempt: int | None = None,
        user: str = "",
    ) -> Groups:
        """Return the groups of all runs that match, whatever a page has loaded of them.

        Raises:
            Invalid: as `list_groups`; more runs than `CHART_GROUP_RUNS_MAX`.
        """
        wanted.smoothing.check()
        if not 1 <= wanted.limit <= CHART_GROUPS_MAX:
            raise Invalid(f"`limit` is a number from 1 to {CHART_GROUPS_MAX}", code="groups")
        if wanted.values is not None and len(wanted.values) > CHART_GROUPS_MAX:
            raise Invalid(f"at most {CHART_GROUPS_MAX} groups fit in one answer", code="groups")
        groups = self._grouping(project, wanted, user)
        if wanted.values is None:
            groups = groups[: wanted.limit]
        else:
            known = {_typed(group.values): group for group in groups}
            asked = dict.fromkeys(_typed(values) for values in wanted.values)
            groups = [known[values] for values in asked if values in known]
        gone = set(wanted.exclude)
        groups = [
            Group(group.values, tuple(run for run in group.members if run not in gone))
            for group in groups
        ]
        ids = list(dict.fromkeys(run for group in groups for run in group.members))
        if len(ids) > CHART_GROUP_RUNS_MAX:
            raise Invalid(
                f"these groups hold {len(ids):,} runs, and a chart computes at most "
                f"{CHART_GROUP_RUNS_MAX:,}: narrow the filter or ask for fewer groups",
                code="runs",
            )
        return Groups(
            groups, self._chains(project, ids, space, attempt), wanted.look, wanted.smoothing
        )

    def _grouping(self, project: Project, wanted: GroupsWanted, user: str) -> Sequence[Group]:
        """Return all groups under a filter. What took long is believed that much longer."""
        keys = filters.parse_keys(",".join(wanted.by), GROUP_KEYS_MAX)
        if not keys:
            raise Invalid("`by` names one to three keys", code="by")
        key = (project.number, tuple(keys), wanted.filter, wanted.sort, user)
        tag = self.list_tag(project, wanted.filter)
        began = time.monotonic()
        kept = self._groupings.get(key)
        if kept is not None and (kept[0] == tag or began < kept[2]):
            return kept[1]
        found = self._meta.group_runs(
            project.number, [self._meant(project, one) for one in keys], (),
            self._where(project, wanted.filter), self._order(project, wanted.sort),
            user=user, now_us=wall_us(), limit=CHART_GROUP_RUNS_MAX, members=CHART_GROUP_RUNS_MAX,
        )  # fmt: skip
        groups = [Group(group.values, group.members) for group in found.groups]
        took = time.monotonic() - began
        until = began + took * BELIEVED_TIMES if took > SLOW_S else began
        self._groupings.put(key, (tag, groups, until), found.matching + 1)
        return groups

    def constants(
        self, project: Project, metrics: Sequence[str], ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """Return the numbers that the expressions among metrics name of the config and summary of runs.

        Raises:
            Invalid: an expression cannot be read (`position`, `token`).
        """
        found = [of_metric(metric) for metric in metrics]
        names = list(
            dict.fromkeys(name for one in found if one is not None for name in one.constants)
        )
        if not names:
            return {}
        keys = [filters.key_of_text(name) for name in names]
        runs = self._meta.runs(project.number, ids)
        held = self._meta.values(project.number, [run.number for run in runs], keys)
        return {
            run.id: {
                name: float(value)
                for name, value in zip(names, values, strict=True)
                if isinstance(value, (bool, float))
            }
            for run, values in zip(runs, held, strict=True)
        }

    def origins(self, project: Project, ids: Sequence[str]) -> dict[str, float]:
        """Return when each run was first started, in Unix seconds."""
        found: dict[str, float] = {}
        for run in self._meta.runs(project.number, ids):
            started_us = run.started_us or run.created_us
            if run.ordinal > 1:  # a rewound run goes on with rows of the attempt before
                attempts = self._meta.attempts(run.number)
                started_us = min(
                    [started_us, *(one.started_us for one in attempts if one.started_us)]
                )
            found[run.id] = started_us / 1e6
        return found

    def inherited(self, chains: Mapping[str, Chain]) -> dict[str, int]:
        """Return up to which step runs began with rows of another run, of those that did."""
        found: dict[str, int] = {}
        for run, chain in chains.items():
            if len(chain) == 1:
                continue
            head = chain[-1].segment
            known = self._inherited.get(head)
            if known is None:
                known = _inherited(self._meta.lineage(head), run)
                self._inherited.put(head, known, 1)
            if known >= 0:
                found[run] = known
        return found

    def own_rows(self, chains: Mapping[str, Chain]) -> dict[str, Chain]:
        """Return where the rows lie that runs logged themselves, without those they were forked with."""
        inherited = self.inherited(chains)
        return {
            run: clipped(chain, inherited[run] + 1, None) if run in inherited else chain
            for run, chain in chains.items()
        }

    def chart_tag(self, project: Project, request: SeriesRequest) -> str:
        """Return what changes whenever the answer to a chart's request might."""
        return self.charts.tag(project.number, request)

    def chart(self, project: Project, request: SeriesRequest) -> bytes:
        """Return bucketed series. Raises Invalid."""
        return self.charts.answer(project.number, request)


def _typed(values: Sequence[GroupValue]) -> tuple[object, ...]:
    """Return values such that `True` is another than 1, and 1.0 is not."""
    return tuple((isinstance(value, bool), value) for value in values)


def _inherited(pieces: Sequence[Piece], run: str) -> int:
    """Return the last step that comes from another run, -1 for none. A rewound run's own rows are its own."""
    at = -1
    for before, piece in itertools.pairwise(pieces):
        if piece.parent_step is None:
            continue
        # Rewound behind a fork, a run keeps all that it inherited; before it, less.
        at = piece.parent_step if before.run_id != run else min(at, piece.parent_step)
    return at
