"""Turning what people log into plain values: text, numbers, bools, None, and lists and dicts of these.

NumPy, torch and friends are recognised without importing them. What has no plain form raises
`UsageTypeError` before anything is stored (L-08, L-12); over-long text is replaced by a placeholder,
because it would stall every row behind it (reliability 2.10).
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import sys
import types
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record import codec, keypath

DEPTH_MAX = 64
KEYS_MAX = 100_000
KEY_CHARACTERS_MAX = 10_000
TEXT_BYTES_MAX = 1_000_000
TEXT_KEPT_CHARACTERS = 1_000
LIST_ELEMENTS_MAX = 32  # an array with more elements becomes a histogram (L-11)
HISTOGRAM_BINS = 32
RANGE_MAX = 4e307  # the difference of two numbers beyond it may be beyond all numbers

PLAIN: frozenset[type] = frozenset((float, int, bool, str, type(None)))

OnReplaced = Callable[[str, str], None]  # (path, reason)

FIGURE_LIBRARIES = frozenset({"matplotlib", "plotly", "bokeh", "pandas", "polars", "PIL"})


class MediaFound(UsageTypeError):
    """A value that is media (M-00), or may be: `sdk/media` must have it first."""


class Ready(dict[str, Any]):
    """A plain value as `sdk/media` made it; `Normaliser` leaves it as it is."""


class Normaliser:
    """Makes plain values; tells `on_replaced` about every value it had to replace.

    Args:
        text_of: for values that have no plain form (enums too): returns their text. `None` refuses
            them, and takes the values of enums.
        is_json: store NaN and ±Inf as None, and arrays and texts of any length as they are (config,
            C-08; its values have a limit of their own).
        media_of: returns what stands for a media value. `None` raises `MediaFound`.
    """

    def __init__(
        self,
        on_replaced: OnReplaced,
        text_of: Callable[[Any], str] | None = None,
        is_json: bool = False,
        media_of: Callable[[Any], Any] | None = None,
    ) -> None:
        self._on_replaced = on_replaced
        self._text_of = text_of
        self._is_json = is_json
        self._media_of = media_of

    def flat(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return {key path: plain value} of a logged mapping (L-08, L-09).

        Raises:
            UsageTypeError: a key that is not text, or a value without a plain form.
            UsageValueError: more keys, depth or key length than a row may have.
        """
        for key in data:
            check_key(key)
        tree = {clean_text(key): self.plain(value, key, 1) for key, value in data.items()}
        row = dict(keypath.flatten(tree))
        if len(row) > KEYS_MAX:
            raise UsageValueError(f"a row of {len(row):,} keys; the limit is {KEYS_MAX:,}")
        return row

    def plain(self, value: Any, path: str, depth: int = 0) -> Any:
        """Return `value` as plain values at every depth; `path` names it in messages."""
        kind = type(value)
        if kind is float or isinstance(value, float):
            return self._number(float(value))
        if kind is int:
            return checked_int(value, path)
        if kind is bool or value is None:
            return value
        if isinstance(value, enum.Enum):
            return self.plain(value.value, path, depth) if self._text_of is None else value.name
        if isinstance(value, int):
            return checked_int(int(value), path)
        if isinstance(value, str):
            return self._text(str(value), path)
        if depth > DEPTH_MAX:
            raise UsageValueError(
                f"the value of {path!r} is nested deeper than {DEPTH_MAX} levels (or contains itself)"
            )
        if isinstance(value, Mapping):
            if kind is Ready:
                return value
            return {
                clean_text(key_text(key)): self.plain(item, path, depth + 1)
                for key, item in value.items()
            }
        if kind is list or kind is tuple or isinstance(value, (list, tuple)):
            return [self.plain(item, path, depth + 1) for item in value]
        if isinstance(value, Set):
            return [self.plain(item, path, depth + 1) for item in ordered(value)]
        return self._foreign(value, path, depth)

    def _number(self, value: float) -> float | None:
        return None if self._is_json and not math.isfinite(value) else value

    def _text(self, text: str, path: str) -> Any:
        is_long = len(text) * 4 > TEXT_BYTES_MAX and not self._is_json
        if is_long and len(text.encode("utf-8", "replace")) > TEXT_BYTES_MAX:
            reason = f"text of {len(text):,} characters is over the limit of 1 MB"
            self._on_replaced(path, reason)
            start = clean_text(text[:TEXT_KEPT_CHARACTERS])
            return {"_type": "replaced", "reason": reason, "was": "text", "start": start}
        return clean_text(text)

    def _foreign(self, value: Any, path: str, depth: int) -> Any:
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, (complex, decimal.Decimal)):
            return str(value)
        if is_array(value):
            return self._array(value, path, depth)
        if is_media(value):
            if self._media_of is not None:
                return self._media_of(value)
            raise MediaFound(
                f"{path!r} cannot hold a value of type {type_name(value)}: "
                "it has a file, which only log() and the summary keep"
            )
        if self._text_of is not None:
            return self._text(self._text_of(value), path)
        error = MediaFound if is_figure(value) else UsageTypeError
        raise error(
            f"cannot log {path!r}: a value of type {type_name(value)} has no plain form. "
            "Log numbers, text, bools, None, arrays, media, or dicts and lists of these."
        )

    def _array(self, value: Any, path: str, depth: int) -> Any:
        if getattr(getattr(value, "dtype", None), "kind", None) in ("m", "M") and hasattr(
            value, "astype"
        ):
            value = value.astype(str)  # datetime64, timedelta64: their text (L-12)
        size, tolist, array = open_array(value, path)
        if size <= LIST_ELEMENTS_MAX or self._is_json:
            plain = tolist()
            if type(plain) is type(value):  # a scalar wider than Python's, such as longdouble
                plain = float(plain)
            return self.plain(plain, path, depth + 1)
        found = histogram(array())
        if found is None:
            return self.plain(tolist(), path, depth + 1)
        return found


