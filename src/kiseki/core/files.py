"""Files of runs: content comes in, is named by records, and goes out where it was brought.

    PUT blob ─► blob store, whole and durable ─► `blob` row: this project holds it ─► File record in a stream
                                                                                  └► fold: path → digest
A record may name any digest; what it names can be read only in a project that holds the content.

A run that was rewound or forked begins with rows of another attempt. The media that these rows show are among
its files, too; nothing is copied, they are looked up where they were named. Other files stay with the attempt
that saved them.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.base.paths import fault_of_name
from kiseki.core.folds import Folds
from kiseki.core.lineage import chain
from kiseki.core.projects import Project, Projects
from kiseki.core.rights import Principal
from kiseki.core.runs import Run, Runs
from kiseki.errors import Busy, Invalid, NotFound, TooLarge
from kiseki.record.fold import StoredFile
from kiseki.record.types import File
from kiseki.storage.blobs import BlobStore, Incoming, is_digest
from kiseki.storage.interface import MetaStore

FILE_BYTES_MAX = 50 * 10**9
RECEIVING_MAX = 32  # files on their way in at once: each takes some memory
MISSING_MAX = 1_000  # digests in one question
PROMISE_US = 24 * 3600 * 1_000_000  # a promise that content is there is noted once a day
UPLOADED = "now"  # policy of what was uploaded by hand
_MEDIA = re.compile(
    r"media/.*_([0-9]+)_[0-9a-f]{20}\.[^/]*", re.DOTALL
)  # as clients name them: the step


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run. `stored`: its content can be read; else it is named, and maybe on its way."""

    path: str
    policy: str
    size: int
    sha256: str
    time_us: int
    stored: bool


