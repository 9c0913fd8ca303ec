"""Samples of OpenMetrics pages, as exporters serve them (setting `x_stats_open_metrics_endpoints`)."""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Mapping, Sequence

TIMEOUT_S = 2.0
PAGE_BYTES_MAX = 4 * 1024 * 1024
SAMPLES_MAX = 1_000  # of one page

# name{labels} value [timestamp]; comments and the end mark begin with #
_LINE = re.compile(r"([A-Za-z_:][\w:]*)(\{.*\})?\s+(\S+)(?:\s+\S+)?\s*")


class OpenMetrics:
    """The pages that are sampled beside the machine.

    Args:
        endpoints: name → address.
        filters: regular expressions; only `name.metric` that matches one is kept. None: all.
    """

    def __init__(self, endpoints: Mapping[str, str], filters: Sequence[str] | None = None) -> None:
        self._endpoints = dict(endpoints)
        self._filters = [re.compile(text) for text in filters or ()]

    def sample(self) -> dict[str, float]:
        """Return `openmetrics.<endpoint>.<metric>.<n>`, n counting the label sets of a metric."""
        values: dict[str, float] = {}
        for endpoint, address in self._endpoints.items():
            counts: dict[str, int] = {}
            for metric, value in self._read(address):
                name = f"{endpoint}.{metric}"
                if self._filters and not any(wanted.search(name) for wanted in self._filters):
                    continue
                counts[metric] = number = counts.get(metric, -1) + 1
                if sum(counts.values()) + len(counts) > SAMPLES_MAX:
                    break
                values[f"openmetrics.{name}.{number}"] = value
        return values

    def _read(self, address: str) -> list[tuple[str, float]]:
        """Return what a page says; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
                text = answer.read(PAGE_BYTES_MAX).decode("utf-8", "replace")
        except (OSError, ValueError, http.client.HTTPException):
            return []
        found = []
        for line in text.splitlines():
            match = _LINE.fullmatch(line)
            if match is not None:
                try:
                    found.append((match.group(1), float(match.group(3))))
                except ValueError:
                    continue
        return found
