"""Histograms (M-06): the only media that need no file."""

from __future__ import annotations

from typing import Any, ClassVar

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk import values
from kiseki.sdk.media.base import Media, Shelf
from kiseki.sdk.media.pixels import array_of
from kiseki.sdk.values import Ready, type_name

BINS = 64
BINS_MAX = 512


class Histogram(Media):
    """How the values of a sequence are distributed.

    Args:
        sequence: numbers: an array, tensor or list of any shape. NaN and ±Inf lie in no bin and are counted.
        np_histogram: instead of it, (counts, edges) as `numpy.histogram` gives them.
        num_bins: bins of equal width between smallest and largest number; at most 512.

    Attributes:
        histogram: counts, one a bin.
        bins: edges, one more than counts.

    Raises:
        UsageValueError: more than 512 bins, or edges that do not fit the counts.
        UsageTypeError: not numbers.
    """

    kind: ClassVar[str] = "histogram"

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = BINS,
    ) -> None:
        if (sequence is None) == (np_histogram is None):
            raise UsageTypeError(
                "Histogram: give either a sequence or np_histogram=(counts, edges)"
            )
        if np_histogram is not None:
            self._value = _given(np_histogram)
        else:
            if isinstance(num_bins, bool) or not hasattr(num_bins, "__index__") or num_bins < 1:
                raise UsageValueError(f"Histogram: num_bins must be 1 or more, got {num_bins!r}")
            _check_bins(num_bins)
            self._value = _counted(sequence, int(num_bins))
        self.histogram: list[float] = self._value["values"]
        self.bins: list[float] = self._value["bins"]

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the histogram; see `Media.to_value`."""
        return Ready(self._value, values=list(self.histogram), bins=list(self.bins))


def _counted(sequence: Any, bins: int) -> dict[str, Any]:
    import numpy

    if not (hasattr(sequence, "__array__") or hasattr(sequence, "detach")):
        try:
            sequence = numpy.asarray(list(sequence))
        except (TypeError, ValueError) as error:
            raise UsageTypeError(
                f"Histogram: {type_name(sequence)} is no sequence of numbers"
            ) from error
    array, _ = array_of(sequence, "Histogram")
    found = values.histogram(array, bins)
    if found is None:
        raise UsageTypeError(f"Histogram: an array of {array.dtype} holds no numbers")
    return found


def _given(pair: Any) -> dict[str, Any]:
    import numpy

    try:
        counts, edges = (numpy.asarray(part).reshape(-1) for part in pair)
    except (TypeError, ValueError) as error:
        raise UsageValueError("Histogram: np_histogram must be a pair (counts, edges)") from error
    _check_bins(len(counts))
    if len(edges) != len(counts) + 1:
        raise UsageValueError(
            f"Histogram: {len(counts)} counts need {len(counts) + 1} edges, got {len(edges)}"
        )
    for name, part in (("counts", counts), ("edges", edges)):
        if part.dtype.kind not in "biuf" or not numpy.isfinite(part).all():
            raise UsageValueError(f"Histogram: {name} must be finite numbers")
    if (numpy.diff(edges.astype(numpy.float64)) < 0).any():
        raise UsageValueError("Histogram: edges must not fall")
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def _check_bins(bins: int) -> None:
    if bins > BINS_MAX:
        raise UsageValueError(f"Histogram: {bins:,} bins; the limit is {BINS_MAX}")
