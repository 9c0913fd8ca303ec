"""Sound (M-04)."""

from __future__ import annotations

import contextlib
import io
import wave
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.base import (
    Content,
    Media,
    Shelf,
    checked_caption,
    checked_file,
    extension_of,
    file_value,
    is_path,
)
from kiseki.sdk.media.pixels import array_of
from kiseki.sdk.values import Ready, type_name

CHANNELS_MAX = 32
FULL_SCALE = 32767  # of 16-bit samples


class Audio(Media):
    """A sound to log.

    Args:
        data_or_path: samples (n,) or (n, channels), also (channels, n) where that is the only way to read
            them: floats from -1 to 1 (what lies outside is cut) or integers; stored as 16-bit WAV. Or the
            path of a file, which is kept as it is.
        sample_rate: samples per second; needed for an array.
        caption: text shown with it.

    Raises:
        UsageValueError: an array without rate, or of a shape that is no sound; a file that is not there.
        UsageTypeError: neither an array nor a path.
    """

    kind: ClassVar[str] = "audio-file"

    def __init__(
        self, data_or_path: Any, sample_rate: float | None = None, caption: str | None = None
    ) -> None:
        self.caption = checked_caption(caption)
        self.sample_rate = sample_rate
        self.duration: float | None = None  # seconds
        self.note = ""
        if is_path(data_or_path):
            found = checked_file(data_or_path, "Audio")
            self._content = Content(extension_of(found) or "bin", source=found)
            self._measure(found)
            return
        if sample_rate is None:
            raise UsageValueError("Audio: an array needs sample_rate")
        if not 1 <= int(sample_rate) < 2**32:
            raise UsageValueError(f"Audio: a sample_rate of {sample_rate!r}")
        samples = self._samples(data_or_path)
        self.duration = len(samples) / int(sample_rate)
        self._content = Content("wav", _wav(samples, int(sample_rate)))

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the sound; see `Media.to_value`."""
        if self.note:
            shelf.tell(f"the sound {key!r}: {self.note}")
        fields = {
            "caption": self.caption,
            "sample_rate": self.sample_rate,
            "duration": self.duration,
        }
        return file_value(self.kind, self._content, "audio", shelf, key, fields)

    def _samples(self, data: Any) -> Any:
        """Return 16-bit samples (n, channels)."""
        import numpy

        if isinstance(data, (list, tuple)):
            data = numpy.asarray(data)
        if not (hasattr(data, "__array__") or hasattr(data, "detach")):
            raise UsageTypeError(f"Audio: {type_name(data)} is neither an array nor a path")
        array, _ = array_of(data, "Audio")
        if array.ndim == 1:
            array = array[:, None]
        elif array.ndim == 2 and array.shape[1] > CHANNELS_MAX >= array.shape[0]:
            array = array.T
        if array.ndim != 2 or array.shape[1] > CHANNELS_MAX:
            raise UsageValueError(
                f"Audio: the shape must be (samples,) or (samples, channels), got {array.shape}"
            )
        if array.dtype == numpy.int16:
            return array
        if array.dtype == numpy.uint8:
            return (array.astype(numpy.int16) - 128) << 8
        if array.dtype == numpy.int32:
            return (array >> 16).astype(numpy.int16)
        if array.dtype.kind != "f":
            raise UsageValueError(
                f"Audio: samples must be floats, uint8, int16 or int32, got {array.dtype}"
            )
        numbers = numpy.nan_to_num(array.astype(numpy.float64), nan=0.0)
        cut = int((numpy.abs(numbers) > 1).sum()) + int(numpy.isnan(array).sum())
        if cut:
            self.note = f"{cut:,} samples are NaN (silent) or outside of -1 … 1 (cut)"
        return numpy.rint(numbers.clip(-1, 1) * FULL_SCALE).astype(numpy.int16)

    def _measure(self, path: str) -> None:
        """Read rate and duration of a WAV file; of other formats they stay unknown."""
        with contextlib.suppress(wave.Error, EOFError, OSError), wave.open(path, "rb") as file:
            self.sample_rate = file.getframerate()
            self.duration = file.getnframes() / max(1, file.getframerate())


def _wav(samples: Any, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()
