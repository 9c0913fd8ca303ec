"""What `init` decides before anything is made."""

from __future__ import annotations

from typing import Any, NamedTuple

from kiseki.client.credentials import Target
from kiseki.errors import CommError
from kiseki.sdk.arguments import Continuation
from kiseki.sdk.settings import Settings


class Plan(NamedTuple):
    """Everything that is decided before anything is made."""

    settings: Settings
    config: dict[str, Any]
    allow_val_change: bool
    continuation: Continuation
    is_offline: bool
    is_explicit: bool  # the person asked for the server: no answer is an error (design §3.2)
    is_forced: bool
    target: Target
    is_global: bool
    is_anonymous: bool = False
    is_renewed: bool = False  # the anonymous account is a new one

    @property
    def demand(self) -> str:
        """What was asked for that needs the server's answer, as it is written in `init`; "" if nothing."""
        if self.is_forced:
            return "force=True"
        return self.continuation.question or ('mode="online"' if self.is_explicit else "")

    def unanswered(self, error: CommError) -> CommError:
        """Return the error of a server that does not answer where it has to (I-83)."""
        return CommError(
            f"{error}; init({self.demand}) needs the server at {self.target.base_url} (setting base_url; "
            f"waited {self.settings.init_timeout:g} s, setting init_timeout)"
        )
