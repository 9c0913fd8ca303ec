"""Artifacts on their way in; see `artifacts.py` for the whole way.

A version that was not committed is nobody's to see: a client that is killed leaves nothing behind.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kiseki.base.clock import wall_us
from kiseki.core.artifact_names import (
    check_alias,
    check_collection,
    check_many,
    check_tags,
    check_text,
)
from kiseki.core.files import Files
from kiseki.core.manifests import Listings, Measured, digest_of, md5_of
from kiseki.core.projects import Project, Projects
from kiseki.core.rights import Principal
from kiseki.core.runs import Runs
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.storage.artifacts import Artifact, Content, Manifest, NewArtifact, Part
from kiseki.storage.interface import MetaStore

TOLD_US = 24 * 3600 * 1_000_000  # that somebody was told of content is noted once a day


@dataclass(frozen=True, slots=True)
class Details:
    """What a new version is to be; see `NewArtifact`."""

    collection: str
    type: str
    digest: str
    run: str | None = None
    description: str = ""
    metadata: str = ""
    ttl_s: int | None = None
    step: int | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    client: str = ""
    sequence: str = ""
    shared: str = ""
    is_deduplicated: bool = True


class ArtifactUploads:
    """Takes new versions. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        projects: Projects,
        runs: Runs,
        files: Files,
        listings: Listings,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._projects = projects
        self._runs = runs
        self._files = files
        self._listings = listings
        self._now_us = now_us

    def begin(
        self, who: Principal, entity: str, project: str, details: Details
    ) -> tuple[Artifact, Artifact | None]:
        """Begin a version, or return the committed one that it equals; and the latest one there was.

        Raises:
            NotFound, Forbidden: the project, the run.
            Invalid, TooLarge: a name, alias, tag or text that is not allowed.
            Conflict: the collection is of another type, or a portfolio.
        """
        check_collection(details.collection)
        check_collection(details.type, "type")
        for alias in check_many(details.aliases):
            check_alias(alias)
        check_tags(details.tags)
        check_text("description", details.description)
        check_text("metadata", details.metadata)
        owner = self._projects.make(who, entity, project)
        run: int | None = None
        if details.run:
            place = (owner.entity, owner.name, details.run)
            run = self._runs.find(who, *place, "write", in_trash=True)[1].number
        new = NewArtifact(
            owner.number, details.collection, details.type, who.user.number, details.digest[:64],
            self._now_us(), run, details.description, details.metadata, details.ttl_s, details.step,
            tuple(details.aliases), tuple(details.tags), details.client[:256], details.sequence[:256],
            details.shared[:256], details.is_deduplicated,
        )  # fmt: skip
        return self._meta.begin_artifact(new)

    def pending(self, who: Principal, number: int) -> Artifact:
        """Return a version that somebody may bring files to. Raises NotFound, Forbidden."""
        found = self._meta.artifact(number)
        if found is None or found.state in ("deleted", "purged"):
            raise absent(number)
        owner = found.collection
        self._projects.find(who, owner.entity, owner.project_name, "write")
        return found

    def known(self, artifact: Artifact, digests: Sequence[str]) -> dict[str, Content]:
        """Return which contents, by base64 MD5, need not be brought."""
        plain = {md5_of(digest): digest for digest in digests}
        now = self._now_us()
        project = artifact.collection.project
        found = self._meta.tell_contents(project, list(plain), now, now - TOLD_US)
        return {plain[digest]: content for digest, content in found.items()}

    def keep(self, artifact: Artifact, reception: Measured, digest: str) -> str:
        """Keep content of a version that came; return its SHA-256.

        Raises:
            Invalid: code `digest`: it is not what was announced.
        """
        sha256, size = self._keep(artifact, reception, digest)
        content = Content(sha256, size, artifact.number)
        held = {md5_of(digest): content}
        self._meta.add_contents(artifact.collection.project, held, self._now_us())
        return sha256

    def keep_small(self, came: Sequence[tuple[Artifact, bytes, str]]) -> list[str | Invalid]:
        """Keep contents that came as a whole, each with its MD5 in base64; the disk is waited for once.

        Returns the SHA-256 of each, or for what is not what was announced the error `digest`. Raises
        StorageFull: none is kept.
        """
        answers: list[str | Invalid] = []
        kept: list[tuple[Artifact, bytes, bytes]] = []
        for artifact, data, digest in came:
            md5 = hashlib.md5(data, usedforsecurity=False).digest()
            if md5 != md5_of(digest):
                answers.append(_other(md5, digest))
                continue
            kept.append((artifact, md5, data))
            answers.append(hashlib.sha256(data).hexdigest())

        def note(digests: Sequence[str]) -> None:
            held: dict[int, dict[bytes, Content]] = {}
            for (artifact, md5, data), sha256 in zip(kept, digests, strict=True):
                project = held.setdefault(artifact.collection.project, {})
                project.setdefault(md5, Content(sha256, len(data), artifact.number))
            self._meta.hold_contents(held, self._now_us())

        self._files.keep_small([data for _, _, data in kept], note)
        return answers

    def add_manifest(
        self, artifact: Artifact, part: Part, base: int | None, digest: str
    ) -> Manifest:
        """Begin a manifest; the last one that comes is the version's."""
        return self._meta.add_manifest(artifact.number, part, base, digest[:64], self._now_us())

    def manifest_of(self, who: Principal, number: int) -> tuple[Artifact, Manifest]:
        """Return a manifest of a version that somebody may bring files to. Raises NotFound, Forbidden."""
        manifest = self._meta.manifest(number)
        if manifest is None:
            raise NotFound(f"there is no manifest {number}", code="absent")
        return self.pending(who, manifest.artifact), manifest

    def announce_manifest(self, manifest: Manifest, digest: str, base: int | None) -> None:
        """Note what a manifest will be."""
        self._meta.edit_manifest(manifest.number, {"digest": digest[:64], "base": base})

    def keep_manifest(self, artifact: Artifact, manifest: Manifest, reception: Measured) -> str:
        """Keep a manifest that came, as it is; return its SHA-256."""
        sha256, _ = self._keep(artifact, reception, manifest.digest)
        if artifact.state == "pending":
            self._meta.edit_manifest(manifest.number, {"sha256": sha256})
        return sha256

    def _keep(self, artifact: Artifact, reception: Measured, digest: str) -> tuple[str, int]:
        if reception.md5 != md5_of(digest):
            raise _other(reception.md5, digest)
        project = self._project(artifact)
        incoming = reception.reception.incoming
        sha256, size = incoming.digest, incoming.size
        self._files.keep(project, reception.reception, sha256)
        return sha256, size

    def commit(self, who: Principal, number: int) -> Artifact:
        """Make a version visible, once everything that it lists is here. Twice is once.

        Raises:
            Conflict: code `incomplete`: its manifest, or files of it, did not come.
        """
        artifact = self.pending(who, number)
        if artifact.state == "committed":
            return artifact
        came = [one for one in self._meta.manifests(number) if one.sha256]
        if not came:
            raise Conflict(
                f"{artifact.collection.name} cannot be committed: its list of files was not uploaded",
                code="incomplete",
            )
        last = came[-1]
        digest, sha256 = artifact.digest, last.sha256
        if last.part != "full":
            sha256 = self._merged(artifact, came)
            digest = digest_of(self._listings.of(sha256))
        entries = self._listings.of(sha256)
        owned = {entry.digest: entry for entry in entries.values() if entry.ref is None}
        missing = owned.keys() - self.known(artifact, list(owned)).keys()
        if missing:
            some = sorted(path for path, entry in entries.items() if entry.digest in missing)
            raise Conflict(
                f"{artifact.collection.name} cannot be committed: {len(some):,} of its files were not "
                f"uploaded, {some[0]!r} for one; log it again",
                code="incomplete",
            )
        size = sum(entry.size for entry in entries.values())
        return self._meta.commit_artifact(
            number, sha256, digest, size, len(entries), self._now_us()
        )

    def _merged(self, artifact: Artifact, came: Sequence[Manifest]) -> str:
        """Return the manifest that parts make together, each over the ones before, and over the base."""
        text: dict[str, Any] = {}
        contents: dict[str, Any] = {}
        base = next((one.base for one in came if one.part == "incremental" and one.base), None)
        under = self._meta.artifact(base) if base else None
        digests = [one.sha256 for one in came]
        if under is not None and under.collection.number == artifact.collection.number:
            digests.insert(0, under.manifest)
        for digest in digests:
            text = msgspec.json.decode(self._listings.text(digest))
            contents |= text["contents"]
        merged = msgspec.json.encode(text | {"contents": contents})
        project = self._project(artifact)
        [sha256] = self._files.keep_all(project, [merged])
        whole = self.add_manifest(artifact, "full", None, "")
        self._meta.edit_manifest(whole.number, {"sha256": sha256})
        return sha256

    def _project(self, artifact: Artifact) -> Project:
        owner = artifact.collection
        project = self._meta.project(owner.entity, owner.project_name)
        assert project is not None
        return project


def _other(md5: bytes, digest: str) -> Invalid:
    came = base64.b64encode(md5).decode()
    return Invalid(
        f"what came has the MD5 {came} and not {digest}, as was announced; the file may have changed "
        "while it was read: log it again",
        code="digest",
    )


def absent(number: int) -> NotFound:
    """Return the error for a version that is not there."""
    return NotFound(f"there is no artifact {number}", code="absent")
