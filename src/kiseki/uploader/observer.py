"""The uploader's own stream: the environment, system metrics, and how the writer ended."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kiseki.base.clock import monotonic_us, wall_us
from kiseki.base.ids import stream_id
from kiseki.base.redaction import redact_url
from kiseki.base.version import __version__
from kiseki.journal.reader import read_journal
from kiseki.journal.writer import JournalWriter
from kiseki.record.codec import encode, encode_row
from kiseki.record.types import End, Environment, File, Kind, Open, Record, Shape
from kiseki.uploader import environment
from kiseki.uploader.feed import first_open

FIRST_SAMPLE_S = 1.5
SAMPLE_S = 15.0
BEGIN_S = 0.5  # for the first line of the life line; there is none when run by hand
SYNC_S = 1.0  # what a power cut may cost of the writer's journal


class OwnStream:
    """Writes `uploader-<n>.kslog`. Safe for several threads."""

    def __init__(self, folder: Path, opened: Open) -> None:
        earlier = sorted(folder.glob("uploader-*.kslog"))
        self.path = folder / f"uploader-{len(earlier)}.kslog"
        while self.path.exists():
            self.path = folder / f"uploader-{int(self.path.stem[9:]) + 1}.kslog"
        self._next_step = 0
        self.has_environment = any(_count(path, Kind.ENVIRONMENT) for path in earlier)
        self._shapes: dict[tuple[str, ...], int] = {}
        self._lock = threading.Lock()
        stream = stream_id()
        try:
            self._journal = JournalWriter(self.path, stream)
        except OSError:  # a full disk takes the name of a file, but nothing into it
            with contextlib.suppress(OSError):
                self.path.unlink()
            raise
        record = Open(
            stream=stream,
            role="uploader",
            writer=opened.stream,
            run=opened.run,
            project=opened.project,
            entity=opened.entity,
            started_us=wall_us(),
            host=opened.host,
            pid=os.getpid(),
            sdk=f"kiseki {__version__}",
            label=opened.label,
            primary=opened.primary,
        )
        self.write(record)
        self.write(record)  # twice: one damage must not cost the stream

    def write(self, record: Record) -> None:
        """Append one record.

        Raises:
            OSError: disk full, or closed.
        """
        with self._lock:
            self._journal.append(record.kind, encode(record))

    def write_sample(self, values: Mapping[str, float], runtime_us: int) -> None:
        """Append one sample of system metrics; raises as `write`.

        Its step is the run time in milliseconds: a number of the sample would begin again where a run
        is resumed from another folder, and lay new samples over the old ones.
        """
        paths = tuple(values)
        with self._lock:
            shape = self._shapes.get(paths)
            if shape is None:
                shape = len(self._shapes)
                payload = encode(Shape(shape=shape, paths=list(paths)))
                self._journal.append(Kind.SHAPE, payload)
                self._journal.append(Kind.SHAPE, payload)
                self._shapes[paths] = shape
            step = max(self._next_step, runtime_us // 1000)
            row = encode_row(shape, step, wall_us(), runtime_us, list(values.values()))
            self._journal.append(Kind.SYSTEM, row)
            self._next_step = step + 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._journal.close()


def _count(path: Path, kind: Kind) -> int:
    try:
        with read_journal(path) as journal:
            return sum(frame.kind == kind for frame in journal)
    except OSError:
        return 0


class Observer:
    """A thread that captures the environment once and system metrics for as long as the run lasts.

    Args:
        folder: run folder.
        settings: what the SDK wrote to `settings.json`.
        on_over: called in the thread when it has written its last record.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], on_over: Callable[[], None] = lambda: None
    ) -> None:
        self.own: OwnStream | None = None
        self._search_path = sys.path
        self._has_begun = threading.Event()
        self.is_paused = threading.Event()
        self._on_over = on_over
        self._is_over = threading.Event()
        self._folder = folder
        self._settings = settings
        self._opened: Open | None = None
        self._started_us = monotonic_us()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kiseki-observer", daemon=True)
        self._synced_size = 0

    def begin(self, search_path: list[str]) -> None:
        """Know the `sys.path` of the training process, whose packages are listed."""
        self._search_path = search_path
        self._has_begun.set()

    def start(self, opened: Open) -> None:
        """Begin, once the writer's `Open` is known."""
        self._opened = opened
        self.own = OwnStream(self._folder, opened)
        # `_runtime` of samples counts from the start of the run, as that of rows does.
        before_us = int(self._settings.get("runtime_before_us") or 0)  # of earlier sessions (I-69)
        self._started_us = monotonic_us() - before_us - max(0, wall_us() - opened.started_us)
        self._thread.start()

    def end_samples(self) -> None:
        """Take no more samples; the thread ends when the environment is captured."""
        self._is_stopped.set()

    def is_over(self) -> bool:
        """Return whether nothing is captured any more, or never was."""
        return self._thread.ident is None or self._is_over.is_set()

    def close(self) -> None:
        """Take nothing more down. A capture that still goes on is lost."""
        self._is_stopped.set()
        if self.own is not None:
            self.own.close()

    def write(self, record: Record) -> None:
        """Append a record to the uploader's stream; raises OSError on a full disk, or before `start`."""
        if self.own is None:
            raise OSError("the uploader's stream is not open")
        self.own.write(record)

    def write_end(self, state: str, cause: str, exit_code: int | None) -> None:
        """Record that the writer is gone without having finished; raises OSError on a full disk."""
        if self.own is not None:
            self.own.write(End(state=state, cause=cause, time_us=wall_us(), exit_code=exit_code))

    def _run(self) -> None:
        try:
            assert self.own is not None
            if not self._settings.get("x_disable_meta") and not self.own.has_environment:
                with contextlib.suppress(OSError):  # a full disk: the rows matter more
                    self._describe()
            self._sample_for_ever()
        finally:
            self._is_over.set()
            self._on_over()

    def _describe(self) -> None:
        """Capture the environment in two records: what is there at once, then what takes longer."""
        assert self.own is not None
        files = self._folder / "files"
        files.mkdir(exist_ok=True)
        settings = self._settings
        about = environment.machine(settings)
        found: dict[str, str] = {}
        if settings.get("x_save_requirements", True):
            self._has_begun.wait(BEGIN_S)
            found = environment.packages(self._search_path)
            environment.write_requirements(files / "requirements.txt", found)
        self.own.write(Environment(values=about, packages=found))
        if found:
            self._name_file("requirements.txt")
        later: dict[str, Any] = {}
        if not settings.get("disable_git"):
            place = os.path.dirname(
                os.path.join(str(about["cwd"]), str(settings.get("program") or "x"))
            )
            with contextlib.suppress(OSError):
                os.nice(5)  # of this thread on Linux: training comes first
            about_git, diff = environment.git(settings.get("git_root") or place or ".")
            if commit := settings.get("git_commit"):
                about_git["commit"] = commit
            if remote := settings.get("git_remote_url"):
                about_git["remote"] = redact_url(remote)
            if about_git:
                later["git"] = about_git
            if diff and not settings.get("disable_code"):
                (files / "diff.patch").write_bytes(diff)
                self._name_file("diff.patch")
        if later:
            self.own.write(Environment(values=later))
        self._write_metadata({**about, **later})

    def _write_metadata(self, about: Mapping[str, Any]) -> None:
        path = self._folder / "files" / "wandb-metadata.json"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, path)
        self._name_file(path.name)

    def _name_file(self, name: str) -> None:
        assert self.own is not None
        self.own.write(File(path=name, policy="now", time_us=wall_us()))

    def _sample_for_ever(self) -> None:
        """Take samples, and ask once a second for the writer's journal to be put on the disk."""
        interval = float(self._settings.get("x_stats_sampling_interval") or SAMPLE_S)
        wants_samples = not self._settings.get("x_disable_stats")
        next_sample = monotonic_us() + int(min(FIRST_SAMPLE_S, interval) * 1e6)
        sampler = None
        while not self._is_stopped.wait(SYNC_S if not wants_samples else min(SYNC_S, interval)):
            self._sync_writer()
            if not wants_samples or monotonic_us() < next_sample or self.is_paused.is_set():
                continue
            next_sample = monotonic_us() + int(interval * 1e6)
            with contextlib.suppress(OSError):
                if sampler is None:
                    sampler = self._make_sampler()
                assert self.own is not None
                self.own.write_sample(sampler.sample(), monotonic_us() - self._started_us)

    def _make_sampler(self) -> Any:
        from kiseki.uploader.metrics import Sampler

        pid = int(self._settings.get("pid") or os.getppid())
        settings, pages = self._settings, None
        if endpoints := settings.get("x_stats_open_metrics_endpoints"):
            from kiseki.uploader.open_metrics import OpenMetrics

            pages = OpenMetrics(endpoints, settings.get("x_stats_open_metrics_filters"))
        disks = settings.get("x_stats_disk_paths") or ("/",)
        sampler = Sampler(pid, disks, settings.get("x_stats_gpu_device_ids"), pages)
        gpus = sampler.describe_gpus()
        if gpus and self.own is not None and not self.own.has_environment:
            self.own.write(Environment(values=gpus))
        return sampler

    def _sync_writer(self) -> None:
        for path in self._folder.glob("run-*.kslog"):
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                if size == self._synced_size:
                    continue
                fd = os.open(path, os.O_RDONLY)
                try:
                    getattr(os, "fdatasync", os.fsync)(fd)
                finally:
                    os.close(fd)
                self._synced_size = size


def find_open(folder: Path) -> Open | None:
    """Return the `Open` of a run folder's writer, None if none can be read (yet)."""
    # A forked child's journal has a longer name.
    for path in sorted(folder.glob("*.kslog"), key=lambda path: (len(path.name), path.name)):
        if path.name.startswith("uploader-"):
            continue
        with contextlib.suppress(OSError):
            opened = first_open(path)
            if opened is not None:
                return opened
    return None
