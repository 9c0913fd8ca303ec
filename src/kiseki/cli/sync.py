"""`kiseki sync`: upload run folders by hand; safe to repeat, safe while the run is live (K-03)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kiseki.cli.output import (
    DONE,
    FAILED,
    NOTHING,
    PARTLY,
    USAGE,
    Failure,
    json_option,
    leave,
    print_json,
    progress,
    tell,
)

if TYPE_CHECKING:
    from kiseki.client.credentials import Target
    from kiseki.uploader.sync import SyncResult


@click.command("sync")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--host", metavar="URL", help="Server. Default: the one the run was meant for.")
@click.option("--id", "run_id", metavar="ID", help="Upload as this run (one PATH only).")
@click.option("--project", metavar="NAME", help="Upload into this project.")
@click.option("--entity", metavar="NAME", help="Upload for this entity.")
@click.option(
    "--detach", is_flag=True, help="Upload as a run of its own, whatever it resumes or forks."
)
@click.option("--include-synced", is_flag=True, help="Check runs again that are on the server.")
@click.option(
    "-n", "--dry-run", is_flag=True, help="Say what would be uploaded, and upload nothing."
)
@json_option
def command(
    paths: tuple[Path, ...],
    host: str | None,
    run_id: str | None,
    project: str | None,
    entity: str | None,
    detach: bool,
    include_synced: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Upload run folders.

    PATH is a run folder, a journal file, or a folder with run folders in it, which are uploaded in the order
    of their start. Without PATH the runs that wait for a server are listed. Repeating is safe: the server
    skips what it has. With --id, --project, --entity or --detach a copy is uploaded; the folder stays as it
    is.

    Exits with 0 if every record is on the server, 1 if nothing could be uploaded, 3 if a part could not:
    it is named, and everything else is uploaded.
    """
    if not paths:
        _list_waiting(as_json)
        leave(DONE)
    folders = _folders(paths)
    if run_id and len(folders) > 1:
        raise Failure(
            f"--id names one run, but {len(folders)} run folders are given", NOTHING, status=USAGE
        )
    waiting = [folder for folder in folders if include_synced or not _is_synced(folder)]
    skipped = [folder for folder in folders if folder not in waiting]
    if dry_run:
        _say_plan(waiting, skipped, as_json)
        leave(DONE)
    target = _target(host)
    address = {"run": run_id, "project": project, "entity": entity}
    overrides = {field: value for field, value in address.items() if value}
    from kiseki.uploader.sync import send_in_order

    results = send_in_order(waiting, lambda folder: _upload(folder, target, overrides, detach))
    for folder, result in () if as_json else results:
        _say(folder, result)
    if as_json:
        listed = [_document(folder, result) for folder, result in results]
        print_json({"runs": listed, "skipped": [str(folder) for folder in skipped]})
    elif skipped:
        tell(f"{len(skipped)} already on the server (--include-synced checks again)")
    leave(_status([result for _, result in results]))


def _folders(paths: tuple[Path, ...]) -> list[Path]:
    from kiseki.cli.folders import need_runs

    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(need_runs(path)))
    from kiseki.uploader.sync import oldest_first

    return oldest_first(found)


def _is_synced(folder: Path) -> bool:
    from kiseki.uploader.progress import load_progress

    return load_progress(folder).synced


def _target(host: str | None) -> Target | None:
    from kiseki.client.credentials import resolve

    # A server named now, also in the environment, is meant; else the one each run was made for.
    named = host or os.environ.get("KISEKI_BASE_URL")
    return resolve(named) if named else None


def _upload(
    folder: Path, target: Target | None, overrides: dict[str, str], detach: bool
) -> SyncResult:
    from kiseki.errors import DataError, UsageError
    from kiseki.uploader.sync import SyncResult, sync_folder

    def show(acked: int, total: int) -> None:
        progress(f"{folder.name}: {acked:,} of {total:,} records")

    try:
        if overrides or detach:
            from kiseki.uploader.rehome import sync_as

            result = sync_as(folder, overrides, target, show, detach)
        else:
            result = sync_folder(folder, target, show)
    except (DataError, UsageError, OSError) as error:
        result = SyncResult(folder, pending=1, error=str(error))
    progress("")
    return result


def _say(folder: Path, result: SyncResult) -> None:
    from kiseki.uploader.messages import DAMAGED, REJECTED

    if result.error:
        tell(f"{folder}: {result.error}")
        tell(
            f"{result.sent:,} records were sent now; {result.pending:,} are not on the server yet."
        )
        if result.files_pending:
            tell(f"{result.files_pending:,} files are not on the server yet.")
        tell(f"nothing is lost: all of it stays in {folder}")
        tell(result.hint or f"to try again: kiseki sync {folder}")
    else:
        sent = f"{result.sent:,} records sent" if result.sent else "nothing to send"
        if result.files:
            sent += f" with {result.files:,} file{'s' * (result.files > 1)}"
        click.echo(f"{folder}: {sent}, all are on the server {result.url}".rstrip())
    if result.rejected:
        tell(
            f"{folder}: the server refused {result.rejected:,} records; they are in "
            f"{folder / 'rejected.jsonl'}. [{REJECTED}]"
        )
    for path, damage in result.damage:
        tell(f"{path}: bytes {damage.start:,} to {damage.end:,}: {damage.reason}. [{DAMAGED}]")
    if result.lost:
        tell(f"{folder}: {result.lost:,} records are missing from the journal. [{DAMAGED}]")


def _document(folder: Path, result: SyncResult) -> dict[str, Any]:
    return {
        "folder": str(folder), "run": result.run, "url": result.url, "sent": result.sent,
        "total": result.total, "pending": result.pending, "already": result.already,
        "files": result.files, "files_pending": result.files_pending, "rejected": result.rejected,
        "lost": result.lost, "error": result.error,
        "hint": result.hint,
        "complete": result.is_complete,
        "damage": [
            {"file": str(path), "start": damage.start, "end": damage.end, "reason": damage.reason}
            for path, damage in result.damage
        ],
    }  # fmt: skip


def _status(results: list[SyncResult]) -> int:
    if all(result.is_complete and not result.error for result in results):
        return DONE
    has_changed = any(result.sent or not result.pending for result in results)
    return PARTLY if has_changed else FAILED


def _list_waiting(as_json: bool) -> None:
    from kiseki.client import registry

    entries = registry.entries()
    if as_json:
        print_json({"waiting": [entry._asdict() for entry in entries]})
    elif not entries:
        click.echo("no run waits for a server")
    else:
        folders = dict.fromkeys(entry.folder for entry in entries)
        click.echo(f"{len(folders)} waiting; to upload:")
        for folder in folders:
            click.echo(f"  kiseki sync {folder}")


def _say_plan(waiting: list[Path], skipped: list[Path], as_json: bool) -> None:
    if as_json:
        print_json({"would_sync": list(map(str, waiting)), "skipped": list(map(str, skipped))})
        return
    for folder in waiting:
        click.echo(f"would upload {folder}")
    for folder in skipped:
        click.echo(f"is on the server: {folder}")
