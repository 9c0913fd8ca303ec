"""Hiding secrets in what is recorded of a program: its arguments, addresses, names of variables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

# An option that holds a secret by its name, or a value that looks like a key. Texts, compiled when first
# used: the training process needs few of them.
_SECRET_NAME = (
    r"(?:^|[-_.])(pass(word|wd)?|secret|token|(api|access|secret|private)[-_]?key|credentials?|auth)"
    r"(?:$|[-_.])"
)
_SECRET_VALUE = r"^(ksk_|sk-|ghp_|gho_|github_pat_|hf_|xox[bap]-|AKIA|glpat-)\S{8,}|^[0-9a-f]{40,}$"
_URL = r"[a-z][a-z0-9+.-]*://\S+"  # also behind an option: --db=postgres://…
HIDDEN = "[hidden]"


def is_secret_name(name: str) -> bool:
    """Return whether an option or variable of this name holds a secret."""
    return bool(re.search(_SECRET_NAME, name, re.I))


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
        elif equals and ((is_option and is_secret_name(name)) or re.match(_SECRET_VALUE, value)):
            shown.append(f"{name}={HIDDEN}")
        elif re.match(_SECRET_VALUE, arg):
            shown.append(HIDDEN)
        elif "://" in arg:
            shown.append(re.sub(_URL, lambda found: redact_url(found[0]), arg, flags=re.I))
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
