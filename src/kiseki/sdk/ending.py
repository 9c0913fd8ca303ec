"""What happens after the last record: waiting for the uploader, and the last lines (F-07, G-08)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kiseki.sdk import sparkline
from kiseki.sdk.link import Link
from kiseki.sdk.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Ending:
    """What there is to say about a run that has ended.

    Attributes:
        journal: path of the journal, closed.
        shapes: key paths by shape number.
        values: the flat summary.
        has_others: whether other processes logged to the run, whose rows are not counted here.
        is_kept: whether the journal still stands where it was written.
    """

    folder: str
    journal: str
    name: str
    url: str | None
    exit_code: int
    rows: int
    dropped: int
    shapes: Mapping[int, tuple[str, ...]]
    values: Mapping[str, Any]
    is_kept: bool = True
    has_others: bool = False


def send_rest(ending: Ending, link: Link, timeout: float, terminal: Terminal) -> str:
    """Wait, within `timeout` seconds (0 = for ever), until the server has everything; say what is so.

    Returns what was said if something is missing on the server, "" if nothing is, or the run is offline.
    Ctrl-C ends the waiting and passes on: the data is on disk, and the uploader goes on for a while.
    """
    try:
        result = link.finish(timeout, terminal.progress)
    except KeyboardInterrupt:
        terminal.progress("")
        kept = _kept(ending, "what is not on the server is lost")
        terminal.warn(f"not all is uploaded\n{kept}")
        raise
    terminal.progress("")
    if link.is_offline and not ending.is_kept:
        terminal.warn(_kept(ending, f"{_rows(ending)} {_be(ending)} lost"))
    elif link.is_offline:
        terminal.say(f"{_rows(ending)} recorded in {ending.folder}\n{_sync(ending)}")
    elif result.is_synced:
        terminal.say(f"{_rows(ending)} {_be(ending)} on the server: {ending.url or link.base_url}")
    elif result.refused:
        kept = _kept(ending, "it is lost", " --id NEW-ID")
        return _warned(terminal, f"the run is not uploaded: {result.refused}\n{kept}")
    else:
        known = result.pending >= 0
        if ending.is_kept:
            count = f"{result.pending:,}" if known else "some"
            text = f"{count} records are not yet on {link.base_url}."
            if result.files:
                text = f"{count} records and {result.files:,} files are not yet on {link.base_url}."
        else:
            count = f"{result.pending:,}" if known else f"up to {_rows(ending)} and all other"
            text = f"{count} records are not on {link.base_url}."
        return _warned(terminal, f"{text}\n{_kept(ending, 'they are lost')}")
    return ""


def _warned(terminal: Terminal, text: str) -> str:
    terminal.warn(text)
    return text


def say_how_it_went(ending: Ending, terminal: Terminal) -> None:
    """Say how the run ended, and how its metrics went."""
    if terminal.silent or terminal.quiet:
        return
    how = "finished" if ending.exit_code == 0 else f"failed (exit code {ending.exit_code})"
    lines = [f"run {ending.name} {how}"]
    if ending.values:
        samples: sparkline.Samples = {}
        if ending.is_kept:
            samples = sparkline.sample(ending.journal, ending.shapes)
        lines += sparkline.table(samples, ending.values)
    terminal.say("\n".join(lines))
    if ending.dropped:
        terminal.warn(f"{ending.dropped:,} records were lost: the disk was full")


def _kept(ending: Ending, loss: str, option: str = "") -> str:
    """Say what is safe, or with `loss` what is not: the folder was deleted, or its disk full."""
    if not ending.is_kept:
        return f"the run folder {ending.folder} was deleted while the run went on: {loss}"
    if ending.dropped:
        return (
            f"what the disk took ({_rows(ending)}) is in {ending.folder}\n{_sync(ending)}{option}"
        )
    return f"all of it ({_rows(ending)}) is safe in {ending.folder}\n{_sync(ending)}{option}"


def _rows(ending: Ending) -> str:
    rows = "1 row" if ending.rows == 1 else f"{ending.rows:,} rows"
    return f"{rows} of this process" if ending.has_others else rows


def _be(ending: Ending) -> str:
    return "is" if ending.rows == 1 else "are"


def _sync(ending: Ending) -> str:
    return f"to upload: kiseki sync {ending.folder}"
