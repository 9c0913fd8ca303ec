"""What a person is told when sending fails (reliability §6).

At most four lines: what happened, what is kept, what Kiseki does now, what one can do.

KSK-NET-101  the server does not answer              KSK-NET-104  the server answers with an error
KSK-NET-102  nothing listens at the address          KSK-NET-105  the server is busy
KSK-NET-103  something else than Kiseki answers      KSK-DISK-107 the server's disk is full
KSK-AUTH-201 the key is missing or not accepted      KSK-RUN-301  the server does not take this run
KSK-DISK-108 the run folder was deleted while the run went on
KSK-FILE-109 a file was not uploaded
KSK-DATA-401 records were refused and set aside      KSK-DATA-402 the journal is damaged
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kiseki.client.http import ConnectionRefused
from kiseki.errors import AuthenticationError, CommError, ServerError

NO_ANSWER = "KSK-NET-101"
REFUSED = "KSK-NET-102"
FOREIGN = "KSK-NET-103"
SERVER_ERROR = "KSK-NET-104"
BUSY = "KSK-NET-105"
DISK_FULL = "KSK-DISK-107"
GONE = "KSK-DISK-108"
FILE = "KSK-FILE-109"
KEY = "KSK-AUTH-201"
RUN_REFUSED = "KSK-RUN-301"
REJECTED = "KSK-DATA-401"
DAMAGED = "KSK-DATA-402"

DELETED = "deleted"  # `code` of the server's answer: the run was deleted and its id stays taken


class Kept(NamedTuple):
    """What is safe: size of the journals on disk in bytes, and records acknowledged by the server."""

    folder: Path
    disk_bytes: int
    acked: int

    def line(self) -> str:
        if is_gone(self.folder):
            return (
                f"the run folder {self.folder} was deleted; {self.acked:,} records are on the server, "
                "the others are lost unless it answers before the run ends."
            )
        size = self.disk_bytes / 1e6
        return (
            f"everything logged is safe in {self.folder} ({size:,.1f} MB); "
            f"{self.acked:,} records of it are on the server."
        )


def code_of(error: CommError) -> str:
    """Return the stable code of a failure."""
    if isinstance(error, AuthenticationError):
        return KEY
    if isinstance(error, ConnectionRefused):
        return REFUSED
    if isinstance(error, ServerError):
        if error.status == 507:
            return DISK_FULL
        if error.status in (408, 425, 429, 503):
            return BUSY
        return SERVER_ERROR if error.status >= 500 else RUN_REFUSED
    return FOREIGN if "not a Kiseki server" in str(error) else NO_ANSWER


def trouble(error: CommError, kept: Kept, retry_s: float) -> str:
    """Return the lines for a failure after which sending is tried again in `retry_s` seconds."""
    code = code_of(error)
    lines = [f"{error}. [{code}]", kept.line()]
    if is_gone(kept.folder):
        return _block([*lines, "training continues; uploading is tried again and again."])
    sync = f"kiseki sync {kept.folder}"
    if code == KEY:
        lines.append(
            "training continues; uploading is tried again every minute, and when the key changes."
        )
        lines.append("to sign in: kiseki login --relogin (or set KISEKI_API_KEY)")
    elif code == RUN_REFUSED:
        lines.append("training continues and is recorded to disk only.")
        if isinstance(error, ServerError) and error.detail.get("code") == DELETED:
            lines.append(f"to upload it as another run: {sync} --id NEW-ID")
        else:
            lines.append(f"when the cause is removed: {sync}")
    elif code == REFUSED:
        lines.append("training continues; uploading starts by itself when the server is there.")
        lines.append(f"to start one: kiseki server; to upload later: {sync}")
    else:
        lines.append(
            f"training continues; next try in {max(1, round(retry_s))} s, then again and again."
        )
        lines.append(f"to upload later: {sync}")
    return _block(lines)


def is_gone(folder: Path) -> bool:
    """Return whether a run folder was deleted or moved away; False if that cannot be told."""
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # a network drive that does not answer now
        return False
    return False


def gone(folder: Path, is_sending: bool) -> str:
    """Return the lines for a run folder that was deleted while the run goes on."""
    where = (
        "what the server does not get before the run ends is lost; uploading goes on."
        if is_sending
        else "what this run logs is lost."
    )
    return _block(
        [
            f"the run folder {folder} was deleted or moved while the run goes on. [{GONE}]",
            f"training continues; {where}",
        ]
    )


def file_given_up(name: str, reason: str, path: Path) -> str:
    """Return the lines for a file that is not uploaded."""
    return _block(
        [
            f"the file {name} was not uploaded: {reason}. [{FILE}]",
            f"it was looked for at {path}; everything else is uploaded.",
        ]
    )


def files_wait(error: CommError, folder: Path) -> str:
    """Return the lines for files that the server has no room for."""
    return _block(
        [
            f"{error}. [{code_of(error)}]",
            f"the files are safe in {folder}; what is logged still reaches the server.",
            "uploading them is tried again and again.",
            f"to upload later: kiseki sync {folder}",
        ]
    )


def healed(base_url: str, acked: int) -> str:
    """Return the line for the end of trouble."""
    return _block([f"{base_url} answers again; uploading goes on ({acked:,} records are there)."])


def rejected(count: int, reason: str, folder: Path) -> str:
    """Return the lines for records the server refused."""
    records = "one record" if count == 1 else f"{count:,} records"
    return _block(
        [
            f"the server refused {records}: {reason} [{REJECTED}]",
            f"set aside in {folder / 'rejected.jsonl'}; everything else is uploaded.",
        ]
    )


def damaged(count: int, path: Path) -> str:
    """Return the lines for records that could not be read from a journal."""
    return _block(
        [
            f"{count:,} records of {path} cannot be read: the file is damaged. [{DAMAGED}]",
            "everything in front of and behind the damage is uploaded; the run page shows the loss.",
        ]
    )


def _block(lines: list[str]) -> str:
    return "\n".join(lines)
