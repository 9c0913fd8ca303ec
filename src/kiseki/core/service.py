"""The composition of the use cases: what every door and every query is given."""

from __future__ import annotations

from dataclasses import dataclass

from kiseki.core.access import Access
from kiseki.core.artifact_sweep import ArtifactSweep
from kiseki.core.artifacts import Artifacts
from kiseki.core.edits import Edits
from kiseki.core.files import Files
from kiseki.core.folds import Folds
from kiseki.core.ingest import Ingest
from kiseki.core.jobs import Jobs
from kiseki.core.live import Live
from kiseki.core.people.accounts import Policy
from kiseki.core.people.passwords import Passwords
from kiseki.core.people.people import People, open_people
from kiseki.core.projects import Projects
from kiseki.core.query.exports import Exports
from kiseki.core.query.queries import Queries
from kiseki.core.runs import Runs
from kiseki.core.sweeps.sweeps import Sweeps
from kiseki.core.trash import Trash
from kiseki.core.views import Views
from kiseki.storage.interface import MetaStore, SeriesStore, Storage


@dataclass(frozen=True, slots=True)
class Core:
    """The use cases over one storage.

    Attributes:
        meta, series: the stores. Reading them directly is fine for queries; rights are checked by
            `projects.find` and `runs.find`, which everything that serves a person goes through.
        people: accounts, teams, keys, invites.
        live: told of every change; feeds the events.
        folds: what the records of active runs say so far.
        queries: what charts, tables, histories and consoles show.
        url: address people reach the server at, without a slash at the end.
    """

    meta: MetaStore
    series: SeriesStore
    live: Live
    access: Access
    people: People
    projects: Projects
    folds: Folds
    runs: Runs
    files: Files
    artifacts: Artifacts
    trash: Trash
    edits: Edits
    views: Views
    sweeps: Sweeps
    ingest: Ingest
    jobs: Jobs
    queries: Queries
    exports: Exports
    url: str

    def close(self) -> None:
        """Stop taking records, save what was folded, stop the jobs. The storage stays open."""
        self.ingest.close()
        self.jobs.close()
        self.folds.save_all(close=True)


def open_core(
    storage: Storage,
    url: str = "",
    policy: Policy | None = None,
    passwords: Passwords | None = None,
) -> Core:
    """Return the use cases over a storage, caught up with what it had committed but not folded.

    Args:
        policy: who may make an account.
        passwords: how passwords are hashed.
    """
    meta, series = storage.meta, storage.series
    live = Live()
    access = Access(meta)
    people = open_people(meta, access, policy or Policy(), passwords)
    projects = Projects(meta)
    folds = Folds(meta, series, live)
    folds.recover()
    ingest = Ingest(meta, series, projects, folds, live)
    runs = Runs(meta, projects, folds)
    files = Files(meta, storage.blobs, projects, runs, folds)
    artifacts = Artifacts(meta, storage.blobs, projects, runs, files, people.audit)
    sweep = ArtifactSweep(meta, artifacts.listings, people.audit)
    trash = Trash(meta, series, folds, files, people.audit, artifacts=sweep)
    queries = Queries(meta, series, runs)
    edits = Edits(meta, folds, live, trash, people.audit, queries)
    views = Views(meta, projects, live, people.audit)
    sweeps = Sweeps(meta, series, projects, runs, edits, live)
    jobs = Jobs(meta, series, folds, trash, views, sweeps)
    return Core(
        meta, series, live, access, people, projects, folds, runs, files, artifacts, trash, edits, views,
        sweeps, ingest, jobs, queries, Exports(meta, folds, queries), url,
    )  # fmt: skip