def checked_int(value: int, path: str) -> int:
    """Return `value`; raise for one that could be written and never be read again."""
    if not codec.is_readable_int(value):
        limit = codec.INT_DIGITS_MAX
        raise UsageValueError(f"cannot log {path!r}: an integer of more than {limit:,} digits")
    return value


def check_key(key: object) -> None:
    """Raise unless `key` may be a key of a row."""
    if not isinstance(key, str):
        raise UsageTypeError(f"keys must be text, got {key!r} of type {type_name(key)}")
    if len(key) > KEY_CHARACTERS_MAX:
        raise UsageValueError(
            f"a key of {len(key):,} characters ({key[:40]!r}…); the limit is {KEY_CHARACTERS_MAX:,}"
        )


def key_text(key: object) -> str:
    """Return a key of a nested dict as text (L-12)."""
    if isinstance(key, str):
        return str(key)
    if isinstance(key, enum.Enum):
        return str(key.value)
    return str(key)


def plain_text(what: str, value: object) -> str:
    """Return text as it can be stored, and as nothing but text: NumPy and enums have kinds of their own.

    Raises:
        UsageTypeError: it is no text; `what` it should be.
    """
    if not isinstance(value, str):
        raise UsageTypeError(f"{what} must be text, got {value!r}")
    return clean_text(str.__str__(value))


def clean_text(text: str) -> str:
    """Return `text` with surrogates that have no partner replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def ordered(values: Set[Any]) -> Sequence[Any]:
    """Return the elements of a set, sorted where they can be compared."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def type_name(value: object) -> str:
    kind = type(value)
    return (
        kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    )


def is_media(value: object) -> bool:
    """Return whether `value` is one of Kiseki's media; does not import them."""
    return getattr(type(value), "is_kiseki_media", False) is True


def is_figure(value: Any) -> bool:
    """Return whether `value` may be what other libraries call a figure, an image or a data frame."""
    if isinstance(value, types.ModuleType):
        return value.__name__ == "matplotlib.pyplot"
    return any(
        kind.__module__.partition(".")[0] in FIGURE_LIBRARIES for kind in type(value).__mro__
    )


def is_array(value: Any) -> bool:
    """Return whether `value` is a NumPy scalar or array, or a tensor of another library."""
    if isinstance(value, type):
        return False
    # A data frame is a table, not an array.
    if hasattr(value, "columns") and (hasattr(value, "index") or hasattr(value, "iter_rows")):
        return False
    return hasattr(value, "__array__") or hasattr(value, "detach")


def open_array(value: Any, path: str) -> tuple[int, Callable[[], Any], Callable[[], Any]]:
    """Return (number of elements, its plain lists, its NumPy array) of an array-like value."""
    try:
        if hasattr(value, "detach"):  # torch: leave the graph and the device
            value = value.detach()
            value = value.cpu() if hasattr(value, "cpu") else value
            size = int(value.numel())
            return size, value.tolist, lambda: numpy_of(value)
        if not (hasattr(value, "tolist") and hasattr(value, "size")):
            import numpy

            value = numpy.asarray(value)
        return int(value.size), value.tolist, lambda: numpy_of(value)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise UsageTypeError(
            f"cannot log {path!r}: {type_name(value)} does not give its numbers: {error}"
        ) from error


def numpy_of(value: Any) -> Any:
    import numpy

    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.double() if value.is_floating_point() else value
    return numpy.asarray(value)


def histogram(array: Any, bins: int = HISTOGRAM_BINS) -> dict[str, Any] | None:
    """Return `bins` bins of a numeric array (L-11), or None for an array that is not numeric.

    NaN and ±Inf lie in no bin; their numbers stand beside the bins.
    """
    import numpy

    if array.dtype.kind not in "biuf":
        return None
    numbers = array.reshape(-1)
    if array.dtype.kind != "f" or array.dtype.itemsize != 8:
        numbers = numbers.astype(numpy.float64)
    finite = numbers[numpy.isfinite(numbers)]
    result: dict[str, Any] = {"_type": "histogram", "values": [], "bins": []}
    if finite.size:
        counts, edges = binned(finite, bins)
        result["values"], result["bins"] = counts.tolist(), edges.tolist()
    if finite.size != numbers.size:
        result["nan"] = int(numpy.isnan(numbers).sum())
        result["pinf"] = int(numpy.isposinf(numbers).sum())
        result["ninf"] = int(numpy.isneginf(numbers).sum())
    return result


def binned(numbers: Any, bins: int) -> tuple[Any, Any]:
    """Return (counts, edges) of finite numbers, also where NumPy refuses: huge and tiny ranges."""
    import numpy

    low, high = numbers.min(), numbers.max()
    if max(-low, high) > RANGE_MAX:  # high - low overflows
        counts, edges = binned(numbers / 4, bins)
        limit = numpy.finfo(numpy.float64).max / 4
        return counts, edges.clip(-limit, limit) * 4
    try:
        return numpy.histogram(numbers, bins, (low, high))
    except ValueError:  # fewer floats between smallest and largest than there are bins
        pad = bins * numpy.spacing(max(abs(low), abs(high)))
        return numpy.histogram(numbers, bins, (low - pad, high + pad))
