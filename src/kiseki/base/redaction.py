"""Hiding secrets in what is recorded of a program: its arguments, addresses, names of variables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

# An option that holds a secret by its name, or a value that looks like a key.
_SECRET_NAME = re.compile(
    r"(?:^|[-_.])(pass(word|wd)?|secret|token|(api|access|secret|private)[-_]?key|credentials?|auth)(?:$|[-_.])",
    re.I,
)
_SECRET_VALUE = re.compile(
    r"^(ksk_|sk-|ghp_|gho_|github_pat_|hf_|xox[bap]-|AKIA|glpat-)\S{8,}|^[0-9a-f]{40,}$"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.I)  # also behind an option: --db=postgres://…
HIDDEN = "[hidden]"


def is_secret_name(name: str) -> bool:
    """Return whether an option or variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name))


def redact_args(args: Sequence[str]) -> list[str]:
    """Return command line arguments with the values of secret-looking ones hidden (reliability 5.5)."""
    shown: list[str] = []
    hide_next = False
    for arg in args:
        name, equals, value = arg.partition("=")
        is_option = name.startswith("-") or bool(equals)
        if hide_next and not arg.startswith("--"):
            shown.append(HIDDEN)
            hide_next = False
        elif equals and ((is_option and is_secret_name(name)) or _SECRET_VALUE.match(value)):
            shown.append(f"{name}={HIDDEN}")
        elif _SECRET_VALUE.match(arg):
            shown.append(HIDDEN)
        elif "://" in arg:
            shown.append(_URL.sub(lambda found: redact_url(found[0]), arg))
        else:
            hide_next = name.startswith("-") and not equals and is_secret_name(name)
            shown.append(arg)
    return shown


def redact_url(url: str) -> str:
    """Return an address without user name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
