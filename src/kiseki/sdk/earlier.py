"""Run folders of this machine that a new run goes on from (I-58, design §3.2).

A server knows best what came before. This is asked where there is none: in offline mode, while the server
cannot be reached, and for `resume="auto"`, which is about this machine. Folders are found by looking, there
is no list of them to go stale.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kiseki.errors import CorruptRecord, DataError
from kiseki.record.codec import Decoder
from kiseki.record.fold import RunState
from kiseki.record.frame import Frame, scan
from kiseki.record.types import Finish, Kind, Open
from kiseki.sdk.arguments import CONTINUING, Continuation, Moment
from kiseki.uploader import death
from kiseki.uploader.feed import first_open

if TYPE_CHECKING:
    from kiseki.sdk.reading import Piece

LAST_BYTES = 256 * 1024


class Earlier(NamedTuple):
    """A run folder, and the `Open` of the process that made it."""

    folder: Path
    journal: Path
    opening: Open


class Restored(NamedTuple):
    """What a run goes on from.

    Attributes:
        state: the run as its records up to now describe it.
        is_resumed: whether it is the same run; a fork begins a new one.
        last_step: the last step of the history that was found, before it was cut; -1 if it has none.
    """

    state: RunState
    is_resumed: bool
    last_step: int = -1


def find(parent: str, project: str, entity: str) -> list[Earlier]:
    """Return the run folders in `parent` of a project, oldest first.

    Args:
        parent: folder of run folders.
        entity: as given to `init`; "" is the user's default entity, whichever that is.
    """
    found = []
    for folder in _folders(parent):
        known = _opened(folder)
        if known is not None:
            opening = known.opening
            if opening.project == project and entity in ("", opening.entity):
                found.append(known)
    return sorted(found, key=lambda known: known.opening.started_us)


def _folders(parent: str) -> Iterable[Path]:
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        path = Path(parent, name)
        if name.startswith(("run-", "offline-run-")) and not path.is_symlink():
            yield path


def _opened(folder: Path) -> Earlier | None:
    """Return the main writer of a folder; its forked children have longer names."""
    for journal in sorted(folder.glob("run-*.kslog"), key=lambda path: len(path.name)):
        try:
            opening = first_open(journal)
        except (OSError, DataError):
            continue
        if opening is not None:
            return Earlier(folder, journal, opening)
    return None


def unfinished(found: list[Earlier], run_id: str | None) -> Earlier | None:
    """Return the newest of these runs that crashed or failed here, None without one (I-58).

    Of several folders of a run the newest decides. A run whose process still runs, or ran on another
    machine, is not one of them.

    Args:
        run_id: the only run that is meant; None = any.
    """
    latest = {known.opening.run: known for known in found}
    for known in sorted(latest.values(), key=lambda known: -known.opening.started_us):
        if run_id not in (None, known.opening.run) or ended_cleanly(known.journal):
            continue
        if death.is_dead(known.opening) or _has_finish(known.journal):
            return known
    return None


def running(found: list[Earlier], run_id: str | None) -> Open | None:
    """Return the process of this machine that logs to a run, None if there is none but this one."""
    for known in reversed(found):
        opening = known.opening
        if opening.run == run_id:
            is_other = opening.host == socket.gethostname() and opening.pid not in (0, os.getpid())
            is_alive = is_other and not death.is_dead(opening) and not _has_finish(known.journal)
            return opening if is_alive else None
    return None


def ended_cleanly(journal: Path) -> bool:
    """Return whether the writer of a journal ended its run with exit code 0."""
    return any(finish.exit_code == 0 for finish in _finishes(journal))


def _has_finish(journal: Path) -> bool:
    """Return whether a writer ended its run, in whichever way; its process may go on without it."""
    return bool(_finishes(journal))


def _finishes(journal: Path) -> list[Finish]:
    """Return the `Finish` of a journal, which is among its last records."""
    try:
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - LAST_BYTES))
            data = file.read()
    except OSError:
        return []
    found, decoder = [], Decoder()
    for _, frame in scan(data):
        if isinstance(frame, Frame) and frame.kind == Kind.FINISH:
            try:
                record = decoder.decode(frame)
            except CorruptRecord:
                continue
            if isinstance(record, Finish):
                found.append(record)
    return found


def restored(found: list[Earlier], run_id: str, wanted: Continuation) -> Restored | None:
    """Return what a run goes on from, as far as folders of this machine tell; None if they do not.

    Behind a moment of a run that is not recorded here the steps begin all the same.

    Args:
        found: what `find` returned.
        run_id: the run that is started.
    """
    moment = wanted.parent
    if moment is not None:
        pieces = _cut(_lineage(found, moment.run), moment.step)
    elif wanted.resume in CONTINUING:
        pieces = _lineage(found, run_id)
    else:
        return None
    if not pieces and moment is None:
        return None
    if not pieces and moment is not None:
        return Restored(RunState(next_step=moment.step + 1), wanted.fork is None, moment.step)
    from kiseki.sdk.reading import fold_pieces

    state, last_step = fold_pieces(pieces)
    if moment is not None:
        state.next_step = moment.step + 1
    return Restored(state, wanted.fork is None, last_step)


def _lineage(found: list[Earlier], run_id: str, before_us: int | None = None) -> list[Piece]:
    """Return the pieces that the history of a run's latest attempt is made of, oldest first."""
    from kiseki.sdk.reading import Piece

    pieces: list[Piece] = []
    for known in found:
        opening = known.opening
        if opening.run != run_id or (before_us is not None and opening.started_us >= before_us):
            continue
        if opening.parent_run is not None and opening.parent_step is not None:
            at = Moment(opening.parent_run, opening.parent_step)
            if at.run != run_id:  # the base of a fork is older than the fork: this ends
                pieces = _lineage(found, at.run, opening.started_us)
            pieces = _cut(pieces, at.step)
        elif opening.resume not in CONTINUING and not opening.shared:
            pieces = []
        pieces.append(Piece(known.folder))
    return pieces


def _cut(pieces: list[Piece], step: int) -> list[Piece]:
    return [
        piece._replace(limit=min(step, piece.limit), before=piece.limit, is_whole=False)
        for piece in pieces
    ]
