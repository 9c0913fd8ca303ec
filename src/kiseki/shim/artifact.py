"""Artifacts for scripts that log some: their files are kept with the run, under `artifacts/<name>/`.

Versions, aliases and lineage come with artifacts proper; until then nothing that a script hands over is
lost, and a line says where it is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from kiseki.sdk import files
from kiseki.sdk.current import session
from kiseki.sdk.run import Run


class Artifact:
    """A named set of files, collected before it is logged.

    Args:
        name: folder below `artifacts/` of the run's files.
        type: kind, told but not used.
        description, metadata: kept as attributes.
    """

    def __init__(
        self,
        name: str,
        type: str = "unspecified",
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        **unused: Any,
    ) -> None:
        self.name = name
        self.type = type
        self.description = description
        self.metadata = metadata or {}
        self._paths: dict[str, str] = {}  # entry → file

    def add_file(self, local_path: Any, name: str | None = None, **unused: Any) -> None:
        """Add one file. Raises ValueError if there is none."""
        path = os.path.abspath(os.fspath(local_path))
        if not os.path.isfile(path):
            raise ValueError(f"{path} is no file")
        self._paths[name or os.path.basename(path)] = path

    def add_dir(self, local_path: Any, name: str | None = None, **unused: Any) -> None:
        """Add every file below a folder. Raises ValueError if there is none."""
        root = os.path.abspath(os.fspath(local_path))
        if not os.path.isdir(root):
            raise ValueError(f"{root} is no folder")
        for folder, _, names in os.walk(root):
            for file in names:
                path = os.path.join(folder, file)
                entry = os.path.relpath(path, root).replace(os.sep, "/")
                self._paths[f"{name}/{entry}" if name else entry] = path

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a new file of the artifact for writing."""
        text = None if "b" in mode else encoding or "utf-8"
        path = os.path.join(tempfile.mkdtemp(prefix="kiseki-artifact-"), os.path.basename(name))
        with open(path, mode, encoding=text) as file:
            yield file
        self._paths[name] = path

    def wait(self, timeout: float | None = None) -> Artifact:
        """Return at once: its files travel with the run's."""
        return self

    def keep(self, run: Run) -> None:
        """Put the files into a run."""
        for entry, path in self._paths.items():
            files.put(run, path, f"artifacts/{self.name}/{entry}", "now", is_copied=True)


def log_artifact(
    run: Run,
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Sequence[str] | None = None,
    **unused: Any,
) -> Artifact:
    """Keep an artifact, a file or a folder with the run; becomes `Run.log_artifact` under the shim."""
    artifact = artifact_or_path
    if not isinstance(artifact, Artifact):
        path = os.fspath(artifact)
        artifact = Artifact(name or f"run-{run.id}-{os.path.basename(path)}", type or "unspecified")
        (artifact.add_dir if os.path.isdir(path) else artifact.add_file)(path)
    artifact.keep(run)
    session.terminal.warn(
        f"the artifact {artifact.name!r} is kept with the run's files, under artifacts/{artifact.name}/; "
        "it has no versions yet",
        key=f"artifact {artifact.name}",
    )
    return artifact
