"""`kiseki ls`: projects, runs of a project, or local run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kiseki.cli import draw
from kiseki.cli.output import DONE, PARTLY, json_option, leave, print_json, tell


@click.command("ls")
@click.argument("where", required=False, metavar="[ENTITY/PROJECT|PATH]")
@click.option("--filter", "filters", default="", help="Filter text: state:running lr>=1e-4 tags:a")
@click.option(
    "--sort", "order", default="-created", show_default=True, help="Keys, `-` descending."
)
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1), help="Most runs shown."
)
@json_option
def command(where: str | None, filters: str, order: str, limit: int, as_json: bool) -> None:
    """List projects, runs of a project, or local run folders.

    Without an argument: the projects on the server. ENTITY/PROJECT: its runs. PATH: the run folders
    there (`kiseki ls .`); no server is asked.
    """
    if where is None:
        _projects(as_json)
    elif Path(where).exists() or where.startswith((".", "/", "~")):
        _folders(Path(where).expanduser(), as_json)
    else:
        _runs(where, filters, order, limit, as_json)


def _projects(as_json: bool) -> None:
    from dataclasses import asdict

    from kiseki.sdk.api import Api

    found = Api().projects()
    if as_json:
        print_json({"projects": [asdict(project) for project in found]})
    elif not found:
        click.echo("no projects yet")
    else:
        rows = [[p.path, str(p.runs), str(p.running), draw.moment(p.last_us)] for p in found]
        click.echo(draw.table(("project", "runs", "running", "last activity"), rows))


def _runs(path: str, filters: str, order: str, limit: int, as_json: bool) -> None:
    from itertools import islice

    from kiseki.sdk.api import Api

    runs = Api().runs(path, filters, order, per_page=min(limit, 200))
    shown = list(islice(runs, limit))
    matching = len(runs) if len(shown) == limit else len(shown)
    if as_json:
        fields = [
            "entity", "project", "id", "name", "state", "exit_code", "tags", "group", "user",
            "started_us", "runtime_us", "rows", "config", "summary",
        ]  # fmt: skip
        listed = [{field: getattr(run, field) for field in fields} for run in shown]
        print_json({"matching": matching, "runs": listed})
        return
    if not shown:
        click.echo("no runs match" if filters else "no runs yet")
        for one in runs.unknown_keys():
            meant = f"; did you mean {one['like']}?" if one["like"] else ""
            click.echo(f"no run has {one['key']}{meant}")
        return
    rows = [
        [run.id, run.name, run.state, f"{run.rows:,}", draw.duration(run.runtime_us),
         draw.moment(run.started_us), " ".join(run.tags)]
        for run in shown
    ]  # fmt: skip
    head = ("id", "name", "state", "rows", "runtime", "started", "tags")
    click.echo(draw.table(head, rows))
    if matching > len(shown):
        click.echo(f"… and {matching - len(shown):,} more (--limit)")


def _folders(path: Path, as_json: bool) -> None:
    from kiseki.cli.folders import need_runs
    from kiseki.errors import DataError
    from kiseki.sdk.reading import open_run

    listed: list[dict[str, Any]] = []
    unreadable: list[str] = []
    for folder in need_runs(path):
        try:
            run = open_run(folder)
        except (DataError, OSError) as error:
            unreadable.append(f"{folder}: {error}")
            continue
        listed.append(
            {
                "folder": str(folder), "id": run.id, "name": run.name, "entity": run.entity,
                "project": run.project, "state": run.state, "rows": run.rows,
                "started_us": run.started_us, "synced": _is_synced(folder),
                "damaged": bool(run.damage),
            }
        )  # fmt: skip
    if as_json:
        print_json({"runs": listed, "unreadable": unreadable})
    else:
        head = ("id", "name", "project", "state", "rows", "synced", "folder")
        rows = [
            [r["id"], r["name"], r["project"], r["state"] + (", damaged" if r["damaged"] else ""),
             f"{r['rows']:,}", "yes" if r["synced"] else "no", r["folder"]]
            for r in listed
        ]  # fmt: skip
        click.echo(draw.table(head, rows))
    for line in unreadable:
        tell(line)
    leave(PARTLY if unreadable else DONE)


def _is_synced(folder: Path) -> bool:
    from kiseki.uploader.progress import load_progress

    return load_progress(folder).synced
