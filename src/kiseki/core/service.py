"""The composition of the use cases: what every door and every query is given."""

from __future__ import annotations

from dataclasses import dataclass

from kiseki.core.access import Access
from kiseki.core.folds import Folds
from kiseki.core.ingest import Ingest
from kiseki.core.jobs import Jobs
from kiseki.core.live import Live
from kiseki.core.projects import Projects
from kiseki.core.query.queries import Queries
from kiseki.core.runs import Runs
from kiseki.storage.interface import MetaStore, SeriesStore, Storage


@dataclass(frozen=True, slots=True)
class Core:
    """The use cases over one storage.

    Attributes:
        meta, series: the stores. Reading them directly is fine for queries; rights are checked by
            `projects.find` and `runs.find`, which everything that serves a person goes through.
        live: told of every change; feeds the events.
        folds: what the records of active runs say so far.
        queries: what charts, tables, histories and consoles show.
        url: address people reach the server at, without a slash at the end.
    """

    meta: MetaStore
    series: SeriesStore
    live: Live
    access: Access
    projects: Projects
    folds: Folds
    runs: Runs
    ingest: Ingest
    jobs: Jobs
    queries: Queries
    url: str

    def close(self) -> None:
        """Stop taking records, save what was folded, stop the jobs. The storage stays open."""
        self.ingest.close()
        self.jobs.close()
        self.folds.save_all(close=True)


def open_core(storage: Storage, url: str = "") -> Core:
    """Return the use cases over a storage, caught up with what it had committed but not folded."""
    meta, series = storage.meta, storage.series
    live = Live()
    projects = Projects(meta)
    folds = Folds(meta, series, live)
    folds.recover()
    ingest = Ingest(meta, series, projects, folds, live)
    jobs = Jobs(meta, series, folds)
    runs = Runs(meta, projects, folds)
    return Core(
        meta, series, live, Access(meta), projects, folds, runs, ingest, jobs,
        Queries(meta, series, runs), url,
    )  # fmt: skip
