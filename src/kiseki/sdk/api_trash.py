"""Runs of a server that were deleted and can be restored."""

from __future__ import annotations

from typing import Any

from kiseki.client.http import Client

PAGE_RUNS = 1_000


class TrashedRun:
    """A deleted run. Times are Unix microseconds.

    Attributes:
        id: its id, which stays taken.
        name: its name.
        state: how it stood when it was deleted.
        deleted_us: when it was deleted…
        deleted_by: …and by which user.
        until_us: when it goes for good.
    """

    def __init__(self, client: Client, project_url: str, raw: dict[str, Any]) -> None:
        self._client = client
        self._project_url = project_url
        self.id: str = raw["id"]
        self.name: str = raw["name"]
        self.state: str = raw["state"]
        self.deleted_us: int = raw["deleted_us"]
        self.deleted_by: str = raw["deleted_by"]
        self.until_us: int = raw["until_us"]

    def __repr__(self) -> str:
        return f"<kiseki.TrashedRun {self.id} ({self.name})>"

    def restore(self) -> None:
        """Take the run out of the trash; `kiseki sync` then sends what it still has of it."""
        self._client.post_json(f"{self._project_url}/runs/restore", {"runs": [self.id]})


def trashed_runs(client: Client, project_url: str) -> list[TrashedRun]:
    """Return the runs in the trash of a project, deleted last first."""
    found: list[TrashedRun] = []
    while True:
        page = client.get_json(f"{project_url}/trash", {"offset": len(found), "limit": PAGE_RUNS})
        found += [TrashedRun(client, project_url, raw) for raw in page["runs"]]
        if not page["runs"] or len(found) >= page["total"]:
            return found
