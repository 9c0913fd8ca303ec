"""When to try again. Pure: the random source is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential with full jitter, so that many clients of a server that comes back do not march in step.

    Attributes:
        first_s: upper bound of the first pause.
        longest_s: upper bound of every pause.
        loopback_s: pause after a refused connection to this machine: asking costs nothing there, and
            somebody may have just started the server.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    loopback_s: float = 1.0

    def pause(
        self,
        failures: int,
        random: Callable[[], float],
        *,
        retry_after_s: float | None = None,
        is_refused_loopback: bool = False,
    ) -> float:
        """Return the seconds to wait after the `failures`-th failure in a row (1, 2, …).

        What the server asked for (`retry_after_s`) is a lower bound, up to ten minutes.
        """
        if is_refused_loopback:
            return self.loopback_s
        ceiling = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        pause = max(0.05, ceiling * random())
        if retry_after_s is not None:
            pause = max(pause, min(retry_after_s, 600.0))
        return pause


def is_retryable(status: int) -> bool:
    """Return whether the same request may succeed later (reliability 2.7)."""
    return status in (408, 425, 429) or status >= 500


def retry_after_s(value: str | None) -> float | None:
    """Return a `Retry-After` header as seconds; dates and nonsense are None."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
