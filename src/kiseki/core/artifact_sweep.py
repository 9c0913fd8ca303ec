"""Versions whose time to live has passed are deleted; content that no version lists leaves the disk.

    deleted ──── 7 days ────► its project is swept: what no version lists any more goes to the trash's list of
    (by hand, by its TTL,        contents to look at (`unnamed`), which drops what no run's file is either
     or begun and left)          └─► the version keeps nothing but its number

Every version that was not deleted, or only lately, holds what its list of files says; so does every upload:
content that somebody brought, or was told is here already, is not looked at for 7 days after that. Each step
is one transaction whose repetition changes nothing, and what is to be done stands in the store: a server that
is killed at any instant goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from kiseki.base.clock import wall_us
from kiseki.core.manifests import Listings, md5_of
from kiseki.core.people.audit import Audit
from kiseki.errors import PublicError
from kiseki.storage.interface import MetaStore

log = logging.getLogger(__name__)

KEPT_US = 7 * 24 * 3600 * 1_000_000  # how long what is deleted, or was told of, holds its content
STEP = 100  # versions looked up at a time
CONTENTS_STEP = 1_000


class ArtifactSweep:
    """What is done of artifacts in the background; one thread runs it."""

    def __init__(
        self,
        meta: MetaStore,
        listings: Listings,
        audit: Audit,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._listings = listings
        self._audit = audit
        self._now_us = now_us

    def steps(self) -> Iterator[None]:
        """Do all that is due; whoever iterates may stop after any step."""
        now = self._now_us()
        while expired := self._meta.expired_artifacts(now, STEP):
            for number in expired:
                self._expire(number, now)
                yield
        while left := self._meta.abandoned_artifacts(now - KEPT_US, STEP):
            for number in left:
                self._meta.delete_artifact(number, now)
                yield
        for project, numbers in self._meta.unswept_artifacts(now - KEPT_US).items():
            yield from self._sweep(project, numbers, now - KEPT_US)

    def _expire(self, number: int, now_us: int) -> None:
        found = self._meta.artifact(number)
        self._meta.delete_artifact(number, now_us)
        if found is not None:
            own = found.collection
            path = f"{own.entity}/{own.project_name}/artifacts/{own.name}:v{found.version}"
            self._audit.note("", "artifact-expired", path, "ttl")

    def _sweep(self, project: int, numbers: Sequence[int], before_us: int) -> Iterator[None]:
        held: set[bytes] = set()
        try:
            for sha256 in self._meta.artifact_listings(project, before_us):
                for entry in self._listings.of(sha256).values():
                    if entry.ref is None:
                        held.add(md5_of(entry.digest))
                yield
        except PublicError as error:
            # What a version holds is not known: nothing may go.
            log.error("artifacts of project %d are not swept: %s", project, error)
            return
        after = b""
        while some := self._meta.untold_contents(project, before_us, after, CONTENTS_STEP):
            after = some[-1]
            gone = [digest for digest in some if digest not in held]
            if gone:
                self._meta.forget_contents(project, gone, before_us)
            yield
        self._meta.blank_artifacts(project, numbers)
        yield