class Files:
    """Answers what files there are, takes and gives their content. Thread-safe."""

    def __init__(
        self, meta: MetaStore, blobs: BlobStore, projects: Projects, runs: Runs, folds: Folds
    ) -> None:
        self._meta = meta
        self._blobs = blobs
        self._projects = projects
        self._runs = runs
        self._folds = folds
        self._receiving = threading.BoundedSemaphore(RECEIVING_MAX)
        self._dropping = threading.Lock()  # held while content is deleted
        self._coming: Counter[str] = Counter()  # digests that projects are just being given

    # ── content in ──

    def missing(
        self, who: Principal, entity: str, project: str, digests: Sequence[str]
    ) -> list[str]:
        """Return those of the digests whose content the project does not hold, each once.

        Raises:
            NotFound, Forbidden: the project.
            Invalid: too many, or one that is no SHA-256.
        """
        if len(digests) > MISSING_MAX:
            raise Invalid(
                f"{len(digests):,} digests; the limit is {MISSING_MAX:,} in one question",
                code="digests",
            )
        for digest in digests:
            check_digest(digest)
        owner = self._projects.find(who, entity, project, "write")
        held = self._meta.blobs(owner.number, digests)
        if held:  # who is told so will name it, and does not bring it
            now = wall_us()
            self._meta.promise(owner.number, list(held), now, now - PROMISE_US)
        return [digest for digest in dict.fromkeys(digests) if digest not in held]

    def receive(self, size: int) -> Reception:
        """Begin to take content of `size` bytes (0 = unknown). The rights are checked by who asks.

        Raises:
            TooLarge: more than one file may have.
            Busy: too many are being taken.
            StorageFull: no room.
        """
        check_size(size)
        if not self._receiving.acquire(blocking=False):
            raise Busy("too many files are on their way in", code="busy", retry_after=1)
        try:
            incoming = self._blobs.receive(size)
        except BaseException:
            self._receiving.release()
            raise
        return Reception(incoming, self._receiving)

    def writable_project(self, who: Principal, entity: str, project: str) -> Project:
        """Return a project that files may be brought to. Raises NotFound, Forbidden."""
        return self._projects.find(who, entity, project, "write")

    def keep(self, project: Project, reception: Reception, digest: str) -> bool:
        """Let a project hold content that came, durably; return whether it is new there.

        Raises:
            Invalid: code `digest`: something else came.
        """
        with self._keeping([digest]):
            reception.incoming.keep(digest)
            size = reception.incoming.size
            return bool(self._meta.add_blobs(project.number, {digest: size}, wall_us()))

    def keep_all(self, project: Project, contents: Sequence[bytes]) -> list[str]:
        """Let a project hold several small contents, durably; return their digests. Raises StorageFull."""
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        with self._keeping(digests):
            self._blobs.keep_all(contents)
            sizes = {digest: len(data) for digest, data in zip(digests, contents, strict=True)}
            self._meta.add_blobs(project.number, sizes, wall_us())
        return digests

    def keep_small(self, contents: Sequence[bytes], note: Callable[[Sequence[str]], None]) -> None:
        """Keep several small contents, durably, and have it noted who holds them. Raises StorageFull.

        Args:
            note: is given their digests, and adds each to a project.
        """
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        with self._keeping(digests):
            self._blobs.keep_all(contents)
            note(digests)

    @contextmanager
    def _keeping(self, digests: Sequence[str]) -> Iterator[None]:
        """Let nobody drop contents between their coming and the note that a project holds them."""
        with self._dropping:
            self._coming.update(digests)
        try:
            yield
        finally:
            with self._dropping:
                self._coming.subtract(digests)
                self._coming += Counter()  # forgets zeros

    def drop_unheld(self, digest: str) -> None:
        """Delete content for good, unless a project holds it or is just being given it."""
        with self._dropping:
            if not self._coming[digest] and not self._meta.has_blob(digest):
                self._blobs.drop(digest)

    # ── files of a run ──

    def list(self, run: Run, ordinal: int | None = None) -> list[RunFile]:
        """Return the files of an attempt (None: of the latest), in the order they were named."""
        named = self._named(run, ordinal)
        digests = list({file.sha256 for file in named.values() if is_digest(file.sha256)})
        held = self._meta.blobs(run.project, digests) if digests else {}
        return [
            RunFile(
                path,
                file.policy,
                held.get(file.sha256, file.size),
                file.sha256,
                file.time_us,
                file.sha256 in held,
            )
            for path, file in named.items()
        ]

    def find(self, run: Run, path: str, ordinal: int | None = None) -> RunFile:
        """Return a file whose content can be read. Raises NotFound."""
        file = self._named(run, ordinal, path).get(path)
        if file is None:
            raise NotFound(f"run {run.id} has no file {path!r}", code="absent")
        held = self._meta.blobs(run.project, [file.sha256]) if is_digest(file.sha256) else {}
        if file.sha256 not in held:
            raise NotFound(f"{path!r} of run {run.id} is not uploaded yet", code="not-stored")
        size = held[file.sha256]
        return RunFile(path, file.policy, size, file.sha256, file.time_us, True)

    def read(self, file: RunFile, first: int = 0, behind: int | None = None) -> Iterator[bytes]:
        """Return the content of a file that `find` found, in pieces; close it to stop early."""
        return self._blobs.read(file.sha256, first, behind)

    def add(self, run: Run, path: str, digest: str, size: int) -> RunFile:
        """Name content that the run's project holds: a file of its latest attempt, put there by hand.

        Raises:
            Invalid: code `path`: no name for a file.
        """
        check_name(path)
        record = File(path=path, policy=UPLOADED, size=size, sha256=digest, time_us=wall_us())
        self._folds.note_file(run.attempt, record)
        return RunFile(path, record.policy, size, digest, record.time_us, True)

    def delete(self, run: Run, path: str) -> None:
        """Take a file away from the latest attempt of a run. Its content stays: others may name it."""
        if path not in self._folds.files(run.attempt):
            raise NotFound(f"run {run.id} has no file {path!r}", code="absent")
        self._folds.note_file(run.attempt, File(path=path, deleted=True))

    def _named(
        self, run: Run, ordinal: int | None, wanted: str | None = None
    ) -> dict[str, StoredFile]:
        """Return the files of an attempt, and the media of the rows it took over, by path.

        Args:
            wanted: the only path that matters, if there is one: what leads nowhere is not read.
        """
        attempt = run if ordinal is None else self._runs.attempt(run, ordinal)
        own = self._folds.files(run.attempt if ordinal is None else attempt.number)
        if wanted is not None and (wanted in own or not wanted.startswith("media/")):
            return own
        segments = self._meta.segments([attempt.history])
        taken: dict[str, StoredFile] = {}
        for span in chain(attempt.history, segments)[:-1]:
            theirs = self._folds.files(segments[span.segment].attempt)
            taken |= {path: theirs[path] for path in theirs if is_shown(path, span.hi)}
        return taken | own


class Reception:
    """Content on its way in; has one of the places for that until it is closed."""

    def __init__(self, incoming: Incoming, places: threading.Semaphore) -> None:
        self.incoming = incoming
        self._places: threading.Semaphore | None = places

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises TooLarge, StorageFull."""
        check_size(self.incoming.size + len(data))
        self.incoming.write(data)

    def close(self) -> None:
        """Forget what was not kept. May be called again."""
        self.incoming.discard()
        places, self._places = self._places, None
        if places is not None:
            places.release()


def check_digest(digest: str) -> None:
    """Raise Invalid for what is no SHA-256."""
    if not is_digest(digest):
        raise Invalid(
            f"a SHA-256 has 64 hexadecimal digits in lower case: {digest[:80]!r}", code="digest"
        )


def check_name(path: str) -> None:
    """Raise Invalid if no file may be named so (reliability 5.6)."""
    if fault := fault_of_name(path):
        raise Invalid(f"no file can be called {path[:200]!r}: {fault}", code="path")


def check_size(size: int) -> None:
    """Raise TooLarge for more than one file may have."""
    if size > FILE_BYTES_MAX:
        raise TooLarge(f"the file has {size:,} bytes or more; the limit is {FILE_BYTES_MAX:,}")


def is_shown(path: str, last_step: int | None) -> bool:
    """Return whether a row up to and with a step shows this file."""
    media = _MEDIA.fullmatch(path)
    return media is not None and (last_step is None or int(media.group(1)) <= last_step)
