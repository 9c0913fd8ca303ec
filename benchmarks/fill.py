"""Make the projects that the budgets of the web app speak of, so that anyone can measure on the same data.

    python benchmarks/fill.py --data DIR [KIND …] [--scale 0.1]
    python benchmarks/fill.py --url http://127.0.0.1:7500 --key KEY table --runs 10000

| kind | full size |
|---|---|
| steps | 100 runs × 100,000 steps × 12 metrics |
| runs | 1,000 runs × 10,000 steps × 4 metrics |
| metrics | one run with 10,000 metrics, 100 steps |
| table | 100,000 runs without history, 8 summary values each |

Everything goes the way that records of an uploader go. `--data` (a folder no server uses; start one on it
afterwards) takes them in this process, which is several times as fast, and runs without history a thousand at
once (`_bulk.py`); `--url` sends them to a server. The same seed makes the same records; filling again what is
there already changes nothing. Each kind is a project `fill-KIND` unless `--project` says otherwise. The last
line is the summary as JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import _bulk
from _projects import SIZES, Made, Name, Plan, Size, make

from kiseki.base.clock import wall_us
from kiseki.storage.interface import Fold

if TYPE_CHECKING:
    from kiseki.storage.embedded.meta import EmbeddedMeta

T = TypeVar("T")

SENT_MAX = 16  # tasks whose receipts are waited for
RUNS_WITHOUT_ROWS = 1_000  # of one task
SENDERS = 4
PROGRESS_S = 1.0
PROGRESS_LOG_S = 10.0  # where nobody looks at a terminal
BUSY_S = 0.02

Send = Callable[[Made], Future[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where runs go: sent one by one; into a folder, those without history `store`d many at once."""

    send: Send
    entity: str = ""
    store: Callable[[Plan, list[tuple[str, Fold]]], int] | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made of one project, and in how many seconds."""

    kind: Name
    project: str
    runs: int
    rows: int
    points: int
    seconds: float


@contextmanager
def into_folder(data: Path, user: str) -> Iterator[Target]:
    """Take records into a data folder in this process, compacted at the end.

    Its first user is made if there is none, with the key `KISEKI_FIRST_KEY` if that is set.
    """
    from kiseki.core import access
    from kiseki.core.rights import SCOPES, Principal
    from kiseki.core.service import open_core
    from kiseki.errors import Busy
    from kiseki.storage.open import open_storage

    storage, lock = open_storage(data)
    try:
        key = os.environ.get("KISEKI_FIRST_KEY") or None
        first = access.ensure_first_user(storage.meta, user, key=key).user
        who = Principal(first, storage.meta.memberships(first.number), frozenset(SCOPES))
        core = open_core(storage)

        def submit(stream: str, body: bytes) -> Future[Any]:
            while True:
                try:
                    return core.ingest.submit(stream, body, who)
                except Busy:
                    time.sleep(BUSY_S)

        def send(made: Made) -> Future[None]:
            receipts = [submit(made.stream, body) for body in made.bodies]
            return _all(receipts)

        def store(plan: Plan, runs: list[tuple[str, Fold]]) -> int:
            project = storage.meta.make_project(first.name, plan.project, wall_us())
            meta = cast("EmbeddedMeta", storage.meta)
            return _bulk.store(meta, project, first.number, runs)

        core.jobs.start()
        try:
            yield Target(send, first.name, store)
        finally:
            core.close()
            while storage.series.compact(idle=True):
                pass
    finally:
        storage.close()
        lock.release()


def _all(receipts: list[Future[Any]]) -> Future[None]:
    """Return what is done when the last of some receipts of one stream is there."""
    whole: Future[None] = Future()

    def ended(last: Future[Any]) -> None:
        failed = next((error for one in receipts if (error := one.exception())), None)
        if failed is None:
            whole.set_result(None)
        else:
            whole.set_exception(failed)

    receipts[-1].add_done_callback(ended)  # a stream is committed in order
    return whole


@contextmanager
def to_server(url: str, key: str) -> Iterator[Target]:
    """Send records to a server, several streams at once."""
    import threading

    from kiseki.client.http import Client
    from kiseki.errors import ServerError

    own = threading.local()

    def send(made: Made) -> None:
        client = own.client = getattr(own, "client", None) or Client(url, key)
        for body in made.bodies:
            while True:
                try:
                    client.append(made.stream, body)
                    break
                except ServerError as error:
                    if error.status != 429:
                        raise
                    time.sleep(BUSY_S)

    with ThreadPoolExecutor(SENDERS, "fill") as senders:
        yield Target(lambda made: senders.submit(send, made))


class Progress:
    """One line on stderr that tells how far a project is."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.began = time.perf_counter()
        self.runs = 0
        self._shown = self.began
        self._is_terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def more(self, runs: int) -> None:
        self.runs += runs
        now = time.perf_counter()
        pause = PROGRESS_S if self._is_terminal else PROGRESS_LOG_S
        if now - self._shown >= pause:
            self._shown = now
            self._show("\r" if self._is_terminal else "", "" if self._is_terminal else "\n")

    def end(self) -> None:
        self._show("\r" if self._is_terminal else "", "\n")

    def _show(self, before: str, after: str) -> None:
        size, seconds = self.plan.size, self.seconds
        points = self.runs * size.steps * size.metrics
        speed = (
            f"{points / seconds:,.0f} points/s" if points else f"{self.runs / seconds:,.0f} runs/s"
        )
        text = f"{self.plan.project}: {self.runs:,} of {size.runs:,} runs, {speed}, {seconds:.0f} s"
        print(f"{before}{text:<78}", end=after, file=sys.stderr, flush=True)


