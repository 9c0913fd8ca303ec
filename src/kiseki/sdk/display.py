"""A run as a notebook shows it: a card with its place, state and metrics (R-10, J-03).

The card is made here, of what the run knows. The page of the run is not framed in it: a page that other pages
may frame can be overlaid by them, so the server forbids it, and a notebook on another host would get the
sign-in page anyway, as cookies of a framed page are not sent. The card links to the page.
"""

from __future__ import annotations

import html
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from kiseki.errors import UsageValueError
from kiseki.sdk import sparkline

if TYPE_CHECKING:
    from kiseki.sdk.run import Run

HEIGHT = 420
BOX = (
    "font:13px/1.5 system-ui,sans-serif;border:1px solid rgba(128,128,128,.35);border-radius:8px;"
    "padding:12px 16px;max-width:720px;overflow:auto;box-sizing:border-box"
)
FAINT = "opacity:.65"
CODE = "font:12px/1.35 ui-monospace,monospace;margin:8px 0 0;background:none;white-space:pre"


class Card(NamedTuple):
    """What stands on a card; `lines` are set in columns."""

    title: str
    state: str = ""
    url: str = ""
    where: str = ""
    lines: tuple[str, ...] = ()


def of_run(run: Run) -> Card:
    """Return the card of a run of this process."""
    samples = sparkline.sample(run._stream.path, run._rows.shapes)
    lines = sparkline.table(samples, run._rows.fold().values)
    return Card(
        title=run.name,
        state=_state(run),
        url=run.url or "",
        where=run.path if run.url else run.sync_dir,
        lines=tuple(line.removeprefix("  ") for line in lines),
    )


def of_path(path: str, base_url: str) -> Card:
    """Return the card of a run or project by its path, as `run.path` and the address of its page say it.

    Raises:
        UsageValueError: the path names neither.
    """
    if path.startswith(("http://", "https://")):
        base_url, path = path, path.partition("://")[2].partition("/")[2]
        base_url = base_url.removesuffix(path)
    parts = [part for part in path.split("/") if part]
    if len(parts) == 4 and parts[2] == "runs":
        del parts[2]
    if len(parts) not in (2, 3):
        raise UsageValueError(
            f"a path looks like entity/project or entity/project/run; got {path!r}"
        )
    entity, project, *run = map(quote, parts)
    url = f"{base_url.rstrip('/')}/{entity}/{project}" + (f"/runs/{run[0]}" if run else "")
    return Card(title="/".join(parts), url=url)


def page(card: Card, height: int = HEIGHT, hidden: bool = False) -> str:
    """Return a card as HTML that needs nothing else.

    Args:
        card: what stands on it.
        height: pixels, at most.
        hidden: show the title only, until it is pressed.
    """
    title = f"<b>{html.escape(card.title)}</b>"
    state = f' <span style="{FAINT}">{html.escape(card.state)}</span>' if card.state else ""
    parts = []
    if card.url:
        url = html.escape(card.url, quote=True)
        parts.append(f'<div><a href="{url}" target="_blank" rel="noopener">{url}</a></div>')
    if card.where:
        parts.append(f'<div style="{FAINT}">{html.escape(card.where)}</div>')
    if card.lines:
        lines = html.escape("\n".join(card.lines))
        parts.append(f'<pre style="{CODE}">{lines}</pre>')
    body = "".join(parts)
    if hidden:
        body = f"<details><summary>{title}{state}</summary>{body}</details>"
    else:
        body = f"<div>{title}{state}</div>{body}"
    return f'<div style="{BOX};max-height:{int(height)}px">{body}</div>'


def html_of(text: str) -> Any:
    """Return HTML as IPython shows it."""
    return _ipython().HTML(text)


def show(text: str) -> Any:
    """Show HTML in the notebook; return a handle to update it with."""
    return _ipython().display(html_of(text), display_id=True)


def _ipython() -> Any:
    return import_module("IPython.display")


def _state(run: Run) -> str:
    if not run._has_ended:
        return "running"
    return "finished" if run._exit_code == 0 else f"failed (exit code {run._exit_code})"
