"""Names of files: which there may be, which may become paths on this disk (reliability 5.6).

A name is text with `/` between its parts, whatever machine it comes from. A server keeps names in its
database only; whoever downloads makes a path of one, and trusts nobody's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatch

NAME_CHARS_MAX = 4_096
PART_BYTES_MAX = 255  # what file systems take

# Texts, compiled when first used: `import kiseki` needs none of them.
_CONTROL = r"[\x00-\x1f\x7f\ud800-\udfff]"
_DEVICE = r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)"
_DRIVE = r"[a-z]:"


def fault_of_name(name: str) -> str:
    """Return why no file may have this name, "" if one may."""
    if not name or len(name) > NAME_CHARS_MAX:
        return f"a name has 1 to {NAME_CHARS_MAX:,} characters"
    if re.search(_CONTROL, name):
        return "a control character"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return f"the part {part!r}"
    return ""


def fault_of_path(name: str) -> str:
    """Return why a name may not become a path on this disk, "" if it may.

    Stricter than `fault_of_name`: a name that some system reads in another way is refused on all.
    """
    if fault := fault_of_name(name):
        return fault
    for part in name.split("/"):
        if "\\" in part or re.match(_DRIVE, part, re.I):
            return f"a part that some systems read as a path: {part!r}"
        if re.match(_DEVICE, part, re.I):
            return f"the name of a device: {part!r}"
        if part[-1] in ". ":
            return f"a part that ends in a dot or a space: {part!r}"
        if len(part.encode()) > PART_BYTES_MAX:
            return f"a part of more than {PART_BYTES_MAX} bytes"
    return ""


def is_ignored(name: str, globs: Iterable[str]) -> bool:
    """Return whether a file's name, or its last part, matches one of the patterns (A-06)."""
    last = name.rpartition("/")[2]
    return any(fnmatch(name, glob) or fnmatch(last, glob) for glob in globs)


def repository_of(folder: str) -> str | None:
    """Return the root of the git work tree that holds a folder, None outside of one."""
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def code_path(program: str, cwd: str) -> str:
    """Return a program's path below its repository, else below the current folder; else its bare name."""
    program = os.path.realpath(os.path.join(cwd, program))
    for root in (repository_of(os.path.dirname(program)), cwd and os.path.realpath(cwd)):
        if root and program.startswith(root.rstrip(os.sep) + os.sep):
            return os.path.relpath(program, root).replace(os.sep, "/")
    return os.path.basename(program)
