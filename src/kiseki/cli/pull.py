"""`kiseki pull`: the files of a run onto this disk (K-05)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kiseki.cli.output import (
    DONE,
    PARTLY,
    USAGE,
    WRONG_USAGE,
    Failure,
    json_option,
    leave,
    print_json,
    progress,
    tell,
)


@click.command("pull")
@click.argument("run", metavar="ENTITY/PROJECT/ID")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder to write below. Default: a folder named as the run's id.",
)
@click.option("--only", multiple=True, metavar="GLOB", help="Only files that match; repeatable.")
@click.option("--replace", is_flag=True, help="Write over files that are there.")
@json_option
def command(
    run: str, root: Path | None, only: tuple[str, ...], replace: bool, as_json: bool
) -> None:
    """Download the files of a run.

    What is there already is left as it is. Exits with 3 if a file could not be downloaded: it is named, and
    all others are.
    """
    from kiseki.base.paths import is_ignored
    from kiseki.sdk.api import Api

    if "/" not in run:
        raise Failure(
            f"{run} is not of the form ENTITY/PROJECT/ID",
            WRONG_USAGE,
            todo="to list runs: kiseki ls ENTITY/PROJECT",
            status=USAGE,
        )
    with Api() as api:
        found = api.run(run)
        place = root or Path(found.id)
        files = [file for file in found.files() if not only or is_ignored(file.path, only)]
        results = [_pull(file, place, replace) for file in files]
    progress("")
    faults = [result for result in results if "error" in result]
    if as_json:
        print_json({"root": str(place), "files": results})
    else:
        size = sum(result["size"] for result in results if "error" not in result)
        click.echo(f"{len(results) - len(faults)} files ({size / 1e6:,.1f} MB) in {place}")
        for fault in faults:
            tell(f"{fault['path']}: {fault['error']}")
    leave(PARTLY if faults else DONE)


def _pull(file: Any, root: Path, replace: bool) -> dict[str, Any]:
    from kiseki.errors import Error

    said: dict[str, Any] = {"path": file.path, "size": file.size}
    if not file.is_stored:
        return {**said, "error": "it is not uploaded yet"}
    progress(f"{file.path} ({file.size / 1e6:,.1f} MB)")
    try:
        return {**said, "file": str(file.save_to(root, replace, exist_ok=True))}
    except (Error, OSError) as error:
        return {**said, "error": str(error)}
