"""Addresses of pages, as they are printed and linked."""

from __future__ import annotations

from urllib.parse import quote


def project_url(base: str, entity: str, project: str) -> str:
    """Return the address of a project's page. `base` has no slash at the end."""
    return f"{base}/{quote(entity, safe='')}/{quote(project, safe='')}"


def run_url(base: str, entity: str, project: str, id: str) -> str:
    """Return the address of a run's page."""
    return f"{project_url(base, entity, project)}/runs/{quote(id, safe='')}"
