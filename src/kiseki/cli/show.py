"""`kiseki show`: one run, from its folder or from a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kiseki.cli import draw
from kiseki.cli.output import (
    ABSENT,
    DONE,
    PARTLY,
    USAGE,
    Failure,
    json_option,
    leave,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from kiseki.sdk.api import ApiRun
    from kiseki.sdk.reading import StoredRun

METRICS_MAX = 24  # shown without --all
VALUES_MAX = 40
CELL_CHARS_MAX = 60


@click.command("show")
@click.argument("run", metavar="PATH|ENTITY/PROJECT/ID")
@click.option("--all", "show_all", is_flag=True, help="Show every value and every metric.")
@json_option
def command(run: str, show_all: bool, as_json: bool) -> None:
    """Show one run: state, config, summary, curves, damage.

    The run is a run folder or a journal file (running or not, torn or not, no server is asked), or
    ENTITY/PROJECT/ID on the server. Exits with 3 if a part could not be read.
    """
    found = _find(run)
    if as_json:
        print_json(document(found))
    else:
        click.echo("\n".join(_page(found, show_all)))
    if found.damage:
        if not as_json:
            tell(_damage(found))
        leave(PARTLY)
    leave(DONE)


def _find(run: str) -> StoredRun | ApiRun:
    path = Path(run)
    if path.exists() or run.startswith((".", "/", "~")) or run.endswith(".kslog"):
        from kiseki.sdk.reading import open_run

        return open_run(path.expanduser())
    if "/" not in run:
        raise Failure(
            f"{run} is neither a run folder nor ENTITY/PROJECT/ID",
            ABSENT,
            todo="to list runs: kiseki ls . (folders), kiseki ls ENTITY/PROJECT (server)",
            status=USAGE,
        )
    from kiseki.sdk.api import Api

    return Api().run(run)


def document(run: StoredRun | ApiRun) -> dict[str, Any]:
    """Return everything but the rows of a run, as plain values."""
    fields = (
        "id", "entity", "project", "name", "notes", "tags", "group", "job_type", "sweep_id", "state",
        "exit_code", "cause", "started_us", "runtime_us", "rows", "config", "summary", "metadata",
        "metrics", "packages", "notices",
    )  # fmt: skip
    said = {field: getattr(run, field) for field in fields}
    said["alerts"] = run.alerts()
    said["files"] = [{"path": path, "policy": policy} for path, policy in run.files()]
    said["artifacts"] = run.artifacts()
    said["damage"] = [
        dict(zip(("file", "start", "end", "reason"), part, strict=True)) for part in run.damage
    ]
    return said


def _page(run: StoredRun | ApiRun, show_all: bool) -> list[str]:
    lines = _heading(run)
    lines += _section("config", _pairs(run.config), show_all)
    summary = {key: value for key, value in run.summary.items() if not key.startswith("_")}
    lines += _section("summary", _pairs(summary), show_all)
    lines += _curves(run, show_all)
    for alert in run.alerts():
        level = click.style(alert["level"], fg="red" if alert["level"] == "ERROR" else "yellow")
        lines += ["", f"{level} {draw.clean(alert['title'])}: {draw.clean(alert['text'])}"]
    for note in run.notices:
        lines += ["", click.style(f"note: {draw.clean(note['text'])}", fg="yellow")]
    return lines


def _heading(run: StoredRun | ApiRun) -> list[str]:
    name = click.style(draw.clean(run.name or run.id), bold=True)
    exit_code = f" (exit code {run.exit_code})" if run.exit_code else ""
    facts = [f"{run.entity or '-'}/{run.project}/{run.id}"]
    facts += [f"group {run.group}"] if run.group else []
    facts += [run.job_type] if run.job_type else []
    facts += [f"#{tag}" for tag in run.tags]
    times = [f"started {draw.moment(run.started_us)}"] if run.started_us else []
    times += [draw.duration(run.runtime_us), f"{run.rows:,} rows"]
    lines = [f"{name}  {draw.state(run.state)}{exit_code}"]
    lines += [draw.clean(" · ".join(facts)), click.style(" · ".join(times), dim=True)]
    if run.cause:
        lines.append(f"ended: {draw.clean(run.cause)}")
    if run.notes:
        lines += ["", draw.clean(run.notes)]
    return lines


def _pairs(tree: dict[str, Any]) -> list[tuple[str, str]]:
    from kiseki.record import keypath

    return [(path, draw.clean(draw.number(value))) for path, value in keypath.flatten(tree)]


def _section(title: str, pairs: list[tuple[str, str]], show_all: bool) -> list[str]:
    if not pairs:
        return []
    shown = pairs if show_all else pairs[:VALUES_MAX]
    width = min(max(len(draw.clean(path)) for path, _ in shown), CELL_CHARS_MAX)
    lines = ["", click.style(title, bold=True)]
    for path, value in shown:
        text = value.replace("\n", "⏎")
        if not show_all and len(text) > CELL_CHARS_MAX:
            text = text[: CELL_CHARS_MAX - 1] + "…"
        lines.append(f"  {draw.clean(path):<{width}}  {text}")
    return lines + _more(len(pairs) - len(shown))


def _curves(run: StoredRun | ApiRun, show_all: bool) -> list[str]:
    from kiseki.record import keypath

    curves: dict[str, draw.Curve] = {}
    for row in run.history():
        for path, value in keypath.flatten(row):
            if isinstance(value, (int, float)) and not path.startswith("_"):
                if path not in curves:
                    curves[path] = draw.Curve()
                curves[path].add(value)
    names = list(curves) if show_all else list(curves)[:METRICS_MAX]
    if not names:
        return []
    width = max(len(draw.clean(name)) for name in names)
    lines = ["", click.style("metrics", bold=True)]
    for name in names:
        curve = curves[name]
        facts = f"last {draw.number(curve.last)}"
        if curve.count > curve.nan:
            facts += f"  min {draw.number(curve.min)}  max {draw.number(curve.max)}"
        if curve.nan:
            facts += click.style(f"  {curve.nan:,} NaN", fg="red")
        spark = f"{curve.spark():<{curve.width}}"
        lines.append(f"  {draw.clean(name):<{width}}  {click.style(spark, fg='cyan')}  {facts}")
    return lines + _more(len(curves) - len(names))


def _more(count: int) -> list[str]:
    return [click.style(f"  … and {count:,} more (--all)", dim=True)] if count > 0 else []


def _damage(run: StoredRun | ApiRun) -> str:
    from kiseki.uploader.messages import DAMAGED

    count = len(run.damage)
    lines = [f"{count} part{'s' * (count > 1)} of this run cannot be read. [{DAMAGED}]"]
    lines += [
        f"{file}: bytes {start:,} to {end:,}: {reason}" for file, start, end, reason in run.damage
    ]
    lines.append("every intact record in front of and behind the damage is shown.")
    return "\n".join(lines)