def _make_some(plan: Plan, first: int, end: int) -> list[Made]:
    return [make(plan, number) for number in range(first, end)]


def _fold_some(plan: Plan, first: int, end: int, entity: str) -> list[tuple[str, Fold]]:
    return [_bulk.folded(plan, number, entity) for number in range(first, end)]


def fill(plan: Plan, target: Target, workers: int) -> Filled:
    """Make a project: worker processes (none: this one) encode, this one sends, both a bounded way ahead."""
    size = plan.size
    progress = Progress(plan)
    with ExitStack() as stack:
        pool = None
        if workers:
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=context))
        if target.store is not None and not size.steps:
            for runs in _ahead(pool, workers, plan, _fold_some, target.entity):
                target.store(plan, runs)
                progress.more(len(runs))
        else:
            sent: deque[list[Future[None]]] = deque()
            for some in _ahead(pool, workers, plan, _make_some):
                sent.append([target.send(made) for made in some])
                while len(sent) > SENT_MAX:
                    _settle(sent, progress)
            while sent:
                _settle(sent, progress)
    progress.end()
    rows = size.runs * size.steps
    return Filled(plan.name, plan.project, size.runs, rows, size.points, round(progress.seconds, 2))


def _ahead(
    pool: ProcessPoolExecutor | None, workers: int, plan: Plan, what: Callable[..., T], *more: Any
) -> Iterator[T]:
    """Yield what workers make of slices of a project, in order, a few of them made ahead."""
    runs = plan.size.runs
    each = 1 if plan.size.steps else RUNS_WITHOUT_ROWS
    making: deque[Future[T]] = deque()
    for start in range(0, runs, each):
        asked = (plan, start, min(start + each, runs), *more)
        if pool is None:
            yield what(*asked)
            continue
        making.append(pool.submit(what, *asked))
        if len(making) > workers * 2:
            yield making.popleft().result()
    while making:
        yield making.popleft().result()


def _settle(sent: deque[list[Future[None]]], progress: Progress) -> None:
    done = sent.popleft()
    for receipt in done:
        receipt.result()
    progress.more(len(done))


def plans(args: argparse.Namespace) -> list[Plan]:
    """Return the projects that the command line asks for."""
    kinds: list[Name] = args.kinds or list(SIZES)
    given = {name: value for name in ("runs", "steps", "metrics") if (value := getattr(args, name))}
    if (given or args.project) and len(kinds) != 1:
        raise SystemExit("--runs, --steps, --metrics and --project go with one KIND")
    found = []
    for kind in kinds:
        size: Size = replace(SIZES[kind].scaled(args.scale), **given)
        found.append(Plan(kind, size, args.seed, args.project or f"fill-{kind}"))
    return found


def parser() -> argparse.ArgumentParser:
    text = __doc__ or ""
    made = argparse.ArgumentParser(
        prog="fill.py", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("kinds", nargs="*", metavar="KIND", type=_kind, help="default: all")
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="a data folder that no server uses")
    where.add_argument("--url", help="a running server")
    made.add_argument("--key", default=os.environ.get("KISEKI_API_KEY", ""), help="with --url")
    made.add_argument("--user", default="ada", help="name of the first user of a new folder")
    made.add_argument("--project", default="", help="with one KIND")
    made.add_argument("--scale", type=float, default=1.0, help="times the runs (of one run: steps)")
    for name, what in (
        ("runs", "runs"),
        ("steps", "steps of each run"),
        ("metrics", "metrics of each run"),
    ):
        made.add_argument(f"--{name}", type=_positive, default=0, help=f"{what}; with one KIND")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--workers", type=_positive, default=max(1, (os.cpu_count() or 2) - 1))
    return made


def _kind(text: str) -> str:
    if text not in SIZES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(SIZES)}")
    return text


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("a positive number")
    return value


def main() -> None:
    args = parser().parse_args()
    wanted = plans(args)
    began = time.perf_counter()
    with ExitStack() as stack:
        opened = into_folder(args.data, args.user) if args.data else to_server(args.url, args.key)
        target = stack.enter_context(opened)
        filled = [fill(plan, target, args.workers) for plan in wanted]
    seconds = round(time.perf_counter() - began, 2)
    print(f"{'project':<16} {'runs':>9} {'rows':>12} {'points':>14} {'seconds':>9}")
    for one in filled:
        print(
            f"{one.project:<16} {one.runs:>9,} {one.rows:>12,} {one.points:>14,} {one.seconds:>9,.1f}"
        )
    # Until all is on disk and, of a folder, compacted.
    print(json.dumps({"seconds": seconds, "filled": [asdict(one) for one in filled]}))


if __name__ == "__main__":
    main()
