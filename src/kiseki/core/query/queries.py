"""What the doors ask. Rights are checked before: every method is given a project or run that may be read."""

from __future__ import annotations

from collections.abc import Sequence

from kiseki.core.query import history
from kiseki.core.query.chart_queries import ChartQueries
from kiseki.core.query.history import Page
from kiseki.core.query.kept import Lru
from kiseki.core.runs import Runs
from kiseki.errors import Invalid
from kiseki.storage.interface import Line, MetaStore, Run, SeriesStore, Space

LINES_MAX = 10_000
PAGES_BYTES_MAX = 16 * 1024 * 1024


class Queries(ChartQueries):
    """Answers questions about projects and runs: lists, charts, the rows and lines of one. Thread-safe."""

    def __init__(self, meta: MetaStore, series: SeriesStore, runs: Runs) -> None:
        super().__init__(meta, series, runs)
        # Of lists, as they were sent: several tabs ask for the same one after each event.
        self.pages: Lru[bytes, bytes] = Lru(PAGES_BYTES_MAX)

    def history(
        self,
        run: Run,
        *,
        space: Space = "history",
        attempt: int | None = None,
        keys: Sequence[str] = (),
        min_step: int | None = None,
        max_step: int | None = None,
        after: str = "",
        limit: int = 10_000,
        is_exact: bool = False,
    ) -> Page:
        """Return rows of a run; see `history.page`. Raises Invalid, NotFound."""
        chain = tuple(self._runs.ranges(run, space, attempt))
        return history.page(
            self._series, run.project, chain, keys=keys, min_step=min_step, max_step=max_step,
            after=after, limit=limit, is_exact=is_exact,
        )  # fmt: skip

    def console(
        self,
        run: Run,
        *,
        attempt: int | None = None,
        stream: str | None = None,
        label: str | None = None,
        after: int = -1,
        before: int | None = None,
        until_us: int | None = None,
        limit: int = 1_000,
        tail: bool = False,
        search: str | None = None,
    ) -> tuple[int, list[tuple[int, Line]]]:
        """Return how many lines there are (that match), and some of them with their index."""
        if not 1 <= limit <= LINES_MAX:
            raise Invalid(f"`limit` is a number from 1 to {LINES_MAX:,}", code="limit")
        segment = run.history
        if attempt is not None:
            segment = self._runs.attempt(run, attempt).history
        lines, total = self._series.lines(
            run.project, segment, stream=stream, label=label, after=after, before=before,
            until_us=until_us, limit=limit, tail=tail, search=search,
        )  # fmt: skip
        return total, lines

    def updates(self, run: Run, index: int, attempt: int | None = None) -> list[tuple[int, str]]:
        """Return what a console line said before, with the times; empty for a line written once."""
        segment = run.history if attempt is None else self._runs.attempt(run, attempt).history
        return self._series.updates(run.project, segment, index)
