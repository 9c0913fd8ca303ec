"""Addresses of pages, as they are printed and linked."""

from __future__ import annotations

from urllib.parse import quote


def project_url(base: str, entity: str, project: str) -> str:
    """Return the address of a project's page. `base` has no slash at the end."""
    return f"{base}/{quote(entity, safe='')}/{quote(project, safe='')}"


def run_url(base: str, entity: str, project: str, id: str) -> str:
    """Return the address of a run's page."""
    return f"{project_url(base, entity, project)}/runs/{quote(id, safe='')}"


def token_url(base: str, page: str, token: str) -> str:
    """Return the address of a page that is given a secret; what follows `#` is never sent to a server."""
    return f"{base}/{page}#token={token}"
